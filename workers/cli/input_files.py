"""Inputs that are files on the caller's disk: their text, or for an input of kind file, the file.

The content of a file goes to the artifact store, under its digest; it is never whole in memory.
"""

import hashlib
import mimetypes
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from api.run_requests import RunRequest, start_variables
from schema.errors import InvalidInputs
from schema.nodes.start import InputType
from schema.values.artifact_ref import ArtifactStore
from schema.values.files import TransferMethod, detect_type
from workers.cli.given_inputs import FileOnDisk

_FILES = (InputType.FILE, InputType.FILE_LIST)
_MIME = "application/octet-stream"


class InputFiles:
    """Reads the files that a caller named, and stores their contents.

    Args:
        folder: For what comes from the standard input; removed by the caller.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._contents: dict[str, tuple[FileOnDisk, Path]] = {}
        """By digest: what was named, and the file to read."""

    def read(self, request: RunRequest, message_files: Iterable[str] = ()) -> RunRequest:
        """Put what files on disk hold, or describe, in place of their names.

        Args:
            request: With `FileOnDisk`, or lists of them, among its inputs.
            message_files: Paths or URLs of files that go with a message.

        Raises:
            InvalidInputs: If one cannot be read, or is no text where a text is needed.
        """
        kinds = {variable.variable: variable.type for variable in start_variables(request.plan)}
        inputs = {
            name: self._value(value, kinds.get(name)) for name, value in request.inputs.items()
        }
        files = [self._message_file(given) for given in message_files]
        return replace(request, inputs=inputs, files=[*request.files, *files])

    async def store(self, store: ArtifactStore, tenant_id: str) -> None:
        """Put the contents into the artifact store, which finds them by their digest.

        Raises:
            InvalidInputs: If one has changed since it was read.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        for digest, (named, path) in self._contents.items():
            stored = await store.put_file(tenant_id, path, _MIME, "file", "")
            if stored.sha256 != digest:
                raise InvalidInputs([f"{named.option}: {named.path!r} changed while it was read"])

    def _value(self, value: Any, kind: InputType | None) -> Any:
        """Read one input; a list of files on disk is that of an input of kind file-list."""
        if isinstance(value, list) and any(isinstance(item, FileOnDisk) for item in value):
            if kind is not InputType.FILE_LIST:
                raise InvalidInputs([f"{_option_of(value)}: only a list of files takes several"])
            return [self._describe(i) if isinstance(i, FileOnDisk) else i for i in value]
        if not isinstance(value, FileOnDisk):
            return value
        if kind not in _FILES:
            return value.read_text()
        described = self._describe(value)
        return described if kind is InputType.FILE else [described]

    def _message_file(self, given: str) -> Mapping[str, Any]:
        if given.startswith(("http://", "https://")):
            return {"transfer_method": TransferMethod.REMOTE_URL.value, "url": given}
        return self._describe(FileOnDisk("--file", given))

    def _describe(self, named: FileOnDisk) -> Mapping[str, Any]:
        """Describe a file as an upload is described (dify-nodes 7.3)."""
        try:
            path = self._on_disk(named)
            with path.open("rb") as file:
                digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
        except OSError as error:
            raise named.unreadable(error) from error
        self._contents[digest] = named, path
        name = PurePath(named.path).name
        mime = mimetypes.guess_type(name)[0] or _MIME
        extension = PurePath(name).suffix or ".bin"
        return {
            "transfer_method": TransferMethod.LOCAL_FILE.value,
            "type": detect_type(extension, mime).value,
            "reference": digest,
            "filename": name,
            "extension": extension,
            "mime_type": mime,
            "size": size,
        }

    def _on_disk(self, named: FileOnDisk) -> Path:
        if named.path != "-":
            return Path(named.path)
        path = self._folder / "stdin"
        if not path.exists():
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        return path


def _option_of(values: list[Any]) -> str:
    return next(value.option for value in values if isinstance(value, FileOnDisk))
