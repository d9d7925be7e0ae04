"""How secrets leave results, errors and streams again; what the wrapper asks of whoever knows them.

The wrapper redacts everything that an activity gives before anybody else sees it: outputs, inputs,
process data, metadata, the text of errors, streamed text, spooled files. Who knows them is
`secrets.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


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

    def redact_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Give plain JSON that nothing reads again without secrets."""
        ...

    async def redact_file(self, path: Path) -> str:
        """Rewrite a file of encoded text in place, without ever holding it whole.

        Returns:
            The nonce of the tokens that are in it now; empty if it had no secret.

        Raises:
            OSError: If it cannot be written.
        """
        ...

    async def redact_content(self, content: bytes | Path) -> tuple[bytes | Path, str]:
        """Take secrets out of the raw content of a file, before it is stored.

        Returns:
            The content, a file still in its place, and the nonce for `File.sealed`.

        Raises:
            OSError: If it cannot be written.
        """
        ...

    def text_stream(self) -> TextRedactor:
        """Begin a stream of text."""
        ...
