"""requirements.lock: exact versions with hashes, no addresses, nothing missing."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT, imports, sources

LOCKS = (ROOT / "requirements.lock", ROOT / "deploy" / "runtime.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> Iterator[tuple[str, str, str]]:
    """Name, version and the rest (marker, hashes) of every entry."""
    text = re.sub(r"^\s*#.*$", "", lock.read_text("utf-8"), flags=re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text.strip()):
        name, version, rest = re.fullmatch(r"([\w.-]+)==(\S+)(.*)", entry, re.DOTALL).groups()  # type: ignore[union-attr]  # an entry of another form fails the test
        yield name, version, rest


def declared(group: str | None) -> Iterator[str]:
    requirements = (
        PROJECT["dependency-groups"][group] if group else PROJECT["project"]["dependencies"]
    )
    for requirement in requirements:
        if isinstance(requirement, str):
            name = re.match(r"[\w.-]+", requirement)
            assert name is not None
            yield normalised(name[0])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_entry_is_pinned_with_hashes(lock: Path) -> None:
    entries = list(pins(lock))

    assert entries
    assert not [name for name, _, rest in entries if "--hash=sha256:" not in rest]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_names_no_address(lock: Path) -> None:
    """So that it installs from whatever index pip is set up with."""
    text = lock.read_text("utf-8")

    assert not re.search(r"://|^\s*(-i|-f|--index|--extra|--find|--trusted)", text, re.MULTILINE)


def test_every_declared_dependency_is_locked() -> None:
    locked = {normalised(name) for name, _, _ in pins(LOCKS[0])}

    assert not {*declared(None), *declared("build"), *declared("dev")} - locked


def test_runtime_lock_is_the_part_that_runs() -> None:
    everything = {name: version for name, version, _ in pins(LOCKS[0])}
    runtime = {name: version for name, version, _ in pins(LOCKS[1])}

    assert runtime.items() <= everything.items()
    assert {*declared(None), *declared("build")} <= {normalised(name) for name in runtime}
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & runtime.keys()


def test_every_runtime_dependency_is_used() -> None:
    imported = {name.partition(".")[0] for source in sources(*PACKAGES) for name in imports(source)}
    used = {
        normalised(distribution)
        for module, distributions in packages_distributions().items()
        if module in imported
        for distribution in distributions
    }

    assert not set(declared(None)) - used
