"""The folder of each fork: made by the fork server, removed with whatever the job left in it.

What a job leaves may be as deep, as many and as locked as it could make it, so it is removed by a
process of its own, without recursion. Only the standard library is imported.
"""

import os
import secrets


class JobFolders:
    """Folders below one, with names that nobody can guess.

    Args:
        place: Where they are made.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def make(self) -> str:
        """Make the folder of one fork."""
        folder = os.path.join(self._place, secrets.token_hex(16))
        os.mkdir(folder, 0o700)
        return folder

    def remove(self, folder: str) -> None:
        """Remove a folder; one that is not empty goes later, in a process that must be reaped."""
        try:
            os.rmdir(folder)
        except OSError:
            if os.fork() == 0:
                try:
                    remove_tree(folder)
                finally:
                    os._exit(0)


def remove_tree(folder: str) -> None:
    """Remove a folder with all that is in it, however deep.

    Raises:
        OSError: If something in it cannot be removed.
    """
    while entries := list(os.scandir(folder)):
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _lift(entry.path, folder)
            else:
                os.unlink(entry.path)
    os.rmdir(folder)


def _lift(inner: str, outer: str) -> None:
    """Replace a folder by what is in it; names are new, so that no path grows too long."""
    os.chmod(inner, 0o700)
    for entry in list(os.scandir(inner)):
        if entry.is_dir(follow_symlinks=False):
            # Renaming a folder into another one changes it, which takes the right to write it.
            os.chmod(entry.path, 0o700)
            os.rename(entry.path, os.path.join(outer, secrets.token_hex(16)))
        else:
            os.unlink(entry.path)
    os.rmdir(inner)
