"""The virtual environment with the packages that code nodes may import; made with pip.

It is apart from what this program itself runs on: an author's packages never meet ours.
"""

import sys
import sysconfig
from collections.abc import Callable, Sequence
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.metadata import distributions
from pathlib import Path

from schema.errors import PackagesNotInstalled
from workers.program import run_program

_CREATE_SECONDS = 300
_INSTALL_SECONDS = 3600
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


class CodePackages:
    """The packages in one folder.

    Args:
        location: The virtual environment; it need not exist.
    """

    def __init__(self, location: Path) -> None:
        self._location = location

    @property
    def folder(self) -> Path:
        """Where the packages themselves are."""
        scheme = "venv" if "venv" in sysconfig.get_scheme_names() else None
        base = {"base": str(self._location), "platbase": str(self._location)}
        return Path(
            sysconfig.get_path("purelib", scheme, base)
            if scheme
            else sysconfig.get_path("purelib", vars=base)
        )

    def has(self, name: str) -> bool:
        """Whether a top-level name can be imported from here; nothing is imported to find out."""
        # Made anew: Python's own finders remember a folder that was not there.
        finder = FileFinder(
            str(self.folder),
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (SourceFileLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )
        return finder.find_spec(name) is not None

    def listed(self) -> list[tuple[str, str]]:
        """List names and versions of what is installed, without the installer itself."""
        found = distributions(path=[str(self.folder)])
        pairs = {(each.metadata["Name"], each.version) for each in found}
        return sorted(pair for pair in pairs if pair[0] not in ("pip", "setuptools"))

    async def install(self, requirements: Sequence[Path], watch: Callable[[str], None]) -> None:
        """Install what requirements files name, into an environment made for this Python.

        Args:
            requirements: Files as pip reads them.
            watch: Called with each line of progress.

        Raises:
            PackagesNotInstalled: If it did not work; the message says what to do.
        """
        for file in requirements:
            if not file.is_file():
                raise PackagesNotInstalled(f"There is no file {str(file)!r}.", "name another")
        await self._make(watch)
        python = self._location / "bin" / "python"
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        for file in requirements:
            command += ["-r", str(file)]
        ended = await run_program(command, _INSTALL_SECONDS, watch=watch)
        if ended.status:
            errors = [line for line in ended.text.splitlines() if line.startswith("ERROR")]
            raise PackagesNotInstalled(
                f"pip could not install them: {errors[-1] if errors else ended.last_line}",
                "see pip's lines above, correct the file and install again",
            )

    async def _make(self, watch: Callable[[str], None]) -> None:
        config = self._location / "pyvenv.cfg"
        if self._location.exists() and not config.exists() and any(self._location.iterdir()):
            raise PackagesNotInstalled(
                f"{str(self._location)!r} is not a virtual environment.",
                "name another folder in HOLDFAST_CODE_PACKAGES",
            )
        if self.folder.is_dir():
            return
        watch(f"Making an environment for Python {_VERSION} in {self._location}")
        command = [sys.executable, "-m", "venv", "--clear", str(self._location)]
        ended = await run_program(command, _CREATE_SECONDS)
        if ended.status:
            raise PackagesNotInstalled(
                f"The environment could not be made: {ended.last_line}",
                "install Python's venv module, such as with `apt install python3-venv`",
            )
