"""The one data converter of API, workers, replay and tests.

A differing copy makes history unreadable. Values are encoded by `schema/values/encoding.py`;
payloads above 32 KiB go to external storage, whose driver keeps them beside the artifacts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from pydantic import BaseModel, TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    CompositePayloadConverter,
    DataConverter,
    EncodingPayloadConverter,
    ExternalStorage,
    JSONProtoPayloadConverter,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from schema.values.encoding import decode, encode

EXTERNAL_STORAGE_BYTES = 32 * 1024
_DRIVER_NAME = "holdfast-blobs"
"""Stored in histories; never renamed."""


class BlobStore(Protocol):
    """Where large payloads are kept, by the workflow that they belong to."""

    async def put_blob(self, owner: str, name: str, data: bytes) -> None:
        """Keep bytes; putting the same name again changes nothing."""

    async def get_blob(self, owner: str, name: str) -> bytes:
        """Give the bytes back.

        Raises:
            ArtifactStoreUnavailable: If they cannot be read now; the call is worth repeating.
        """


class ValuePayloadConverter(EncodingPayloadConverter):
    """Pydantic models and plain JSON as ASCII JSON by our own encoder."""

    @property
    def encoding(self) -> str:
        """The encoding name that every Temporal tool shows as JSON."""
        return "json/plain"

    def to_payload(self, value: Any) -> Payload | None:
        """Encode a model or a JSON value; a model's null fields are left out."""
        tree = value.model_dump(exclude_none=True) if isinstance(value, BaseModel) else value
        return Payload(
            metadata={"encoding": self.encoding.encode()}, data=encode(tree).encode("ascii")
        )

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """Decode a payload and check it against the type it should have."""
        tree = decode(payload.data.decode())
        if type_hint is None or type_hint is Any:
            return tree
        return _adapter(type_hint).validate_python(tree)


class ValuesPayloadConverter(CompositePayloadConverter):
    """Temporal's own converters for null, bytes and protobuf, ours for everything else."""

    def __init__(self) -> None:
        super().__init__(
            BinaryNullPayloadConverter(),
            BinaryPlainPayloadConverter(),
            JSONProtoPayloadConverter(),
            ValuePayloadConverter(),
        )


class BlobDriver(StorageDriver):
    """External storage over a blob store, content-addressed per workflow."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def name(self) -> str:
        """Give the name that histories refer to."""
        return _DRIVER_NAME

    async def store(
        self, context: StorageDriverStoreContext, payloads: Sequence[Payload]
    ) -> list[StorageDriverClaim]:
        """Keep payloads under the workflow they belong to."""
        owner = _owner(context.target)
        claims = []
        for payload in payloads:
            data = payload.SerializeToString(deterministic=True)
            name = hashlib.sha256(data).hexdigest()
            await self._blobs.put_blob(owner, name, data)
            claims.append(StorageDriverClaim({"owner": owner, "sha256": name}))
        return claims

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Read payloads back."""
        payloads = []
        for claim in claims:
            data = await self._blobs.get_blob(claim.claim_data["owner"], claim.claim_data["sha256"])
            payloads.append(Payload.FromString(data))
        return payloads


def build_data_converter(blobs: BlobStore | None = None) -> DataConverter:
    """Build the converter; without a store every payload stays inline."""
    converter = replace(DataConverter.default, payload_converter_class=ValuesPayloadConverter)
    if blobs is None:
        return converter
    storage = ExternalStorage(
        drivers=[BlobDriver(blobs)], payload_size_threshold=EXTERNAL_STORAGE_BYTES
    )
    return replace(converter, external_storage=storage)


@lru_cache(maxsize=1024)
def _adapter(type_hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_hint)


def _owner(target: Any) -> str:
    """Give the workflow id; payloads without one belong to nobody in particular."""
    return getattr(target, "id", None) or "unowned"
