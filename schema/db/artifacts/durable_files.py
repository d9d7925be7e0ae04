"""Files that appear under their name as a whole, and are still there after a power cut.

A reference may be committed to a database that waits for its disk right after its content was
stored, so storing waits for the disk too.
"""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

STAGING = "staging"
"""Folder, below the store's, of files that have no name yet."""
LEFT_BEHIND_SECONDS = 24 * 3600.0
"""Age from which a file without a name is of a writer that was killed."""


def write_durably(root: Path, path: str, source: bytes | Path) -> None:
    """Write a file below a folder, or replace it; no reader ever sees a part of it.

    Args:
        root: The folder; it is on one file system.
        path: Where below it, with `/` between plain names.
        source: The content, or a file with it, which stays where it is.

    Raises:
        OSError: If it cannot be written; then nothing has changed.
    """
    target = root / path
    staging = root / STAGING
    staging.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=staging)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(source, bytes):
                file.write(source)
            else:
                with source.open("rb") as content:
                    shutil.copyfileobj(content, file, 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
        _make_folder(target.parent)
        os.replace(name, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def remove_left_behind(root: Path) -> int:
    """Remove what killed writers have left; how many files that were."""
    removed = 0
    oldest = time.time() - LEFT_BEHIND_SECONDS
    staging = root / STAGING
    for file in staging.iterdir() if staging.is_dir() else ():
        with suppress(FileNotFoundError):  # another process removes the same
            if file.stat().st_mtime < oldest:
                file.unlink()
                removed += 1
    return removed


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each known to the disk before something is in it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
