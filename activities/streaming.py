"""Text that an activity streams: redacted, bundled, numbered, and fenced by its effect start."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from activities.availability import KEEP_SECONDS, when_available
from activities.redaction import Redactor, TextRedactor
from schema.db.event_log import EventLog
from schema.facts import NodeStarted, ReasoningProduced, TextProduced
from schema.runs import RunRef

BUNDLE_SECONDS = 0.08
"""How long text is collected before it is written; the first piece is not."""
BUNDLE_CHARACTERS = 2048
MAX_WAITING_CHARACTERS = 256 * 1024
"""From here on whoever streams waits for the database."""
_REASONING = ""
"""Name of the stream of reasoning, which no output has."""


class TextStream:
    """Writes what one effect start streams.

    Args:
        log: Where to.
        run: Whose text.
        node: The try.
        src: `{temporal run}/{activity id}@{start}`.
        start: Number of the effect start.
        told: Facts that `src` has told already.
        redactor: Takes secrets out.
        stop: Called when the log says that the run is to stop or is over.
    """

    def __init__(
        self,
        log: EventLog,
        run: RunRef,
        node: NodeStarted,
        src: str,
        start: int,
        told: int,
        redactor: Redactor,
        stop: Callable[[], None],
    ) -> None:
        self._log = log
        self._run = run
        self._node = node
        self._src = src
        self._start = start
        self._told = told
        self._redactor = redactor
        self._stop = stop
        self._redactors: dict[str, TextRedactor] = {}
        self._said: dict[str, list[str]] = defaultdict(list)
        self._waiting: list[TextProduced | ReasoningProduced] = []
        self._size = 0
        self._hurry = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_fenced = False
        """Nothing of this start counts any more; what it says is still collected."""
        self._delay = 0.0

    async def emit(self, text: str, name: str, *, final: bool) -> None:
        """Stream a piece of an output."""
        text = self._redact(name, text, final=final)
        if text or final:
            self._said[name].append(text)
            self._add(
                TextProduced(**self._of_try(), start=self._start, name=name, text=text, final=final)
            )
        await self._bundle()

    async def emit_reasoning(self, text: str, *, final: bool) -> None:
        """Stream a piece of a model's reasoning."""
        text = self._redact(_REASONING, text, final=final)
        if text or final:
            self._add(
                ReasoningProduced(**self._of_try(), start=self._start, text=text, final=final)
            )
        await self._bundle()

    async def close(self) -> Mapping[str, str]:
        """Write what is left and give all that was streamed, by output.

        Raises:
            DatabaseUnavailable: If the database stays away.
        """
        for name in list(self._redactors):
            rest = self._redactors.pop(name).close()
            if rest and name != _REASONING:
                self._said[name].append(rest)
                self._add(TextProduced(**self._of_try(), start=self._start, name=name, text=rest))
        while self._waiting or not self._is_idle():
            self._hurry.set()
            await self._bundle()
            if self._writer is not None:
                await self._writer
        return {name: "".join(pieces) for name, pieces in self._said.items()}

    def abandon(self) -> None:
        """Write nothing more: the work was cancelled or failed."""
        if self._writer is not None:
            self._writer.cancel()

    def _redact(self, name: str, text: str, *, final: bool) -> str:
        if name not in self._redactors:
            self._redactors[name] = self._redactor.text_stream()
        safe = self._redactors[name].feed(text)
        return safe + self._redactors.pop(name).close() if final else safe

    def _add(self, chunk: TextProduced | ReasoningProduced) -> None:
        if self._is_fenced:
            return
        last = self._waiting[-1] if self._waiting else None
        if last is not None and _is_continued(last, chunk):
            self._waiting[-1] = chunk.model_copy(update={"text": last.text + chunk.text})
        else:
            self._waiting.append(chunk)
        self._size += len(chunk.text)

    async def _bundle(self) -> None:
        """See to it that what waits is written soon."""
        if not self._waiting:
            return
        if self._size >= BUNDLE_CHARACTERS:
            self._hurry.set()
        if self._is_idle():
            self._writer = asyncio.create_task(self._write(self._delay))
            self._delay = BUNDLE_SECONDS
        if self._writer is not None and self._size > MAX_WAITING_CHARACTERS:
            await self._writer

    def _is_idle(self) -> bool:
        return self._writer is None or self._writer.done()

    async def _write(self, delay: float) -> None:
        # A time-out says that nothing hurries: the bundle is complete.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        while self._waiting:
            await self._write_bundle()

    async def _write_bundle(self) -> None:
        bundle, self._waiting, self._size = self._waiting, [], 0
        self._hurry.clear()
        first = self._told + 1
        self._told += len(bundle)
        answer = await when_available(
            lambda: self._log.append_chunks(self._run, self._src, first, bundle), KEEP_SECONDS
        )
        if answer.is_fenced or answer.head.ended is not None:
            self._is_fenced = True
            self._waiting.clear()
        if answer.head.stop_requested or answer.head.ended is not None:
            self._stop()

    def _of_try(self) -> dict[str, str | int | float]:
        node = self._node
        return {
            "at": time.time(),
            "node_exec_id": node.node_exec_id,
            "node_id": node.node_id,
            "attempt": node.attempt,
        }


def _is_continued(
    last: TextProduced | ReasoningProduced, chunk: TextProduced | ReasoningProduced
) -> bool:
    if last.final or type(last) is not type(chunk):
        return False
    return getattr(last, "name", None) == getattr(chunk, "name", None)
