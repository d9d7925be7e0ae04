"""Links between the project's own pages lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.sources import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_of_a_page_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
    relative = [target for target in targets if "://" not in target]

    assert not [target for target in relative if not (page.parent / target).exists()]
