"""KeyRing: encryption at rest with AES-256-GCM, the id of the key beside each ciphertext.

The only module that loads the crypto library; where keys come from is `key_file.py`, what is kept
under them `run_secrets.py`.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schema.errors import SecretUnreadable
from schema.keys import Encrypted, Key

_NONCE_BYTES = 12
"""What AES-GCM is made for. Random: a key may encrypt 2^32 values before two of them matter."""


class KeyRing:
    """Keys by id; the first one encrypts, all of them decrypt.

    Example:
        >>> ring = KeyRing([Key("k1", bytes(32))])
        >>> ring.decrypt(ring.encrypt(b"value", b"whose"), b"whose")
        b'value'
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self.current_id = keys[0].id
        self._ciphers = {key.id: AESGCM(key.material) for key in keys}

    def encrypt(self, plaintext: bytes, belongs_to: bytes) -> Encrypted:
        """Encrypt under the current key.

        Args:
            plaintext: What to hide.
            belongs_to: What the ciphertext is bound to; the same is needed to decrypt it.
        """
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.current_id].encrypt(nonce, plaintext, belongs_to)
        return Encrypted(self.current_id, nonce + sealed)

    def decrypt(self, encrypted: Encrypted, belongs_to: bytes) -> bytes:
        """Decrypt under the key that is named.

        Raises:
            SecretUnreadable: If that key is not here, or is not the one that encrypted this.
        """
        cipher = self._ciphers.get(encrypted.key_id)
        if cipher is None:
            raise SecretUnreadable(
                f"A secret is encrypted with the key {encrypted.key_id!r}, and this process has "
                f"only {', '.join(map(repr, self._ciphers))}. Give every process the same keys: "
                "HOLDFAST_SECRET_KEYS, or one data directory."
            )
        nonce, data = encrypted.data[:_NONCE_BYTES], encrypted.data[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, data, belongs_to)
        except InvalidTag:
            raise SecretUnreadable(
                f"A secret cannot be decrypted with the key {encrypted.key_id!r}: another process "
                "has a different key of that name, or the record was changed. Give every process "
                "the same keys: HOLDFAST_SECRET_KEYS, or one data directory."
            ) from None
