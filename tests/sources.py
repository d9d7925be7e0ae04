"""The project's own Python files as syntax trees, for the tests that enforce its structure."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schema", "workflows", "activities", "workers", "api")
"""What is installed. `tests` and `benchmarks` are read as well, but not shipped."""


@dataclass(frozen=True)
class Source:
    """One file, parsed."""

    path: Path
    module: str
    """Dotted name; a package's is that of its folder."""
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """The path below the repository, as failures name it."""
        return str(self.path.relative_to(ROOT))

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        if self.path.name == "__init__.py":
            return self.module
        return self.module.rpartition(".")[0]


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file below the folders, in a stable order; without one, of the whole project."""
    tops = folders or (*PACKAGES, "tests", "benchmarks")
    files = sorted(file for top in tops for file in (ROOT / top).rglob("*.py"))
    return tuple(read(file) for file in files)


def read(file: Path) -> Source:
    """Parse one file of the project."""
    text = file.read_text(encoding="utf-8")
    parts = file.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(path=file, module=name, text=text, tree=ast.parse(text, str(file)))


def from_text(text: str, module: str) -> Source:
    """A file that does not exist, to show that a rule notices what it is there for."""
    path = ROOT / (module.replace(".", "/") + ".py")
    return Source(path=path, module=module, text=text, tree=ast.parse(text))


def imports(source: Source) -> Iterator[str]:
    """Dotted names that a file imports; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _origin(node, source)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _origin(node: ast.ImportFrom, source: Source) -> str:
    if not node.level:
        return node.module or ""
    levels = source.package.split(".")
    above = levels[: len(levels) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def is_within(name: str, package: str) -> bool:
    """Whether a dotted name is a package or something inside it."""
    return name == package or name.startswith(package + ".")


def is_stdlib(name: str) -> bool:
    """Whether a dotted name belongs to Python itself."""
    return name.partition(".")[0] in sys.stdlib_module_names


def reachable(start: str) -> tuple[Source, ...]:
    """The project's files that importing a module runs, itself among them."""
    known = {source.module: source for source in sources(*PACKAGES)}
    found: dict[str, Source] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in known or name in found:
            continue
        found[name] = known[name]
        waiting += [name.rpartition(".")[0], *imports(known[name])]
    return tuple(found[name] for name in sorted(found))
