"""Files at URLs: what their server says about them, and how their content is had (dify-nodes 7.3).

Pure code knows this protocol; the implementation, through the address guard, is
`activities/tools/remote_files.py`.
"""

import mimetypes
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

_ANY_MIME = "application/octet-stream"
_ANY_EXTENSION = ".bin"


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What is known of a file before its content is read."""

    filename: str
    extension: str
    """With its leading dot."""
    mime_type: str
    size: int = -1
    """In bytes; -1 when not known."""


class RemoteFiles(Protocol):
    """Describes and reads files at URLs that authors and callers give."""

    async def describe(self, url: str) -> FileDescription:
        """Ask a file's server about it.

        Raises:
            NodeError: If the URL may not be asked, or does not answer as one with a file would.
        """
        ...

    def stream(self, url: str) -> AsyncIterator[bytes]:
        """Give the content in pieces.

        Raises:
            NodeError: If the URL may not be asked, or gives no content.
        """
        ...


def describe_url(url: str) -> FileDescription:
    """Describe a file by its URL alone.

    Example:
        >>> describe_url("https://a.test/p/%C3%A9.pdf?x=1").filename
        'é.pdf'
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    mime, _ = mimetypes.guess_type(name)
    return FileDescription(
        filename=name or "file",
        extension=PurePosixPath(name).suffix or _ANY_EXTENSION,
        mime_type=mime or _ANY_MIME,
    )


def describe_response(url: str, headers: Mapping[str, str]) -> FileDescription:
    """Describe a file by its URL and the headers of an answer, with names in lower case.

    Example:
        >>> describe_response(
        ...     "https://a.test/get?id=1",
        ...     {"content-disposition": 'attachment; filename="a b.csv"', "content-length": "12"},
        ... )
        FileDescription(filename='a b.csv', extension='.csv', mime_type='text/csv', size=12)
    """
    name = _disposition_name(headers.get("content-disposition", ""))
    name = name or PurePosixPath(unquote(urlsplit(url).path)).name
    by_name, _ = mimetypes.guess_type(name)
    stated = headers.get("content-type", "").partition(";")[0].strip().lower()
    mime = by_name or stated or _ANY_MIME
    extension = PurePosixPath(name).suffix
    if not extension or (by_name is None and mime != _ANY_MIME):
        extension = mimetypes.guess_extension(mime) or extension or _ANY_EXTENSION
    length = headers.get("content-length", "")
    return FileDescription(
        filename=name or f"{uuid.uuid5(uuid.NAMESPACE_URL, url)}{extension}",
        extension=extension,
        mime_type=mime,
        size=int(length) if length.isascii() and length.isdigit() else -1,
    )


_EXTENDED_NAME = re.compile(
    r"filename\*\s*=\s*\"?([A-Za-z0-9_-]*)'[^']*'([^;\s\"]+)", re.IGNORECASE
)


def _disposition_name(disposition: str) -> str:
    """Give the file name that a `Content-Disposition` states, `filename*` before `filename`."""
    extended = _EXTENDED_NAME.search(disposition)
    if extended is not None:
        encoding = "latin-1" if extended[1].lower() == "iso-8859-1" else "utf-8"
        found = unquote(extended[2], encoding, errors="replace")
    else:
        message = Message()
        message["Content-Disposition"] = disposition.replace("\r", " ").replace("\n", " ")
        found = message.get_filename() or ""
    # A server may say a path; only its last part is a name.
    return PurePosixPath(found.replace("\\", "/")).name
