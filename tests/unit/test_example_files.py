"""The examples compile without a finding."""

import json
from pathlib import Path

import pytest

from schema.dsl import compile_definition, read_definition
from tests.sources import ROOT

EXPORTS = sorted((ROOT / "examples").glob("*/*.yml"))


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.stem)
def test_example_has_no_findings(export: Path) -> None:
    compilation = compile_definition(read_definition(export.read_bytes()))

    assert not compilation.findings
    assert compilation.plan is not None


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.stem)
def test_example_lies_in_a_folder_of_its_name_with_all_that_belongs_to_it(export: Path) -> None:
    folder = export.parent
    cases = json.loads((folder / "cases.json").read_text("utf-8"))

    assert folder.name == export.stem
    assert (folder / "README.md").is_file()
    assert all({"name", "inputs", "outputs"} <= case.keys() for case in cases)
