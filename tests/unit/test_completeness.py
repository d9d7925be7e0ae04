"""Adding a node type is three files of one name and three lines: a forgotten one is named here."""

import ast
import importlib
import inspect

import pytest

from schema.contracts import ActivityContract
from schema.nodes import NODE_DATA
from tests.sources import ROOT, sources
from workflows.nodes import EXECUTORS

NODE_TYPES = sorted(NODE_DATA.keys() | EXECUTORS.keys())


def stem(node_type: str) -> str:
    return node_type.replace("-", "_")


def contracts() -> set[str]:
    """Names of the constants that hold a contract, everywhere in `schema`."""
    modules = [importlib.import_module(source.module) for source in sources("schema/nodes")]
    modules.append(importlib.import_module("schema.activities"))
    return {
        name
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, ActivityContract)
    }


def implemented() -> set[str]:
    """Contracts that a decorator of an activity names."""
    names: set[str] = set()
    for source in sources("activities"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                decorators = " ".join(ast.unparse(each) for each in node.decorator_list)
                names |= {name for name in contracts() if name in decorators}
    return names


def test_inv_22_every_node_type_has_data_and_executor() -> None:
    assert NODE_DATA.keys() == EXECUTORS.keys()


@pytest.mark.parametrize("node_type", NODE_TYPES)
def test_node_type_is_written_in_files_of_its_name(node_type: str) -> None:
    data, executor = NODE_DATA[node_type], EXECUTORS[node_type]

    assert data.__module__ == f"schema.nodes.{stem(node_type)}"
    assert executor.__module__ == f"workflows.nodes.{stem(node_type)}"


@pytest.mark.parametrize("node_type", NODE_TYPES)
def test_executor_is_written_for_the_data_of_its_type(node_type: str) -> None:
    parameter = inspect.signature(EXECUTORS[node_type], eval_str=True).parameters["data"]

    assert parameter.annotation is NODE_DATA[node_type]


def test_no_executor_is_left_out_of_the_list() -> None:
    files = {file.stem for file in (ROOT / "workflows" / "nodes").glob("*.py")}

    assert files - {"__init__", "base"} == {stem(node_type) for node_type in EXECUTORS}


def test_every_contract_has_an_activity() -> None:
    assert contracts() == implemented()
