"""The command line as a whole: which commands there are, what they load, and how they end."""

import subprocess
import sys

from typer.testing import CliRunner

from tests.sources import ROOT
from workers.cli import app
from workers.cli.lazy_group import COMMANDS

HEAVY = ("pydantic", "yaml", "temporalio", "sqlalchemy", "fastapi", "uvicorn", "alembic", "httpx")


def loaded_by(*arguments: str) -> set[str]:
    """Names of the top-level modules that a command has loaded when it ends."""
    program = (
        "import sys\nfrom workers.cli import app\n"
        f"try: app({list(arguments)!r}, prog_name='holdfast')\nexcept SystemExit: pass\n"
        "print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.splitlines()[-1].split())


def test_help_lists_every_command_and_loads_nothing_of_the_product() -> None:
    helped = CliRunner().invoke(app, ["--help"])

    assert helped.exit_code == 0
    assert all(f" {name} " in helped.stdout for name in COMMANDS)
    assert not loaded_by("--help") & set(HEAVY)


def test_version_is_printed_without_loading_a_command() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("holdfast 0.")
    assert not loaded_by("--version") & {*HEAVY, "rich"}


def test_every_command_has_a_help_of_its_own() -> None:
    for name in COMMANDS:
        helped = CliRunner().invoke(app, [name, "--help"])

        assert (helped.exit_code, name in helped.stdout) == (0, True)


def test_a_mistyped_command_is_met_with_the_nearest_one() -> None:
    mistyped = CliRunner().invoke(app, ["validat", "x"])

    assert mistyped.exit_code == 2
    assert "validate" in mistyped.stderr
