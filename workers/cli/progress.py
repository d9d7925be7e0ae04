"""What takes long before anything can begin, on one line that goes away: getting a server."""

from types import TracebackType
from typing import Self

from rich.status import Status

from workers.cli.console import plain, stderr


class ProgressLine:
    """Shows the latest message; each message is a line of its own where there is no terminal."""

    def __init__(self) -> None:
        self._console = stderr()
        self._status: Status | None = None
        self._last = ""

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the line away."""
        self.clear()

    def show(self, message: str) -> None:
        """Replace the message."""
        if message == self._last:
            return
        self._last = message
        if not self._console.is_terminal:
            self._console.print(plain(message))
        elif self._status is None:
            self._status = self._console.status(plain(message))
            self._status.start()
        else:
            self._status.update(plain(message))

    def clear(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
