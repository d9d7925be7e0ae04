"""Temporary files of one request, in a folder that exists only if one is needed."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


class Scratch:
    """A place for large contents; what is in it goes with the block."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def file(self, name: str) -> Path:
        """Give the path for a file of ours; most requests need none."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="holdfast-http-"))
        return self._folder / name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder)
