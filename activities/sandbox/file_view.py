"""Which files of this machine a fork server may see: Python, system libraries, code, packages."""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OUR_PACKAGES = ("activities", "schema")
"""Of this project: what programs are written in."""

_SYSTEM = (
    *("/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/libx32", "/usr/local/lib"),
    *("/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo"),
)
_FOR_NETWORK = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"),
)


@dataclass(frozen=True)
class FileView:
    """Paths of this machine; a shell shows them read-only, under the same paths but for `code`."""

    python: Path
    """The interpreter itself, not that of a virtual environment, which needs more files."""
    readable: tuple[Path, ...]
    code: Mapping[str, Path]
    """By the name that the file or folder must have."""
    packages: Path | None


def find_files(libraries: Sequence[str], packages: Path | None, *, network: bool) -> FileView:
    """Find what a fork server needs on this machine.

    Args:
        libraries: Top-level modules that programs import besides our own and the standard library.
        packages: A virtual environment whose packages code nodes may import.
        network: Whether files that network access takes are needed.

    Raises:
        ModuleNotFoundError: If a library is not installed.
    """
    given = [Path(path) for path in (*_SYSTEM, *(_FOR_NETWORK if network else ()))]
    paths = sysconfig.get_paths()
    given += [Path(paths["stdlib"]), Path(paths["platstdlib"])]
    shared = sysconfig.get_config_var("LIBDIR")
    library = sysconfig.get_config_var("INSTSONAME") or ""
    if shared and (".so" in library or library.endswith(".dylib")):
        given.append(Path(shared) / library)
    return FileView(
        python=Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable))),
        readable=tuple(dict.fromkeys(path for path in given if path.exists())),
        code={path.name: path for name in (*OUR_PACKAGES, *libraries) for path in [_origin(name)]},
        packages=site_packages(packages) if packages is not None else None,
    )


def site_packages(environment: Path) -> Path | None:
    """Give the folder of packages in a virtual environment of this Python; None if it has none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = environment / "lib" / version / "site-packages"
    return folder.resolve() if folder.is_dir() else None


def _origin(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the sandbox needs the module {name!r}", name=name)
    return Path(spec.origin).resolve()
