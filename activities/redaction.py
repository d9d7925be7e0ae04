"""How secrets leave results, errors and streams again; what the wrapper asks of whoever knows them.

The wrapper redacts everything that an activity gives before anybody else sees it: outputs, inputs,
process data, metadata, the text of errors, streamed text, spooled files.
"""

from pathlib import Path
from typing import Any, Protocol

from schema.runs import RunRef


class TextRedactor(Protocol):
    """Redacts one stream of text, however it is cut."""

    def feed(self, text: str) -> str:
        """Take a piece and give what is certain; a beginning of a secret is held back."""
        ...

    def close(self) -> str:
        """Give what was held back: the stream has ended."""
        ...


class Redactor(Protocol):
    """Replaces the secrets that one call has resolved."""

    def redact_value(self, wire: Any) -> Any:
        """Give a value in wire form without secrets; the same object if there were none."""
        ...

    def redact_text(self, text: str) -> str:
        """Give a text without secrets."""
        ...

    async def redact_file(self, path: Path) -> None:
        """Rewrite a file of encoded text in place, without ever holding it whole.

        Raises:
            OSError: If it cannot be written.
        """
        ...

    def text_stream(self) -> TextRedactor:
        """Begin a stream of text."""
        ...


class Redaction(Protocol):
    """Gives the redactor of each call; one a worker process."""

    def redactor_of(self, run: RunRef) -> Redactor:
        """Begin a call: the redactor learns of each secret that is resolved for it."""
        ...


class NothingSecret:
    """Redacts nothing: for calls that resolve no secret."""

    def redactor_of(self, _run: RunRef) -> Redactor:
        """Give itself."""
        return self

    def redact_value(self, wire: Any) -> Any:
        """Give the value."""
        return wire

    def redact_text(self, text: str) -> str:
        """Give the text."""
        return text

    async def redact_file(self, path: Path) -> None:
        """Leave the file as it is."""

    def text_stream(self) -> TextRedactor:
        """Begin a stream that passes everything at once."""
        return _Passing()


class _Passing:
    def feed(self, text: str) -> str:
        return text

    def close(self) -> str:
        return ""
