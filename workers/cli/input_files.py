"""Inputs that are files on the caller's disk: their text, or for an input of kind file, the file.

The content of a file goes to the artifact store, under its digest.
"""

import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from api.run_requests import RunRequest, start_variables
from schema.nodes.start import InputType
from schema.values.artifact_ref import ArtifactStore
from schema.values.files import TransferMethod, detect_type
from workers.cli.given_inputs import FileOnDisk

_FILES = (InputType.FILE, InputType.FILE_LIST)


def read_files(request: RunRequest) -> tuple[RunRequest, dict[str, bytes]]:
    """Put what files on disk hold, or describe, in place of their names.

    Returns:
        The request, and the contents that have to be stored, by their digest.

    Raises:
        InvalidInputs: If one cannot be read, or is no text where a text is needed.
    """
    kinds = {variable.variable: variable.type for variable in start_variables(request.plan)}
    contents: dict[str, bytes] = {}
    inputs: dict[str, Any] = {}
    for name, value in request.inputs.items():
        inputs[name] = value
        if isinstance(value, FileOnDisk) and kinds.get(name) in _FILES:
            data = value.read_bytes()
            described = _describe(PurePath(value.path).name, data)
            contents[described["reference"]] = data
            inputs[name] = described if kinds[name] is InputType.FILE else [described]
        elif isinstance(value, FileOnDisk):
            inputs[name] = value.read_text()
    return replace(request, inputs=inputs), contents


async def store_files(contents: Iterable[bytes], store: ArtifactStore, tenant_id: str) -> None:
    """Put contents into the artifact store, which finds them by their digest.

    Raises:
        ArtifactStoreUnavailable: If it cannot be reached.
    """
    for data in contents:
        await store.put(tenant_id, data, "application/octet-stream", "file", "")


def _describe(name: str, data: bytes) -> dict[str, Any]:
    """Describe a file as an upload is described (dify-nodes 7.3)."""
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    extension = PurePath(name).suffix or ".bin"
    return {
        "transfer_method": TransferMethod.LOCAL_FILE.value,
        "type": detect_type(extension, mime).value,
        "reference": hashlib.sha256(data).hexdigest(),
        "filename": name,
        "extension": extension,
        "mime_type": mime,
        "size": len(data),
    }
