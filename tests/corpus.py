"""The corpus of real exports: data beside the repository, never part of it."""

from pathlib import Path

import pytest

from schema.settings import Settings

_DEFAULT = Path(__file__).parents[2] / "shared" / "corpus" / "dsl"


def corpus_files() -> list[Path]:
    """Every export, sorted; none if the corpus is not here."""
    return sorted((Settings().corpus or _DEFAULT).glob("*.yml"))


def require_corpus() -> list[Path]:
    """Every export; skips the test if there is none, fails it where the corpus is required."""
    files = corpus_files()
    if not files:
        reason = "no corpus of exports; HOLDFAST_CORPUS names its folder"
        if "corpus" in Settings().require:
            pytest.fail(reason)
        pytest.skip(reason)
    return files
