"""Puts every encrypted secret under the current key, a bounded number at a time.

Each batch is a transaction of its own; interrupted at any point, the next call goes on. Processes
may encrypt and decrypt meanwhile.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from schema.db.engine import Database
from schema.db.event_log import run_secrets
from schema.run_secrets import encrypt_again

if TYPE_CHECKING:
    from schema.keyring import KeyRing

BATCH = 200
"""Values in one transaction."""


async def count_secrets(database: Database) -> Mapping[str, int]:
    """Count the encrypted values by the name of their key.

    Raises:
        DatabaseUnavailable: If the database cannot be reached.
    """
    return await database.read(run_secrets.count_by_key)


async def rotate_secrets(
    database: Database, ring: "KeyRing", batch: int = BATCH
) -> AsyncIterator[int]:
    """Encrypt again what is not under the current key; give how many values each batch changed.

    Raises:
        SecretUnreadable: If a value is under a key that is not here; those before it are done.
        DatabaseUnavailable: If the database cannot be reached.
    """
    read = partial(run_secrets.read_other_keys, key_id=ring.current_id, limit=batch)
    while found := await database.read(read):
        changes = [(run, stored, encrypt_again(ring, run, stored)) for run, stored in found]
        yield await database.write(partial(run_secrets.replace_secrets, changes=changes))
