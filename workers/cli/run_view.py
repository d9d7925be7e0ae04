"""What a person sees of a living run: nodes as they end, streamed text, and what runs now.

A terminal gets a line at the bottom that changes; a pipe or file gets plain lines. Everything goes
to the console for progress, never to the one for results.
"""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from schema.facts import (
    Fact,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RunPaused,
    RunReset,
    RunResumed,
)
from workers.cli.console import STATUS_STYLES, duration, plain, preview, short_name

_MARKS: Mapping[str, str] = MappingProxyType(
    {"succeeded": "✓", "exception": "!", "failed": "✗", "stopped": "■", "retry": "↻"}
)
_ERROR_CHARACTERS = 300
_RUNNING_NAMES = 3


class RunView:
    """Shows facts and text as they come; a context manager, so that the last line goes away.

    Example:
        >>> from io import StringIO
        >>> console = Console(file=StringIO())
        >>> with RunView(console) as view:
        ...     view.show_text("Hello")
        >>> view.streamed
        'Hello'
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started: dict[tuple[str, int], NodeStarted] = {}
        self._live = Live(console=console, transient=True, redirect_stdout=False)
        self._line = ""
        self.streamed = ""
        """All text that was shown."""
        self.is_in_pieces = False
        """Whether other lines stand between parts of the text, so that nobody can read it."""
        self._text_was_left = False

    @property
    def shows_text(self) -> bool:
        """Whether somebody sees the text as it comes; a pipe gets it with the outputs."""
        return self._console.is_terminal

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Show an unfinished line of text for good, and take the changing line away."""
        self._end_line()
        self._live.stop()

    def show_fact(self, fact: Fact) -> None:
        """Show what a fact says to a person, if it says something."""
        match fact:
            case NodeStarted():
                self._started[fact.node_exec_id, fact.attempt] = fact
            case NodeFinished():
                self._show_node(fact, fact.status, fact.error, fact.elapsed_time)
            case NodeRetried():
                self._show_node(fact, "retry", fact.error, fact.elapsed_time)
            case RunPaused():
                self._print(Text("  ‖ paused", style=STATUS_STYLES["paused"]))
            case RunResumed():
                self._print(Text("  ▸ resumed"))
            case RunReset():
                self._started.clear()
                self._print(Text("  ⟲ reset: the run goes on from an earlier moment"))
            case _:
                return
        self._refresh()

    def show_text(self, text: str) -> None:
        """Show a piece of the answer; whole lines stay, the rest may still grow."""
        self.streamed += text
        self.is_in_pieces = self.is_in_pieces or self._text_was_left
        if not self._console.is_terminal:
            return
        *lines, self._line = (self._line + plain(text)).split("\n")
        for line in lines:
            self._console.print(Text(line))
        self._refresh()

    def replace_text(self, text: str) -> None:
        """Show the whole text again: what was shown before does not count any more."""
        self._end_line()
        self.say("  ⟲ the text so far is replaced")
        self.streamed = ""
        self.is_in_pieces = self._text_was_left = False
        self.show_text(text)

    def say(self, message: str) -> None:
        """Show a message between the lines of the run."""
        self._print(Text(message, style="dim"))

    def _show_node(
        self, fact: NodeFinished | NodeRetried, status: str, error: str | None, seconds: float
    ) -> None:
        started = self._started.pop((fact.node_exec_id, fact.attempt), None)
        title = (started.title if started else "") or fact.node_id
        style = STATUS_STYLES.get(status, "")
        line = Text(f"  {_MARKS.get(status, '·')} ", style=style)
        line.append(short_name(title), style="bold")
        line.append(f"  {started.node_type if started else ''}  {duration(seconds)}", style="dim")
        handle = fact.handle if isinstance(fact, NodeFinished) else None
        if handle not in (None, "source"):
            line.append(f"  → {short_name(handle or '')}", style="cyan")
        if error:
            line.append(f"  {preview(error, _ERROR_CHARACTERS)}", style=style)
        self._print(line)

    def _print(self, line: Text) -> None:
        self._end_line()
        self._text_was_left = bool(self.streamed)
        self._console.print(line)

    def _end_line(self) -> None:
        if self._line:
            self._console.print(Text(self._line))
            self._line = ""

    def _refresh(self) -> None:
        if not self._console.is_terminal:
            return
        names = [short_name(fact.title or fact.node_id) for fact in self._started.values()]
        shown = ", ".join(names[:_RUNNING_NAMES])
        more = f" and {len(names) - _RUNNING_NAMES} more" if len(names) > _RUNNING_NAMES else ""
        running = f"… {shown}{more}" if names else ""
        self._live.update(Text("\n".join(part for part in (self._line, running) if part)))
