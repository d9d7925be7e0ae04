"""What an activity is: a method that takes its input and a `Work`, and fulfils a contract.

It knows nothing of Temporal, facts or the log; the wrapper in `base.py` makes an activity of it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from activities.redaction import Redactor
from activities.streaming import TextStream
from activities.values import ValueReader
from schema.contracts import ActivityContract, InputT, OutputT
from schema.runs import RunRef

SelfT = TypeVar("SelfT")


@dataclass(frozen=True)
class Work:
    """What an activity knows besides its input, and what it may do besides return."""

    run: RunRef
    start: int
    """Number of this effect start; 0 for activities that execute no node."""
    values: ValueReader
    """Reads what the input refers to."""
    redactor: Redactor
    """Takes the secrets of this call out; the wrapper asks it about everything that leaves."""
    idempotency_key: str = ""
    """For the peer of an effect: the same for every start of one try (the header
    `Idempotency-Key`); empty for activities that execute no node."""
    stream: TextStream | None = None
    """Where streamed text goes; activities that execute no node have none."""

    async def emit_text(self, text: str, name: str = "text", *, final: bool = False) -> None:
        """Stream a piece of an output.

        Args:
            text: The piece.
            name: Of the output.
            final: Whether nothing of this output follows.
        """
        if self.stream is not None:
            await self.stream.emit(text, name, final=final)

    async def emit_reasoning(self, text: str, *, final: bool = False) -> None:
        """Stream a piece of a model's reasoning, which is never part of an answer."""
        if self.stream is not None:
            await self.stream.emit_reasoning(text, final=final)


Method: TypeAlias = Callable[[SelfT, InputT, Work], Awaitable[OutputT]]
"""An activity as it is written: a method that takes its input and what else it may know."""


def implements(
    contract: ActivityContract[InputT, OutputT],
) -> Callable[[Method[SelfT, InputT, OutputT]], Method[SelfT, InputT, OutputT]]:
    """Say which contract a method fulfils; `ActivityWrapper.wrap` makes an activity of it."""

    def mark(method: Method[SelfT, InputT, OutputT]) -> Method[SelfT, InputT, OutputT]:
        method.contract = contract  # type: ignore[attr-defined]  # read by `contract_of`
        return method

    return mark


def contract_of(method: Callable[..., Any]) -> ActivityContract[Any, Any]:
    """Give the contract that a bound method fulfils."""
    contract: ActivityContract[Any, Any] = method.contract  # type: ignore[attr-defined]
    return contract
