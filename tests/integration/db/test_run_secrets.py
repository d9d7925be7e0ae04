"""Secrets of runs in the records: encrypted, the tenant's, gone with the run, re-encrypted."""

import pytest
from sqlalchemy import Connection, func, select

from schema.db.engine import Database
from schema.db.event_log import EventLog
from schema.db.secret_rotation import count_secrets, rotate_secrets
from schema.db.tables import run_secrets
from schema.errors import SecretUnreadable
from schema.keyring import KeyRing
from schema.keys import Key
from schema.run_secrets import RunSecrets, decrypt_secrets, encrypt_secrets
from schema.runs import RunRef
from tests.integration.db.facts import NONE_YET, an_input, succeeded

pytestmark = pytest.mark.anyio

OLD, NEW = Key("old", b"1" * 32), Key("new", b"2" * 32)
VALUES = {"env.KEY": "sk-canary-0123456789", "n" * 400: "long name"}


async def a_run_with_secrets(log: EventLog, run_id: str = "run") -> RunRef:
    run_input = an_input(run_id)
    secrets = encrypt_secrets(KeyRing([OLD]), run_input.ref, VALUES)
    await log.register(run_input, at=100.0, secrets=secrets)
    return run_input.ref


async def opened(log: EventLog, run: RunRef, *keys: Key) -> RunSecrets:
    return decrypt_secrets(KeyRing(keys), run, await log.read_secrets(run))


async def test_secrets_are_written_with_the_row_and_come_back(event_log: EventLog) -> None:
    run = await a_run_with_secrets(event_log)

    found = await opened(event_log, run, OLD)

    assert found.values == VALUES
    assert found.nonce


async def test_registering_again_keeps_the_first_secrets(event_log: EventLog) -> None:
    run = await a_run_with_secrets(event_log)
    before = await opened(event_log, run, OLD)

    again = encrypt_secrets(KeyRing([OLD]), run, {"env.KEY": "another"})
    is_new = await event_log.register(an_input("run"), at=200.0, secrets=again)

    assert not is_new
    assert await opened(event_log, run, OLD) == before


async def test_inv_21_another_tenant_finds_no_secrets(event_log: EventLog) -> None:
    run = await a_run_with_secrets(event_log)

    assert await event_log.read_secrets(run.model_copy(update={"tenant_id": "other"})) == []


async def test_inv_17_a_value_is_in_no_column(event_log: EventLog, database: Database) -> None:
    await a_run_with_secrets(event_log)

    rows = await database.read(lambda c: c.execute(select(run_secrets)).all())

    assert len(rows) == 3
    assert not any(b"canary" in row.data for row in rows)


async def test_a_purged_run_leaves_no_secret(event_log: EventLog, database: Database) -> None:
    run = await a_run_with_secrets(event_log)
    kept = await a_run_with_secrets(event_log, "kept")
    await event_log.finish(run, "T1", [], NONE_YET, succeeded(), 105.0)

    await event_log.purge("local")

    assert await event_log.read_secrets(run) == []
    assert (await opened(event_log, kept, OLD)).values == VALUES


async def test_rotation_puts_everything_under_the_new_key(
    event_log: EventLog, database: Database
) -> None:
    runs = [await a_run_with_secrets(event_log, f"run-{number}") for number in range(3)]
    before = [await opened(event_log, run, OLD) for run in runs]

    changed = [count async for count in rotate_secrets(database, KeyRing([NEW, OLD]), batch=4)]

    assert changed == [4, 4, 1]
    assert await count_secrets(database) == {"new": 9}
    assert [await opened(event_log, run, NEW) for run in runs] == before


async def test_an_interrupted_rotation_goes_on(event_log: EventLog, database: Database) -> None:
    run = await a_run_with_secrets(event_log)
    ring = KeyRing([NEW, OLD])
    async for _ in rotate_secrets(database, ring, batch=1):
        break

    halfway = await count_secrets(database)
    readable = await opened(event_log, run, NEW, OLD)
    rest = [count async for count in rotate_secrets(database, ring)]

    assert halfway == {"new": 1, "old": 2}
    assert readable.values == VALUES
    assert rest == [2]
    assert [count async for count in rotate_secrets(database, ring)] == []


async def test_rotation_stops_at_a_value_whose_key_is_not_here(
    event_log: EventLog, database: Database
) -> None:
    await a_run_with_secrets(event_log)

    with pytest.raises(SecretUnreadable, match="'old'"):
        [count async for count in rotate_secrets(database, KeyRing([NEW]))]

    assert await count_secrets(database) == {"old": 3}


async def test_a_value_that_changed_meanwhile_is_left_alone(
    event_log: EventLog, database: Database
) -> None:
    """Two rotations at once: what one has done, the other does not undo."""
    run = await a_run_with_secrets(event_log)
    ring = KeyRing([NEW, OLD])
    first, second = (rotate_secrets(database, ring) for _ in range(2))

    counts = [await anext(first), *[count async for count in second]]

    assert counts == [3]
    assert (await opened(event_log, run, NEW)).values == VALUES
    assert await database.read(_count) == 3


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(run_secrets)).scalar_one()
