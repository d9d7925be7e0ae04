"""Encrypted secrets of runs: written with the run's row, read for its activities, re-encrypted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from schema.db.tables import run_secrets
from schema.keys import Encrypted
from schema.run_secrets import StoredSecret
from schema.runs import RunRef

_COLUMNS = run_secrets.c
_OF_RUN = (
    select(_COLUMNS.name, _COLUMNS.key_id, _COLUMNS.data)
    .where(_COLUMNS.run_id == bindparam("run"), _COLUMNS.tenant_id == bindparam("tenant"))
    .order_by(_COLUMNS.name)
)
_REPLACE = (
    update(run_secrets)
    .where(
        _COLUMNS.run_id == bindparam("run"),
        _COLUMNS.name == bindparam("secret"),
        _COLUMNS.key_id == bindparam("old_key"),
    )
    .values(key_id=bindparam("new_key"), data=bindparam("new_data"))
)


def insert_secrets(connection: Connection, run: RunRef, secrets: Sequence[StoredSecret]) -> None:
    """Insert what a new run was given."""
    if not secrets:
        return
    connection.execute(
        insert(run_secrets),
        [
            {
                "tenant_id": run.tenant_id,
                "run_id": run.run_id,
                "name": each.name,
                "key_id": each.encrypted.key_id,
                "data": each.encrypted.data,
            }
            for each in secrets
        ],
    )


def read_secrets(connection: Connection, ref: RunRef) -> list[StoredSecret]:
    """Read what a run of this tenant was given."""
    rows = connection.execute(_OF_RUN, {"run": ref.run_id, "tenant": ref.tenant_id})
    return [_stored(row) for row in rows]


def count_by_key(connection: Connection) -> dict[str, int]:
    """Count the values under each key, of all tenants."""
    statement = select(_COLUMNS.key_id, func.count()).group_by(_COLUMNS.key_id)
    return {key_id: count for key_id, count in connection.execute(statement)}


def read_other_keys(
    connection: Connection, key_id: str, limit: int
) -> list[tuple[RunRef, StoredSecret]]:
    """Read some values that are not under a key, of all tenants."""
    statement = (
        select(_COLUMNS.tenant_id, _COLUMNS.run_id, _COLUMNS.name, _COLUMNS.key_id, _COLUMNS.data)
        .where(_COLUMNS.key_id != key_id)
        .order_by(_COLUMNS.run_id, _COLUMNS.name)
        .limit(limit)
    )
    return [
        (RunRef(run_id=row.run_id, tenant_id=row.tenant_id), _stored(row))
        for row in connection.execute(statement)
    ]


def replace_secrets(
    connection: Connection, changes: Sequence[tuple[RunRef, StoredSecret, StoredSecret]]
) -> int:
    """Put re-encrypted values in place of what they were; not where something else is by now."""
    return sum(
        connection.execute(
            _REPLACE,
            {
                "run": run.run_id,
                "secret": old.name,
                "old_key": old.encrypted.key_id,
                "new_key": new.encrypted.key_id,
                "new_data": new.encrypted.data,
            },
        ).rowcount
        for run, old, new in changes
    )


def _stored(row: Any) -> StoredSecret:
    return StoredSecret(row.name, Encrypted(row.key_id, row.data))
