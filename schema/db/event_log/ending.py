"""How a run ends: the first terminal state wins and everybody is told that one (invariant 5)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, update

from schema.db.base import AuthorText, KeyText
from schema.db.event_log import nodes
from schema.db.event_log.appending import answer_stop, append_to, refuse, stop_command
from schema.db.event_log.counters import count
from schema.db.event_log.heads import LockedRun, lock
from schema.db.event_log.insertion import SourcedFact, insert_events, name_artifacts
from schema.db.event_log.texts import write_value
from schema.db.tables import runs
from schema.envelope import Acknowledged
from schema.facts import OpenFact, RunFinished
from schema.runs import RunRef, RunResult, RunStatus

STOPPING_ALREADY = "run is being stopped already"
"""Reason of a second stop's refusal."""
END_SRC = "end"
"""`src` of RunFinished: one a run, whoever writes it."""

_END = (
    update(runs)
    .where(runs.c.run_id == bindparam("run"))
    .values(
        status=bindparam("new_status"),
        outputs=bindparam("new_outputs"),
        error=bindparam("new_error"),
        error_type=bindparam("new_error_type"),
        exceptions_count=bindparam("exceptions"),
        total_steps=bindparam("steps"),
        total_tokens=bindparam("tokens"),
        finished_at=bindparam("at"),
        elapsed_time=bindparam("at") - runs.c.created_at,
    )
)
_ASK_TO_STOP = (
    update(runs)
    .where(runs.c.run_id == bindparam("run"))
    .values(
        stop_command_id=func.coalesce(runs.c.stop_command_id, bindparam("command", type_=KeyText)),
        stop_reason=func.coalesce(runs.c.stop_reason, bindparam("reason", type_=AuthorText)),
    )
)


def finish(
    connection: Connection,
    ref: RunRef,
    temporal_run_id: str,
    facts: Sequence[OpenFact],
    acknowledged: Acknowledged,
    result: RunResult,
    at: float,
) -> RunResult:
    """End a run in one transaction; see `EventLog.finish`."""
    run = lock(connection, ref)
    was_open = not run.status.is_terminal
    append_to(run, temporal_run_id, facts, acknowledged)
    if was_open:
        _end(run, result, at)
    run.save()
    return result if was_open else run.result()


def close(
    connection: Connection,
    ref: RunRef,
    status: RunStatus,
    error: str | None,
    error_type: str | None,
    at: float,
) -> RunResult:
    """End a run from outside in one transaction; see `EventLog.close`."""
    run = lock(connection, ref)
    if run.status.is_terminal:
        return run.result()
    counters = count(connection, ref.run_id)
    result = RunResult(
        run_id=ref.run_id,
        status=status,
        error=error,
        error_type=error_type,
        exceptions_count=counters.exceptions_count,
        total_steps=counters.total_steps,
        total_tokens=counters.total_tokens,
    )
    _end(run, result, at)
    run.stop_requested = True
    run.save()
    return result


def adopt(connection: Connection, ref: RunRef, result: RunResult, at: float) -> RunResult:
    """End a run as its workflow did, in one transaction; see `EventLog.adopt_result`."""
    run = lock(connection, ref)
    if run.status.is_terminal:
        return run.result()
    _end(run, result, at)
    run.save()
    return result


def request_stop(
    connection: Connection, ref: RunRef, command_id: str, reason: str, at: float
) -> RunStatus:
    """Set the flag in one transaction; see `EventLog.request_stop`."""
    run = lock(connection, ref)
    if run.status.is_terminal:
        refuse(run, command_id, "stop", at)
    elif run.stop_requested and stop_command(run) != command_id:
        refuse(run, command_id, "stop", at, STOPPING_ALREADY)
    else:
        run.stop_requested = True
        connection.execute(
            _ASK_TO_STOP, {"run": ref.run_id, "command": command_id, "reason": reason}
        )
    run.save()
    return run.status


def _end(run: LockedRun, result: RunResult, at: float) -> None:
    if run.stop_requested:
        answer_stop(run, result.status, at)
    fact = RunFinished(at=at, **_terminal_fields(result))
    insert_events(run, [SourcedFact(END_SRC, 1, fact)])
    run.status = result.status
    outputs = write_value(result.outputs)
    name_artifacts(run.connection, run.ref, [outputs])
    run.connection.execute(
        _END,
        {
            "run": run.ref.run_id,
            "new_status": result.status,
            "new_outputs": outputs,
            "new_error": result.error,
            "new_error_type": result.error_type,
            "exceptions": result.exceptions_count,
            "steps": result.total_steps,
            "tokens": result.total_tokens,
            "at": at,
        },
    )
    if result.status in (RunStatus.FAILED, RunStatus.STOPPED):
        nodes.fail_unfinished(run.connection, run.ref.run_id, result.error, at)


def _terminal_fields(result: RunResult) -> dict[str, Any]:
    return {name: getattr(result, name) for name in RunResult.model_fields if name != "run_id"}
