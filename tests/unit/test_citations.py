"""What comments and docstrings cite by number is a section of our own documentation.

`docs/README.md` says which words cite which page.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from tests.sources import ROOT, sources

PAGES: Mapping[str, str] = {
    "architecture": "architecture.md",
    "invariant": "invariants.md",
    "dify-nodes": "dify-behaviour.md",
    "dify-api": "dify-behaviour.md",
    "dify-platform": "dify-behaviour.md",
    "temporal-notes": "temporal-notes.md",
}
"""Citing word to page; `invariants 3, 4` and `dify-nodes 2.6 and 2.9` cite several sections."""

_NUMBER = r"\d+(?:\.\d+)*"
_CITATION = re.compile(
    rf"\b({'|'.join(PAGES)})s? ({_NUMBER}(?:(?:, | and |, and ){_NUMBER})*)", re.IGNORECASE
)
_UNNAMED = re.compile(r"\bdesign \d|\btemporal\.md \d|\bstyle(?:\.md)? \d| \(\d\.\d\)")
"""Citations of pages that a reader does not have."""


def citations(text: str) -> Iterator[tuple[str, str]]:
    """Each cited section, with the word that names its page."""
    for word, numbers in _CITATION.findall(text):
        for number in re.findall(_NUMBER, numbers):
            yield word.lower(), number


@cache
def sections(word: str) -> frozenset[str]:
    """Numbers of a page's headings, list items or table rows, below the heading that cites it."""
    text = (ROOT / "docs" / PAGES[word]).read_text("utf-8")
    if word.startswith("dify-"):
        found = re.search(rf"^## {word}:.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert found is not None
        text = found[0]
    rows = re.findall(rf"^\| ({_NUMBER}(?:, {_NUMBER})*) \|", text, re.MULTILINE)
    headings = re.findall(rf"^(?:#+ )?({_NUMBER})\.? ", text, re.MULTILINE)
    return frozenset(number for row in (*rows, *headings) for number in row.split(", "))


@pytest.mark.parametrize("word", PAGES)
def test_cited_sections_exist(word: str) -> None:
    cited = {
        number: source.place
        for source in sources()
        for cites, number in citations(source.text)
        if cites == word
    }

    assert cited
    assert {number: cited[number] for number in cited if number not in sections(word)} == {}


def test_nothing_is_cited_that_a_reader_cannot_open() -> None:
    own = "tests/unit/test_citations.py"
    found = [
        f"{source.place}: {match[0]}"
        for source in sources()
        if source.place != own
        for match in _UNNAMED.finditer(source.text)
    ]

    assert not found


def test_several_sections_of_one_citation_are_read() -> None:
    found = list(citations("By invariants 3, 4 and 11; see (dify-nodes 2.6, 2.9)."))

    assert found == [
        ("invariant", "3"),
        ("invariant", "4"),
        ("invariant", "11"),
        ("dify-nodes", "2.6"),
        ("dify-nodes", "2.9"),
    ]


def test_linked_tests_of_an_invariant_are_named_after_it() -> None:
    text = (ROOT / "docs" / "invariants.md").read_text("utf-8")
    rules = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |^## |\Z)", text, re.MULTILINE | re.DOTALL)
    wrong = [
        f"{number}: {link}"
        for number, rule in rules
        for link in re.findall(r"\]\(\.\./(tests/[^)]+)\)", rule)
        if f"def test_inv_{int(number):02}_" not in (ROOT / link).read_text("utf-8")
    ]

    assert len(rules) == 22
    assert not wrong
