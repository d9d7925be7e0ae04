"""Keys of what is encrypted at rest: how one is written, and what names the one that was used.

A key is written `id:base64`, 32 bytes after decoding. `HOLDFAST_SECRET_KEYS` holds keys separated
by commas, the key file one a line; the first one encrypts, all of them decrypt. Nothing here loads
the crypto library: most commands need no key.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field

KEY_BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(frozen=True)
class Encrypted:
    """A ciphertext and the name of the key that opens it."""

    key_id: str
    data: bytes = field(repr=False)
    """Nonce, ciphertext and tag."""


@dataclass(frozen=True)
class Key:
    """One key.

    Example:
        >>> parse_keys("k1:" + "A" * 43 + "=")[0].id
        'k1'
    """

    id: str
    material: bytes = field(repr=False)

    def __str__(self) -> str:
        """Write the key; whoever sees the text has the key."""
        return f"{self.id}:{base64.b64encode(self.material).decode()}"


def new_key() -> Key:
    """Make a key with a name of its own."""
    return Key(f"k{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES))


def parse_keys(text: str) -> tuple[Key, ...]:
    """Read keys that are separated by commas or lines; `#` begins a comment line.

    Raises:
        ValueError: If one is not a key, or two have one name. Never shows a key.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    entries = [part.strip() for line in lines for part in line.split(",") if part.strip()]
    keys = tuple(_parse_key(entry, number) for number, entry in enumerate(entries, start=1))
    if len({key.id for key in keys}) < len(keys):
        raise ValueError("two keys have one name")
    return keys


def _parse_key(entry: str, number: int) -> Key:
    name, colon, encoded = entry.partition(":")
    if not colon or _ID.fullmatch(name) is None:
        raise ValueError(f"key {number} is not written id:base64")
    try:
        material = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError(f"key {name!r} is no base64") from None
    if len(material) != KEY_BYTES:
        raise ValueError(f"key {name!r} has {len(material)} bytes instead of {KEY_BYTES}")
    return Key(name, material)
