"""Files as values: what is known about one, Dify's serialised form, and detection of its type.

A `File` describes; its content is in the artifact store or at its URL. Reading content, fetching
remote files and checking uploads need I/O and are not here.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from schema.errors import InvalidNodeInput

FILE_IDENTITY = "__dify__file__"
"""Value of `dify_model_identity` in every serialised file."""
_REFERENCE_PREFIX = "dify-file-ref:"

FileAttribute = str | int | None
"""What a selector can find in a file."""


class FileType(StrEnum):
    """Dify's kinds of files."""

    IMAGE = "image"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"
    CUSTOM = "custom"


class TransferMethod(StrEnum):
    """How a file came to the run."""

    REMOTE_URL = "remote_url"
    LOCAL_FILE = "local_file"
    TOOL_FILE = "tool_file"
    DATASOURCE_FILE = "datasource_file"


@dataclass(frozen=True, slots=True)
class File:
    """A file that a run works with (dify-nodes 7.1).

    Example:
        >>> File(FileType.DOCUMENT, TransferMethod.REMOTE_URL, remote_url="http://a/b.pdf",
        ...      filename="b.pdf", extension=".pdf").attribute("name")
        'b.pdf'
    """

    type: FileType
    transfer_method: TransferMethod
    id: str | None = None
    """Id of the message file, if the file belongs to a message."""
    remote_url: str | None = None
    reference: str | None = None
    """Opaque id of the stored file; see `related_id`."""
    filename: str | None = None
    extension: str | None = None
    """With its leading dot."""
    mime_type: str | None = None
    size: int = -1
    """In bytes; -1 when not known."""
    url: str | None = None
    """Where a client can fetch it, usually signed; set where such URLs are made."""
    sealed: str = ""
    """The nonce whose tokens in the content stand for secrets (`sealed.py`); empty without any."""

    @property
    def related_id(self) -> str | None:
        """Id of the stored record: decoded from the reference, or the reference as it stands."""
        if self.reference is None or not self.reference.startswith(_REFERENCE_PREFIX):
            return self.reference
        return _record_id(self.reference.removeprefix(_REFERENCE_PREFIX)) or self.reference

    @property
    def link(self) -> str | None:
        """The best URL known for the file."""
        return self.url or self.remote_url

    @property
    def markdown(self) -> str:
        """A link to the file; images are shown in place (dify-nodes 3.2)."""
        link = self.link or ""
        if self.type is FileType.IMAGE:
            return f"![{self.filename or ''}]({link})"
        return f"[{self.filename or link}]({link})"

    def attribute(self, name: str) -> FileAttribute:
        """Return what the third part of a selector names.

        Raises:
            KeyError: If files have no such attribute.
            InvalidNodeInput: If the URL is asked for and none is known.
        """
        value = _ATTRIBUTE_READERS[name](self)
        if name == "url" and value is None:
            raise InvalidNodeInput(f"File {self.filename or self.related_id!r} has no URL.")
        return value

    def to_dict(self) -> dict[str, str | int | None]:
        """Write the file as Dify serialises it.

        Example:
            >>> file = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference="t1")
            >>> file.to_dict()["related_id"]
            't1'
        """
        return {
            "dify_model_identity": FILE_IDENTITY,
            "id": self.id,
            "type": self.type.value,
            "transfer_method": self.transfer_method.value,
            "remote_url": self.remote_url,
            "reference": self.reference,
            "filename": self.filename,
            "extension": self.extension,
            "mime_type": self.mime_type,
            "size": self.size,
            "related_id": self.related_id,
            "url": self.url,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> "File":
        """Read a serialised file; fields of older dumps are understood, unknown ones ignored.

        Raises:
            InvalidNodeInput: If a field has the wrong type or the file cannot be located.
        """
        try:
            method = TransferMethod(_text(fields, "transfer_method") or "")
            given = _text(fields, "type")
            file_type = FileType(given) if given else FileType.CUSTOM
        except ValueError as error:
            raise InvalidNodeInput(f"Invalid file: {error}.") from error
        size = fields.get("size", -1)
        if size is None:
            size = -1
        if not isinstance(size, int):
            raise InvalidNodeInput(f"Invalid file: size {size!r} is not an integer.")
        file = cls(
            type=file_type,
            transfer_method=method,
            id=_text(fields, "id"),
            remote_url=_text(fields, "remote_url"),
            reference=_reference(fields),
            filename=_text(fields, "filename"),
            extension=_text(fields, "extension"),
            mime_type=_text(fields, "mime_type"),
            size=size,
            url=_text(fields, "url"),
        )
        file.check_location()
        return file

    def check_location(self) -> None:
        """Make sure that the file says where its content is.

        Raises:
            InvalidNodeInput: With Dify's message, if it does not.
        """
        if self.transfer_method is not TransferMethod.REMOTE_URL:
            if not self.reference:
                raise InvalidNodeInput("Missing file reference")
        elif not self.remote_url:
            raise InvalidNodeInput("Missing file url")
        elif not self.remote_url.startswith("http"):
            raise InvalidNodeInput("Invalid file url")


_ATTRIBUTE_READERS: Mapping[str, Callable[[File], FileAttribute]] = {
    "type": lambda file: file.type.value,
    "size": lambda file: file.size,
    "name": lambda file: file.filename,
    "mime_type": lambda file: file.mime_type,
    "transfer_method": lambda file: file.transfer_method.value,
    "url": lambda file: file.link,
    "extension": lambda file: file.extension,
    "related_id": lambda file: file.related_id,
}
FILE_ATTRIBUTES = tuple(_ATTRIBUTE_READERS)
"""What selectors and sub-conditions may ask of a file (dify-nodes 3.5)."""

_REFERENCE_FIELDS = (
    "reference",
    "related_id",
    "upload_file_id",
    "tool_file_id",
    "datasource_file_id",
)
"""Fields that have named the stored file in Dify's dumps and inputs, newest first."""


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidNodeInput(f"Invalid file: {name} {value!r} is not text.")


def _reference(fields: Mapping[str, object]) -> str | None:
    for name in _REFERENCE_FIELDS:
        if value := _text(fields, name):
            return value
    return _text(fields, "reference")


def _record_id(encoded: str) -> str | None:
    """Read the id inside Dify's structured reference, None if it is not one."""
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        decoded = json.loads(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError, RecursionError):
        return None
    record_id = decoded.get("record_id") if isinstance(decoded, dict) else None
    return record_id if isinstance(record_id, str) and record_id else None


_EXTENSIONS: Mapping[FileType, str] = {
    FileType.IMAGE: "jpg jpeg png webp gif svg",
    FileType.VIDEO: "mp4 mov mpeg webm",
    FileType.AUDIO: "mp3 m4a wav amr mpga",
    FileType.DOCUMENT: (
        "txt markdown md mdx pdf html htm xlsx xls vtt properties doc docx csv eml msg ppt pptx "
        "xml epub odt"
    ),
}
_TYPE_BY_EXTENSION = {
    spelling: file_type
    for file_type, names in _EXTENSIONS.items()
    for name in names.split()
    for spelling in (name, name.upper())
}
_MIME_PREFIXES = (
    ("image/", FileType.IMAGE),
    ("video/", FileType.VIDEO),
    ("audio/", FileType.AUDIO),
    ("text/", FileType.DOCUMENT),
    ("application/vnd.openxmlformats-officedocument", FileType.DOCUMENT),
    ("application/wps-office", FileType.DOCUMENT),
)
_DOCUMENT_MIMES = frozenset(
    {
        "application/pdf",
        "application/epub+zip",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/vnd.oasis.opendocument.text",
        "application/dps",
        "application/et",
        "application/kswps",
        "message/rfc822",
    }
)


def detect_type(extension: str | None, mime_type: str | None) -> FileType:
    """Tell the type of a file by its extension, else by its mime type (dify-nodes 7.2).

    Extensions are recognised in lower or upper case, not mixed, with or without the dot.

    Example:
        >>> detect_type(".PDF", None), detect_type("bin", "text/plain; charset=utf-8")
        (<FileType.DOCUMENT: 'document'>, <FileType.DOCUMENT: 'document'>)
    """
    by_extension = _TYPE_BY_EXTENSION.get((extension or "").removeprefix("."))
    if by_extension is not None:
        return by_extension
    mime = (mime_type or "").partition(";")[0].strip()
    if mime in _DOCUMENT_MIMES:
        return FileType.DOCUMENT
    for prefix, file_type in _MIME_PREFIXES:
        if mime.startswith(prefix):
            return file_type
    return FileType.CUSTOM
