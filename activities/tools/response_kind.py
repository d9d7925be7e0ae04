"""What an answer is: a file or text, what the file is called, and how its text is encoded.

Pure; the rules are Dify's (dify-nodes 5.8). Types are guessed by Python's own tables, not by the
machine's, so that they are the same everywhere.
"""

import codecs
import mimetypes
from collections.abc import Mapping
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import charset_normalizer

from schema.values.files import File, TransferMethod, detect_type

SAMPLE_BYTES = 1024
"""How much of an answer the rules look at."""
CHARSET_SAMPLE_BYTES = 64 * 1024
DEFAULT_MIME = "application/octet-stream"

_GUESSES = mimetypes.MimeTypes()
_TEXT_APPLICATIONS = ("json", "xml", "javascript", "x-www-form-urlencoded", "yaml", "graphql")
_TEXT_MARKERS = (b"{", b"[", b"<", b"function", b"var ", b"const ", b"let ")
_FILE_KINDS = frozenset({"application", "image", "audio", "video"})
_LONGEST_NAME = 255


def is_file(headers: Mapping[str, str], sample: bytes) -> bool:
    """Tell whether an answer is a file.

    Args:
        headers: Of the answer, names in lower case.
        sample: The first `SAMPLE_BYTES` of its content.

    Example:
        >>> is_file({"content-type": "image/png"}, b""), is_file({"content-type": "text/html"}, b"")
        (True, False)
    """
    disposition = _disposition(headers)
    if disposition is not None and _is_attachment(disposition):
        return True
    mime = mime_of(headers)
    if mime.startswith("text/") and "csv" not in mime:
        return False
    if mime.startswith("application/") and _is_text_application(mime, sample):
        return False
    guessed = _GUESSES.guess_type(f"x{_GUESSES.guess_extension(mime) or ''}")[0]
    if guessed is not None:
        return guessed.partition("/")[0] in _FILE_KINDS
    return any(kind in mime for kind in ("image/", "audio/", "video/"))


def mime_of(headers: Mapping[str, str]) -> str:
    """Give the content type without its parameters, in lower case; empty if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def describe_file(headers: Mapping[str, str], url: str, sha256: str, size: int) -> File:
    """Describe an answer that was stored as a file."""
    given = _given_name(headers)
    of_url = _base_name(unquote(urlsplit(url).path))
    mime = (
        (_GUESSES.guess_type(given)[0] if given else None)
        or mime_of(headers)
        or _GUESSES.guess_type(of_url)[0]
        or DEFAULT_MIME
    )
    name = given or of_url
    extension = PurePosixPath(name).suffix or _GUESSES.guess_extension(mime) or ".bin"
    return File(
        type=detect_type(extension, mime),
        transfer_method=TransferMethod.TOOL_FILE,
        reference=sha256,
        filename=name or f"{sha256[:32]}{extension}",
        extension=extension,
        mime_type=mime,
        size=size,
    )


def charset_of(headers: Mapping[str, str]) -> str | None:
    """Give the encoding that the content type names, if Python knows it."""
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    charset = message.get_param("charset")
    if not isinstance(charset, str):
        return None
    try:
        info = codecs.lookup(charset.strip())
    except (LookupError, ValueError):
        return None
    # Codecs such as `zip` and `rot13` turn something else than bytes into text.
    return info.name if info._is_text_encoding else None


def detect_charset(sample: bytes) -> str:
    """Guess the encoding of text that is not UTF-8."""
    best = charset_normalizer.from_bytes(sample[:CHARSET_SAMPLE_BYTES]).best()
    return best.encoding if best is not None else "utf-8"


def _is_text_application(mime: str, sample: bytes) -> bool:
    if any(name in mime for name in _TEXT_APPLICATIONS):
        return True
    try:
        sample[:SAMPLE_BYTES].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(marker in sample[:SAMPLE_BYTES] for marker in _TEXT_MARKERS)


def _disposition(headers: Mapping[str, str]) -> Message | None:
    text = headers.get("content-disposition")
    if not text:
        return None
    message = Message()
    message["content-disposition"] = text
    return message


def _is_attachment(disposition: Message) -> bool:
    return (
        disposition.get_content_disposition() == "attachment"
        or disposition.get_filename() is not None
    )


def _given_name(headers: Mapping[str, str]) -> str:
    disposition = _disposition(headers)
    name = disposition.get_filename() if disposition is not None else None
    return _base_name(name or "")


def _base_name(path: str) -> str:
    """Give the last part of a path, whichever slashes it has, without characters of control."""
    name = path.replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if c.isprintable())[-_LONGEST_NAME:]
    return "" if name in (".", "..") else name
