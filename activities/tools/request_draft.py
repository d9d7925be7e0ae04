"""A request as it was rendered, before the content of its body is at hand; and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from schema.limits import INLINE_VALUE_BYTES
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File
from schema.values.segments import SegmentType

SHOWN_CHARACTERS = INLINE_VALUE_BYTES
"""A longer body is shown by its size."""


@dataclass(frozen=True)
class LargeText:
    """A value in the artifact store that stands in a body as text."""

    reference: ArtifactRef
    type: SegmentType
    """`string`, or `object`."""
    is_compact: bool = False
    """Whether an object is written as the JSON of a body, without spaces."""


BodyPiece: TypeAlias = bytes | LargeText | File
"""A body is its pieces, one after the other."""


@dataclass(frozen=True)
class ShownBody:
    """What stands in the log for a body."""

    text: str | None = ""
    """None for one that is shown by its size."""
    is_binary: bool = False
    file_keys: tuple[str, ...] = ()
    """Names of the form's fields with files, one for each file of the body; only they are shown."""
    boundary: str = ""


@dataclass(frozen=True)
class RequestDraft:
    """A rendered request."""

    method: str
    """In upper case."""
    url: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    pieces: Sequence[BodyPiece] = ()
    secret_headers: frozenset[str] = frozenset()
    """Names in lower case."""
    has_secret_body: bool = False
    shown_url: str = ""
    """Secrets masked; so are the other shown parts."""
    shown_params: tuple[tuple[str, str], ...] = ()
    shown_headers: Mapping[str, str] = field(default_factory=dict)
    shown_body: ShownBody = ShownBody()

    def log(self, body_bytes: int, file_bytes: Sequence[int]) -> str:
        """Write the request as Dify records it, secrets masked (dify-nodes 5.8).

        Args:
            body_bytes: Length of the whole body.
            file_bytes: Length of each file in it.
        """
        url = urlsplit(self.shown_url)
        query = urlencode(self.shown_params) or url.query
        path = f"{url.path or '/'}{'?' if query else ''}{query}"
        # Not what stands before an @: it is a password.
        lines = [f"{self.method} {path} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
        lines += [f"{name}: {value}" for name, value in self.shown_headers.items()]
        body = self._shown(body_bytes, file_bytes)
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", body])

    def _shown(self, body_bytes: int, file_bytes: Sequence[int]) -> str:
        shown = self.shown_body
        if shown.file_keys:
            return self._shown_files(file_bytes)
        if shown.is_binary:
            return f"<binary_content: size={body_bytes} bytes>"
        if shown.text is None or len(shown.text) > SHOWN_CHARACTERS:
            return f"<text_content: size={body_bytes} bytes>"
        return shown.text

    def _shown_files(self, file_bytes: Sequence[int]) -> str:
        shown = self.shown_body
        files = [piece for piece in self.pieces if isinstance(piece, File)]
        entries = [
            f"--{shown.boundary}\r\n"
            f'Content-Disposition: form-data; name="{key}"\r\n\r\n'
            f"<file_content_binary: '{file.filename or 'unknown'}', "
            f"type='{file.mime_type or 'application/octet-stream'}', size={size} bytes>\r\n"
            for key, file, size in zip(shown.file_keys, files, file_bytes, strict=True)
        ]
        return "".join([*entries, f"--{shown.boundary}--\r\n"])
