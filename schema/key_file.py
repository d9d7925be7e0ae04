"""Where the keys of secrets come from: a setting, or a file of the data directory.

The file is made with a first key when one is needed, for its owner only.
"""

import contextlib
import fcntl
import importlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schema.errors import SetupError
from schema.keys import Key, new_key, parse_keys

if TYPE_CHECKING:
    from schema.keyring import KeyRing

_HEADING = """\
# Keys of the secrets in the records of this data directory; the first one encrypts, all decrypt.
# Whoever has this file and the records can read the secrets; without it nobody can.
"""


class KeyFile:
    """The file of a data directory's keys, for its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def version(self) -> tuple[int, int] | None:
        """Give what changes when the file does; None while there is none."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def ensure(self) -> tuple[Key, ...]:
        """Read the keys; where there is no file yet, make one with a new key.

        Of processes that do this at once, one makes the file and all read it.

        Raises:
            SetupError: If it cannot be made or read, is no key file, or others may read it.
        """
        if not self.path.exists():
            self._write([new_key()], replaces=False)
        return self.read()

    def read(self) -> tuple[Key, ...]:
        """Read the keys.

        Raises:
            SetupError: If there is no such file, it is none of keys, or others may read it.
        """
        try:
            with self.path.open(encoding="ascii") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
            keys = parse_keys(text)
        except OSError as error:
            raise SetupError(
                f"The key file {str(self.path)!r} cannot be read ({error.strerror}); make it "
                "readable for this user, or set HOLDFAST_SECRET_KEYS."
            ) from error
        except ValueError as error:
            raise self._damaged(str(error)) from None
        if mode & 0o077:
            raise SetupError(
                f"Others may read the key file {str(self.path)!r}; chmod 600 {self.path}"
            )
        if not keys:
            raise self._damaged("it holds no key")
        return keys

    def add(self, key: Key) -> None:
        """Put a new key in front: it is the one that encrypts from now on.

        Raises:
            SetupError: If the file cannot be read or written.
        """
        with self._locked():
            self._write([key, *self.read()], replaces=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time change the file: no key may get lost."""
        try:
            with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise self._unwritable(error) from error

    def _write(self, keys: Sequence[Key], *, replaces: bool) -> None:
        """Write the file whole or not at all; without `replaces` an existing one stays."""
        text = _HEADING + "".join(f"{key}\n" for key in keys)
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with open(descriptor, "w", encoding="ascii") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                if replaces:
                    draft.replace(self.path)
                else:
                    with contextlib.suppress(FileExistsError):
                        os.link(draft, self.path)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> SetupError:
        return SetupError(
            f"The key file {str(self.path)!r} cannot be written ({error.strerror}); make its "
            "folder writable, or set HOLDFAST_SECRET_KEYS."
        )

    def _damaged(self, reason: str) -> SetupError:
        return SetupError(
            f"{str(self.path)!r} is no key file: {reason}. Restore it from a backup; without its "
            "keys the secrets in the records cannot be read."
        )


class KeySource:
    """The keys of a process, read when they are first needed and again when the file changes."""

    def __init__(self, file: KeyFile, setting: str | None = None) -> None:
        self.file = file
        self._given = None if setting is None else parse_setting(setting)
        self._ring: KeyRing | None = None
        self._seen: tuple[int, int] | None = None

    @property
    def is_file(self) -> bool:
        """Whether the keys are in the file, not in the setting."""
        return self._given is None

    def read(self) -> tuple[Key, ...]:
        """Give the keys, the current one first; the first call may make the file.

        Raises:
            SetupError: If the file cannot be made or read, is no key file, or others may read it.
        """
        return self.file.ensure() if self._given is None else self._given

    def ring(self) -> "KeyRing":
        """Give what encrypts and decrypts; the first call loads the crypto library.

        Raises:
            SetupError: As `read`.
        """
        seen = self.file.version() if self._given is None else None
        if self._ring is None or seen != self._seen:
            # Loaded only here: no command without secrets needs the crypto library.
            self._ring = importlib.import_module("schema.keyring").KeyRing(self.read())
            self._seen = self.file.version() if self._given is None else None
        assert self._ring is not None
        return self._ring


def parse_setting(text: str) -> tuple[Key, ...]:
    """Read `HOLDFAST_SECRET_KEYS`.

    Raises:
        SetupError: If it holds no keys; never shows one.
    """
    try:
        keys = parse_keys(text)
    except ValueError as error:
        raise SetupError(
            f"HOLDFAST_SECRET_KEYS: {error}; `holdfast keys new` prints a key as it is written."
        ) from None
    if not keys:
        raise SetupError("HOLDFAST_SECRET_KEYS holds no key; set one, or unset the variable.")
    return keys
