"""Files as a caller gives them: mappings, built into `File` and checked (dify-nodes 7.3, 8.3).

Pure: what servers say of remote files comes along as `FileKnowledge`, and whether a stored file is
there is asked by whoever makes the row of a run.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schema.errors import InvalidInputs, NodeError
from schema.values.files import File, FileType, TransferMethod, detect_type
from schema.values.references import content_digest
from schema.values.remote_files import FileDescription, describe_url


@dataclass(frozen=True)
class FileKnowledge:
    """What is known of given files besides what the caller says."""

    descriptions: Mapping[str, FileDescription] = field(default_factory=dict)
    """Of remote files, by URL; one without is described by its URL."""
    is_preliminary: bool = False
    """Remote files have not been asked about yet, so what their URL says refuses none."""
    is_strict: bool = False
    """Whether a stated type that contradicts the detected one is refused, as Dify's API does."""


@dataclass(frozen=True)
class UploadRules:
    """Which files an input, or a chatflow's message, accepts; an empty rule accepts all."""

    types: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    """For files of a type that is not listed, where `custom` is; with or without a dot."""
    methods: tuple[str, ...] = ()
    most: int = 0
    """Number of files; 0 for any."""

    @classmethod
    def of_features(cls, features: Mapping[str, Any]) -> "UploadRules | None":
        """Read what an app says about files with messages; None if it takes none.

        Example:
            >>> UploadRules.of_features({"file_upload": {"enabled": True, "number_limits": 3}})
            UploadRules(types=(), extensions=(), methods=(), most=3)
            >>> UploadRules.of_features({}) is None
            True
        """
        upload = _mapping(features.get("file_upload"))
        if upload.get("enabled"):
            return cls(
                types=_texts(upload.get("allowed_file_types")),
                extensions=_texts(upload.get("allowed_file_extensions")),
                methods=_texts(upload.get("allowed_file_upload_methods")),
                most=_count(upload.get("number_limits")),
            )
        image = _mapping(upload.get("image"))
        if image.get("enabled"):
            return cls(
                types=(FileType.IMAGE.value,),
                methods=_texts(image.get("transfer_methods")),
                most=_count(image.get("number_limits")),
            )
        return None

    def accepts(self, file: File) -> bool:
        """Whether a file may be given; one of a tool always may."""
        if file.transfer_method is TransferMethod.TOOL_FILE:
            return True
        allowed = not self.types or file.type in self.types
        if not allowed and FileType.CUSTOM in self.types:
            extensions = {_dotted(extension) for extension in self.extensions}
            allowed = not extensions or _dotted(file.extension or "") in extensions
        return allowed and (not self.methods or file.transfer_method in self.methods)


def build_file(
    mapping: Mapping[str, Any],
    known: FileKnowledge = FileKnowledge(),
) -> File:
    """Build a file from what a caller says about it.

    Raises:
        InvalidInputs: With Dify's message, if it says too little, or something impossible.

    Example:
        >>> build_file({"transfer_method": "remote_url", "url": "https://a.test/b/c.pdf"}).filename
        'c.pdf'
    """
    fields = dict(mapping)
    match mapping.get("transfer_method"):
        case None | "":
            raise InvalidInputs(["transfer_method is required in file mapping"])
        case TransferMethod.REMOTE_URL:
            fields |= _remote_fields(str(_url_of(mapping) or ""), known)
        case TransferMethod.DATASOURCE_FILE:
            fields["transfer_method"] = TransferMethod.TOOL_FILE.value
        case TransferMethod.LOCAL_FILE:
            _check_upload_id(mapping)
    fields["type"] = _type_of(fields, known)
    try:
        return File.from_dict(fields)
    except NodeError as error:
        raise InvalidInputs([str(error)]) from error


def build_allowed_file(
    mapping: Mapping[str, Any], rules: UploadRules, known: FileKnowledge
) -> File:
    """Build a file and check that it is accepted.

    Raises:
        InvalidInputs: With Dify's message, if it is not.
    """
    file = build_file(mapping, known)
    is_open = known.is_preliminary and file.transfer_method is TransferMethod.REMOTE_URL
    if not is_open and not rules.accepts(file):
        raise InvalidInputs([f"File validation failed for file: {file.filename}"])
    return file


def build_allowed_files(
    mappings: Sequence[Mapping[str, Any]], rules: UploadRules, known: FileKnowledge
) -> list[File]:
    """Build the files of a list; entries that name none are left out, as Dify does.

    Raises:
        InvalidInputs: With Dify's message, if one is not accepted or there are too many.
    """
    if rules.most and len(mappings) > rules.most:
        raise InvalidInputs([f"Number of files exceeds the maximum limit {rules.most}"])
    return [build_allowed_file(mapping, rules, known) for mapping in mappings if _names(mapping)]


def remote_urls(given: Any) -> Iterator[str]:
    """Give the URLs of the remote files among given values: mappings, and lists of them."""
    for item in given if isinstance(given, list | tuple) else [given]:
        is_remote = (
            isinstance(item, Mapping) and item.get("transfer_method") == TransferMethod.REMOTE_URL
        )
        if is_remote and isinstance(url := _url_of(item), str) and url.startswith("http"):
            yield url


def _names(mapping: Mapping[str, Any]) -> bool:
    method = mapping.get("transfer_method")
    return bool(method) and (method != TransferMethod.REMOTE_URL or bool(_url_of(mapping)))


def _url_of(mapping: Mapping[str, Any]) -> Any:
    return mapping.get("remote_url") or mapping.get("url")


def _remote_fields(url: str, known: FileKnowledge) -> dict[str, Any]:
    described = known.descriptions.get(url) or describe_url(url)
    return {
        "remote_url": url,
        "url": None,
        "filename": described.filename,
        "extension": described.extension,
        "mime_type": described.mime_type,
        "size": described.size,
    }


def _check_upload_id(mapping: Mapping[str, Any]) -> None:
    """Make sure that an uploaded file is named: by a record's id, or by its content's digest."""
    given = mapping.get("upload_file_id") or mapping.get("reference") or mapping.get("related_id")
    if not given:
        raise InvalidInputs(["Invalid upload file id"])
    stored = File(FileType.CUSTOM, TransferMethod.LOCAL_FILE, reference=str(given))
    if content_digest(stored) is not None:
        return
    try:
        uuid.UUID(stored.related_id or "")
    except ValueError as error:
        raise InvalidInputs(["Invalid upload file id format"]) from error


def _type_of(fields: Mapping[str, Any], known: FileKnowledge) -> Any:
    """Give the stated type, unless there is none or it is `custom`: then the detected one."""
    stated = fields.get("type")
    extension, mime = fields.get("extension"), fields.get("mime_type")
    detected = detect_type(_text_or_none(extension), _text_or_none(mime)).value
    if stated in (None, "", FileType.CUSTOM):
        return detected
    if known.is_strict and not known.is_preliminary and (extension or mime) and stated != detected:
        raise InvalidInputs(
            ["Detected file type does not match the specified type. Please verify the file."]
        )
    return stated


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _dotted(extension: str) -> str:
    return "." + extension.lower().removeprefix(".")
