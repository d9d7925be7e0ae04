"""`holdfast up`: a server and a worker that stay, all in one process."""

import asyncio
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from workers.up import Started


def up() -> None:
    """Run everything in one process: Temporal server, worker, HTTP endpoints.

    Runs that were left go on, and `holdfast run` starts in well under a second beside it. Ctrl-C or
    SIGTERM lets running nodes finish, then ends it; what is unfinished goes on at the next start.

    Addresses are printed; health is at `/health/live` and `/health/ready` (`HOLDFAST_API_PORT`).
    """
    from workers.cli.progress import ProgressLine
    from workers.cli.session import read_settings
    from workers.up import serve_all

    settings = read_settings()
    with ProgressLine() as progress:

        def started(addresses: "Started") -> None:
            progress.clear()
            say_started(addresses)

        asyncio.run(serve_all(settings, started, progress.show))


def say_started(addresses: "Started", what: str = "Holdfast") -> None:
    """Print the start-up line."""
    parts = [f"Temporal {addresses.temporal_address}"]
    if addresses.ui_url:
        parts.append(f"Web UI {addresses.ui_url}")
    parts += [f"health {addresses.http_url}/health/ready", f"data {addresses.home}"]
    typer.echo(f"{what} is up: {' · '.join(parts)}")
