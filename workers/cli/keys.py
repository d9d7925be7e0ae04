"""`holdfast keys`: the keys under which secrets are kept."""

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema.settings import Settings
    from workers.dependencies import Records


class KeysAction(StrEnum):
    """What can be done with keys."""

    LIST = "list"
    NEW = "new"
    ROTATE_SECRETS = "rotate-secrets"


def keys(
    action: Annotated[KeysAction, typer.Argument(help="What to do.", show_default=False)],
) -> None:
    """Show and change the keys under which the secrets of runs are encrypted.

    `list` names the keys, never shows one, and counts the secrets under each. `new` prints a key as
    HOLDFAST_SECRET_KEYS takes it. `rotate-secrets` makes a new key the current one and encrypts
    every secret again; interrupted, it goes on when it is called again.

    With keys in HOLDFAST_SECRET_KEYS: put the new key in front, restart all processes, then call
    `rotate-secrets`; it encrypts with the first one.

    Examples:
      holdfast keys list

      holdfast keys rotate-secrets
    """
    if action is KeysAction.NEW:
        from schema.keys import new_key

        typer.echo(str(new_key()))
        return
    from workers.cli.session import read_settings

    work = {KeysAction.LIST: _list, KeysAction.ROTATE_SECRETS: _rotate}[action]
    asyncio.run(work(read_settings()))


async def _list(settings: "Settings") -> None:
    from schema.db.secret_rotation import count_secrets
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        counts = await count_secrets(records.database)
        file = records.keys.file.path
        has_keys = not records.keys.is_file or file.exists()
        known = [key.id for key in records.keys.read()] if has_keys else []
        source = file if records.keys.is_file else "HOLDFAST_SECRET_KEYS"
    typer.echo(f"Keys from {source}" + ("" if known else ", not made yet"), err=True)
    for key_id in known:
        note = "  current" if key_id == known[0] else ""
        typer.echo(f"{key_id}  {counts.get(key_id, 0)} secrets{note}")
    for key_id in sorted(counts.keys() - set(known)):
        typer.echo(f"{key_id}  {counts[key_id]} secrets  MISSING: they cannot be read")


async def _rotate(settings: "Settings") -> None:
    from schema.db.secret_rotation import count_secrets, rotate_secrets
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        counts = await count_secrets(records.database)
        typer.echo(_choose_key(records, counts))
        ring = records.keys.ring()
        changed = 0
        async for batch in rotate_secrets(records.database, ring):
            changed += batch
    typer.echo(f"Encrypted {changed} secrets again with the key {ring.current_id}.")
    if old := [key.id for key in records.keys.read() if key.id != ring.current_id]:
        typer.echo(
            f"No secret is under {', '.join(old)} any more. Keep it as long as backups of the "
            "records are kept that were made before."
        )


def _choose_key(records: "Records", counts: "Mapping[str, int]") -> str:
    """Make a new key current, unless an earlier rotation is not finished; say which."""
    source = records.keys
    current = source.read()[0].id
    if not source.is_file:
        return f"The first key of HOLDFAST_SECRET_KEYS, {current}, becomes that of every secret."
    if counts.keys() - {current}:
        return f"Going on with an unfinished rotation to the key {current}."
    from schema.keys import new_key

    key = new_key()
    source.file.add(key)
    return f"The new key {key.id} is current; it is in {source.file.path}."
