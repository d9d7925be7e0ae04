"""The head of a run: what each writer locks first, and updates last."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from schema.db.event_log.records import Head, RunFlags
from schema.db.event_log.texts import read_value
from schema.db.tables import run_heads, runs
from schema.errors import NotFound
from schema.runs import RunRef, RunResult, RunStatus

_HEAD = select(
    run_heads.c.last_seq,
    run_heads.c.state,
    run_heads.c.stop_requested,
    run_heads.c.temporal_run_id,
    run_heads.c.was_reset,
    run_heads.c.pauses,
).where(
    run_heads.c.run_id == bindparam("run"),
    run_heads.c.tenant_id == bindparam("tenant"),
    run_heads.c.app_id == bindparam("app"),
)
_LOCK = _HEAD.with_for_update()
_SAVE = (
    update(run_heads)
    .where(run_heads.c.run_id == bindparam("run"))
    .values(
        last_seq=bindparam("seq"),
        state=bindparam("status"),
        stop_requested=bindparam("stop"),
        temporal_run_id=bindparam("temporal_run"),
        was_reset=bindparam("reset"),
        pauses=bindparam("paused"),
    )
)
_FLAGS = select(
    run_heads.c.run_id, run_heads.c.state, run_heads.c.stop_requested, run_heads.c.pauses
).where(run_heads.c.run_id.in_(bindparam("runs", expanding=True)))
_RESULT = select(
    runs.c.status,
    runs.c.outputs,
    runs.c.error,
    runs.c.error_type,
    runs.c.exceptions_count,
    runs.c.total_steps,
    runs.c.total_tokens,
).where(runs.c.run_id == bindparam("run"))


@dataclass(slots=True)
class LockedRun:
    """A run whose head this transaction has locked: nobody else writes to it until the commit.

    The lock makes the numbers of a run become visible in order: a reader after number n never
    misses a lower one that is committed later.
    """

    connection: Connection
    ref: RunRef
    status: RunStatus
    stop_requested: bool
    last_seq: int
    temporal_run_id: str | None
    was_reset: bool
    pauses: int
    """Pauses and resumptions that the workflow has applied: odd while it is paused."""

    def take_numbers(self, count: int) -> range:
        """Take the next `seq` numbers."""
        first = self.last_seq + 1
        self.last_seq += count
        return range(first, first + count)

    def save(self) -> None:
        """Write the head back."""
        self.connection.execute(
            _SAVE,
            {
                "run": self.ref.run_id,
                "seq": self.last_seq,
                "status": self.status,
                "stop": self.stop_requested,
                "temporal_run": self.temporal_run_id,
                "reset": self.was_reset,
                "paused": self.pauses,
            },
        )

    def head(self) -> Head:
        """Say what the head is; of an ended run that asks for its terminal state."""
        return Head(
            status=self.status,
            stop_requested=self.stop_requested,
            last_seq=self.last_seq,
            ended=self.result() if self.status.is_terminal else None,
        )

    def result(self) -> RunResult:
        """Read the terminal state."""
        row = self.connection.execute(_RESULT, {"run": self.ref.run_id}).one()
        return to_result(self.ref.run_id, row)


def lock(connection: Connection, ref: RunRef) -> LockedRun:
    """Lock the head of a run for this transaction.

    Raises:
        NotFound: If the tenant's app has no such run.
    """
    return _read(connection, ref, _LOCK)


def read_head(connection: Connection, ref: RunRef) -> Head:
    """Read the head of a run without locking it.

    Raises:
        NotFound: If the tenant's app has no such run.
    """
    return _read(connection, ref, _HEAD).head()


def read_flags(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunFlags]:
    """Read what may end work or keep it from beginning, of several runs; unknown ones are left out.

    No tenant is asked for: whoever asks executes these runs.
    """
    rows = connection.execute(_FLAGS, {"runs": list(run_ids)})
    return {
        run_id: RunFlags(stop_requested or RunStatus(state).is_terminal, pauses)
        for run_id, state, stop_requested, pauses in rows
    }


def to_result(run_id: str, row: Any) -> RunResult:
    """Read how a run ended from its row."""
    return RunResult(
        run_id=run_id,
        status=RunStatus(row.status),
        outputs=read_value(row.outputs),
        error=row.error,
        error_type=row.error_type,
        exceptions_count=row.exceptions_count,
        total_steps=row.total_steps,
        total_tokens=row.total_tokens,
    )


def _read(connection: Connection, ref: RunRef, statement: Select[Any]) -> LockedRun:
    row = connection.execute(
        statement, {"run": ref.run_id, "tenant": ref.tenant_id, "app": ref.app_id}
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no run {ref.run_id!r}.")
    return LockedRun(
        connection=connection,
        ref=ref,
        status=RunStatus(row.state),
        stop_requested=row.stop_requested,
        last_seq=row.last_seq,
        temporal_run_id=row.temporal_run_id,
        was_reset=row.was_reset,
        pauses=row.pauses,
    )
