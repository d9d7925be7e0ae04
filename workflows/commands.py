"""Commands of a run: queued by handlers, answered once by the loop (architecture 7)."""

from collections import deque

from temporalio import workflow

from schema.commands import Command, CommandKind
from schema.facts import CommandApplied, CommandRefused, RunPaused, RunResumed
from workflows.ending import Ending
from workflows.fact_ledger import FactLedger
from workflows.run_state import RunState

RUN_ENDED = "run ended"


class Commands:
    """What was asked of the run, what became of it, and the pause that follows from it."""

    def __init__(self, state: RunState, ledger: FactLedger) -> None:
        self._state = state
        self._ledger = ledger
        self._waiting: deque[tuple[CommandKind, Command]] = deque()
        self.received = 0
        """Signals of this history."""

    @property
    def are_waiting(self) -> bool:
        """Whether a command has no answer yet."""
        return bool(self._waiting)

    def receive(self, kind: CommandKind, command: Command) -> None:
        """Queue a command; the loop judges it before it launches anything more."""
        self.received += 1
        if not command.command_id:
            # Sent by hand, for example with the Temporal CLI: numbered within this history.
            number = f"{workflow.info().run_id}-{self.received}"
            command = command.model_copy(update={"command_id": number})
        self._waiting.append((kind, command))

    def apply_next(self) -> Ending | None:
        """Obey the oldest command or refuse it; a repeated id is dropped."""
        kind, command = self._waiting.popleft()
        if command.command_id in self._state.answered:
            return None
        match kind:
            case CommandKind.PAUSE:
                self._pause(command)
            case CommandKind.RESUME:
                self._resume(command)
            case CommandKind.STOP:
                self.answer(kind, command.command_id)
                return Ending.stopped(command.reason)
        return None

    def answer(self, kind: CommandKind, command_id: str, refusal: str = "") -> None:
        """Give a command its one answer."""
        self._state.answered[command_id] = None
        now = workflow.time()
        if refusal:
            self._ledger.emit(
                CommandRefused(at=now, command_id=command_id, command=kind, reason=refusal)
            )
        else:
            self._ledger.emit(CommandApplied(at=now, command_id=command_id, command=kind))

    def refuse_all(self) -> bool:
        """Answer commands that came too late; say whether there were any."""
        were_waiting = self.are_waiting
        while self._waiting:
            kind, command = self._waiting.popleft()
            if command.command_id not in self._state.answered:
                self.answer(kind, command.command_id, RUN_ENDED)
        return were_waiting

    def announce_pause(self) -> None:
        """Say once that the run is paused: the last running node has ended."""
        state = self._state
        if not state.paused or state.pause_announced:
            return
        state.pause_announced = True
        reason = {"type": "scheduled_pause", "message": state.pause_reason}
        self._ledger.emit(
            RunPaused(at=workflow.time(), reasons=[reason], outputs=state.outputs.to_wire())
        )

    def _pause(self, command: Command) -> None:
        if self._state.paused:
            self.answer(CommandKind.PAUSE, command.command_id, "run is paused already")
            return
        self._state.paused, self._state.pause_reason = True, command.reason
        self._state.pauses += 1
        self.answer(CommandKind.PAUSE, command.command_id)

    def _resume(self, command: Command) -> None:
        if not self._state.paused:
            self.answer(CommandKind.RESUME, command.command_id, "run is not paused")
            return
        self._state.paused = False
        self._state.pauses += 1
        self.answer(CommandKind.RESUME, command.command_id)
        if self._state.pause_announced:
            self._state.pause_announced = False
            self._ledger.emit(RunResumed(at=workflow.time()))
