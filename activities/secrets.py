"""The secrets of one call: put in the place of references, and taken out of what comes back.

An attempt decrypts its run's secrets and forgets them when it ends. What the activity gives leaves
the wrapper without them (invariant 17): values with tokens that only this run resolves again
(decision 0022), texts that nothing reads again (errors, metadata, streamed text) with Dify's masks.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from schema.db.event_log import EventLog
from schema.errors import SecretMissing, SecretUnreadable, SetupError
from schema.key_file import KeySource
from schema.limits import INLINE_VALUE_BYTES
from schema.run_secrets import RunSecrets, decrypt_secrets
from schema.runs import RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import decode, encode, from_wire, masked, to_wire
from schema.values.files import File
from schema.values.references import Reference, find_references, replace_references
from schema.values.replacing import ReplacingStream
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef, mask
from schema.values.secret_texts import SecretTexts
from schema.values.segments import Segment, Value

_PIECE_BYTES = 1024**2
_FILE_TEXTS = ("remote_url", "filename", "extension", "mime_type", "url")


class SecretStore:
    """Gives each call the secrets of its run; one a worker process."""

    def __init__(self, log: EventLog, keys: KeySource) -> None:
        self._log = log
        self._keys = keys

    async def load(self, run: RunRef) -> "CallSecrets":
        """Decrypt the secrets of a run.

        Raises:
            DatabaseUnavailable: If the records cannot be reached.
            SecretUnreadable: If this process does not have the keys; the call is worth repeating.
        """
        stored = await self._log.read_secrets(run)
        try:
            return CallSecrets(decrypt_secrets(self._keys.ring(), run, stored) if stored else _NONE)
        except SetupError as error:
            raise SecretUnreadable(str(error)) from error


_NONE = RunSecrets()


class CallSecrets:
    """The secrets of one call, in both directions.

    Example:
        >>> secrets = CallSecrets(RunSecrets({"env.KEY": "sk-0123456789"}, "0" * 32))
        >>> secrets.redact_text("Bearer sk-0123456789")
        'Bearer sk-012************89'
        >>> sealed = secrets.redact_value("Bearer sk-0123456789")
        >>> secrets.reveal(from_wire(sealed))
        'Bearer sk-0123456789'
    """

    def __init__(self, secrets: RunSecrets = _NONE) -> None:
        self._values = secrets.values
        self._nonce = secrets.nonce
        self._texts = SecretTexts(secrets.values, secrets.nonce)
        # Of two secrets with one value the first one counts, as it does in `SecretTexts`.
        self._names = {value: name for name, value in reversed(list(secrets.values.items()))}

    def reveal(self, value: Value) -> Value:
        """Put secrets in the place of references and tokens; only this run's own count.

        Raises:
            SecretMissing: If the run was not given one of them.
        """
        found = (ref for ref in find_references(value) if not isinstance(ref, ArtifactRef))
        values: dict[Reference, Value] = {ref: self._revealed(ref) for ref in found}
        return replace_references(value, values) if values else value

    async def reveal_pieces(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Put secrets in the place of tokens in the pieces of a sealed artifact of this run."""
        stream = self._texts.opening_json.stream()
        async for piece in pieces:
            yield stream.feed(piece)
        yield stream.finish()

    async def reveal_content(
        self, pieces: AsyncIterator[bytes], nonce: str
    ) -> AsyncIterator[bytes]:
        """Put secrets in the place of tokens in the raw content of a file.

        In a file that another run has sealed the tokens stay.
        """
        if not self.is_own(nonce):
            async for piece in pieces:
                yield piece
            return
        stream = self._texts.opening_bytes.stream()
        async for piece in pieces:
            yield stream.feed(piece)
        yield stream.finish()

    def is_own(self, nonce: str) -> bool:
        """Whether tokens are those of this run."""
        return nonce == self._nonce != ""

    def redact_value(self, wire: Any) -> Any:
        """Give a value in wire form without secrets; the same object if there were none.

        A string that is a secret becomes its reference, what contains one is sealed: the string
        alone, or the whole value if it is large or if a key contains one.
        """
        if not self._values or not self._texts.sealing_json.is_found_in(encode(wire).encode()):
            return wire
        value = from_wire(wire)
        redacted = self._redact(value)
        if redacted is value:
            return wire
        segment = redacted if isinstance(redacted, Segment) else Segment.infer(redacted)
        if len(encode(to_wire(segment.value))) <= INLINE_VALUE_BYTES:
            return to_wire(redacted)
        whole = value.value if isinstance(value, Segment) else value
        sealed = self._seal(whole, str(segment.type))
        return to_wire(Segment(segment.type, sealed) if isinstance(value, Segment) else sealed)

    def redact_record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Give plain JSON that is only shown without secrets."""
        masked_record: dict[str, Any] = self._masked(dict(record)) if self._values else dict(record)
        return masked_record

    def redact_text(self, text: str) -> str:
        """Give a text that is only shown without secrets."""
        return self._texts.masking.replace(text)

    async def redact_file(self, path: Path) -> str:
        """Rewrite a file of encoded text in place, without ever holding it whole.

        Returns:
            The nonce of the tokens that are in it now; empty if it had no secret.

        Raises:
            OSError: If it cannot be written.
        """
        if not self._values:
            return ""
        return await asyncio.to_thread(self._rewrite, path, self._texts.sealing_json.stream())

    async def redact_content(self, content: bytes | Path) -> tuple[bytes | Path, str]:
        """Take secrets out of the raw content of a file, before it is stored.

        Returns:
            The content, a file still in its place, and the nonce for `File.sealed`.

        Raises:
            OSError: If it cannot be written.
        """
        if not self._values:
            return content, ""
        sealing = self._texts.sealing_bytes
        if isinstance(content, Path):
            return content, await asyncio.to_thread(self._rewrite, content, sealing.stream())
        sealed = sealing.replace(content)
        return sealed, "" if sealed is content else self._nonce

    def text_stream(self) -> "TextStream":
        """Begin a stream of text that is shown while it comes."""
        return TextStream(self._texts.masking.stream())

    def _revealed(self, reference: Reference) -> Value:
        if isinstance(reference, SecretRef):
            if reference.name not in self._values:
                raise SecretMissing(reference.name)
            return self._values[reference.name]
        assert isinstance(reference, Sealed)
        if not self.is_own(reference.nonce):
            return masked(reference)
        text = self._texts.opening_json.replace(reference.text.encode())
        return self.reveal(from_wire(decode(text)))

    def _redact(self, value: Value) -> Value:
        match value:
            case str():
                return self._redact_string(value)
            case dict() if any(self._texts.masking.is_found_in(key) for key in value):
                return self._seal(value, "object")
            case dict():
                items = {key: self._redact(item) for key, item in value.items()}
                return value if all(items[key] is value[key] for key in items) else items
            case list():
                entries = [self._redact(item) for item in value]
                same = all(new is old for new, old in zip(entries, value, strict=True))
                return value if same else entries
            case Segment():
                inner = self._redact(value.value)
                return value if inner is value.value else Segment(value.type, inner)
            case File():
                return self._redact_file_fields(value)
            case ArtifactRef(preview=preview):
                shown = self.redact_text(preview)
                return value if shown == preview else replace(value, preview=shown)
            case _:
                return value

    def _redact_string(self, text: str) -> SecretRef | Sealed | str:
        if not self._texts.masking.is_found_in(text):
            return text
        if text in self._names:
            return SecretRef(self._names[text], mask(text))
        return self._seal(text, "string")

    def _redact_file_fields(self, file: File) -> File:
        """Mask what is only text about a file; nothing of that is ever sent anywhere."""
        texts: dict[str, Any] = {name: getattr(file, name) for name in _FILE_TEXTS}
        shown: dict[str, Any] = {
            name: text and self.redact_text(text) for name, text in texts.items()
        }
        return file if shown == texts else replace(file, **shown)

    def _seal(self, value: Value, kind: str) -> Sealed:
        text = encode(to_wire(value)).encode()
        return Sealed(self._nonce, self._texts.sealing_json.replace(text).decode(), kind)

    def _masked(self, value: Any) -> Any:
        match value:
            case str():
                return self.redact_text(value)
            case dict():
                return {self.redact_text(k): self._masked(item) for k, item in value.items()}
            case list():
                return [self._masked(item) for item in value]
            case _:
                return value

    def _rewrite(self, path: Path, stream: ReplacingStream[bytes]) -> str:
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with path.open("rb") as source, open(descriptor, "wb") as target:
                _pass_through(source, stream, target.write)
            if not stream.replaced:
                return ""
            os.replace(draft, path)
            return self._nonce
        finally:
            Path(draft).unlink(missing_ok=True)


class TextStream:
    """One stream of text; the beginning of a secret is held back until it is known to be none."""

    def __init__(self, stream: ReplacingStream[str]) -> None:
        self._stream = stream

    def feed(self, text: str) -> str:
        """Take a piece and give what is certain."""
        return self._stream.feed(text)

    def close(self) -> str:
        """Give what was held back: the stream has ended."""
        return self._stream.finish()


def _pass_through(
    source: IO[bytes], stream: ReplacingStream[bytes], write: Callable[[bytes], object]
) -> None:
    while piece := source.read(_PIECE_BYTES):
        write(stream.feed(piece))
    write(stream.finish())
