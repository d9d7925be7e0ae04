"""The secrets of a run: named values that are encrypted in the records, and this run's nonce.

Everywhere else stands a reference (`values/secret_ref.py`) or a token (`values/sealed.py`). Whoever
starts a run encrypts them, the wrapper of its activities decrypts them for each attempt.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schema.keys import Encrypted
from schema.runs import RunRef
from schema.values.encoding import decode, encode
from schema.values.sealed import NONCE_CHARACTERS

if TYPE_CHECKING:
    from schema.keyring import KeyRing

_NONCE = ""
"""Name of the row that holds the nonce; no secret has it."""


@dataclass(frozen=True)
class StoredSecret:
    """One encrypted value of a run, as its row has it."""

    name: str
    encrypted: Encrypted


@dataclass(frozen=True)
class RunSecrets:
    """The secrets of one run in plain text; only ever in the memory of one call."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    nonce: str = field(default="", repr=False)
    """What this run's tokens begin with; empty for a run without secrets."""


def encrypt_secrets(
    ring: "KeyRing", run: RunRef, values: Mapping[str, str]
) -> tuple[StoredSecret, ...]:
    """Encrypt what a run is given, with a new nonce; nothing for a run without secrets."""
    if not values:
        return ()
    nonce = secrets.token_hex(NONCE_CHARACTERS // 2)
    entries = {_NONCE: nonce, **values}
    return tuple(
        StoredSecret(name, ring.encrypt(_written(name, value), _owner(run)))
        for name, value in entries.items()
    )


def decrypt_secrets(ring: "KeyRing", run: RunRef, stored: Iterable[StoredSecret]) -> RunSecrets:
    """Decrypt what a run was given.

    Raises:
        SecretUnreadable: If a key is not here.
    """
    values = dict(_read(ring.decrypt(each.encrypted, _owner(run))) for each in stored)
    nonce = values.pop(_NONCE, "")
    return RunSecrets(values, nonce)


def encrypt_again(ring: "KeyRing", run: RunRef, stored: StoredSecret) -> StoredSecret:
    """Put a value under the current key.

    Raises:
        SecretUnreadable: If the key it is under is not here.
    """
    plaintext = ring.decrypt(stored.encrypted, _owner(run))
    return StoredSecret(stored.name, ring.encrypt(plaintext, _owner(run)))


def _owner(run: RunRef) -> bytes:
    """Say whose a ciphertext is: moved to another tenant or run it does not open."""
    return encode(["run secret", run.tenant_id, run.run_id]).encode()


def _written(name: str, value: str) -> bytes:
    # The name is inside too, so that values of one run cannot change places.
    return encode([name, value]).encode()


def _read(plaintext: bytes) -> tuple[str, str]:
    name, value = decode(plaintext)
    return name, value
