"""What authors wrote into nodes that is secret leaves the plan (invariant 17)."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from schema.dsl.secret_literals import extract_literals
from schema.nodes.base import NodeData
from schema.plan import SECRETS_NODE, PlanSecret
from schema.selectors import Selector
from tests.documents import codes, compiled
from tests.factories import a_node, a_start

CANARY = "sk-canary-0123456789"


class NodeWithKeys(NodeData):
    """A node whose texts are all secret."""

    keys: dict[str, str]

    def secret_literals(self) -> Iterable[tuple[str, str]]:
        return self.keys.items()

    def with_secrets(self, texts: Mapping[str, str]) -> "NodeWithKeys":
        return self.model_copy(update={"keys": {**self.keys, **texts}})


def test_placeholders_take_the_place_of_literals() -> None:
    node = NodeWithKeys(type="x", keys={"a": CANARY, "b": "another-secret", "c": CANARY})

    found = extract_literals({"n": node, "m": NodeData(type="y")})

    first, second = (f"{{{{#{SECRETS_NODE}.s{number}#}}}}" for number in (1, 2))
    assert found.data["n"] == NodeWithKeys(type="x", keys={"a": first, "b": second, "c": first})
    assert found.data["m"] == NodeData(type="y")
    assert found.values == {"literal.s1": CANARY, "literal.s2": "another-secret"}
    assert [(f.node_id, f.field, str(f.severity)) for f in found.findings] == [
        ("n", "a", "notice"),
        ("n", "b", "notice"),
        ("n", "c", "notice"),
    ]
    assert CANARY not in repr(found)


def test_a_node_of_the_author_may_have_the_reserved_name() -> None:
    node = NodeWithKeys(type="x", keys={"a": CANARY})

    found = extract_literals({SECRETS_NODE: node})

    assert found.secrets == (PlanSecret(node_id=f"{SECRETS_NODE}_", variable="s1"),)


def test_a_short_literal_is_a_warning() -> None:
    found = extract_literals({"n": NodeWithKeys(type="x", keys={"a": "12345"})})

    assert [(str(f.code), f.is_error) for f in found.findings] == [("short-secret", False)]
    assert "12345" not in repr(found.findings)


def test_other_nodes_have_no_literals_to_replace() -> None:
    node = NodeData(type="x")

    assert node.with_secrets({}) is node
    with pytest.raises(KeyError):
        node.with_secrets({"a": "b"})


def a_request(**fields: Any) -> dict[str, Any]:
    defaults = {"method": "get", "url": "https://a.test", "headers": "", "params": ""}
    key = {"type": "api-key", "config": {"type": "bearer", "api_key": CANARY}}
    return a_node("r", "http-request", **{**defaults, "authorization": key, **fields})


def test_inv_17_a_key_of_a_request_never_enters_a_plan() -> None:
    compilation = compiled([a_start("s"), a_request()], [("s", "r")])
    other = compiled(
        [
            a_start("s"),
            a_request(
                authorization={
                    "type": "api-key",
                    "config": {"type": "bearer", "api_key": "sk-another-9876543210"},
                }
            ),
        ],
        [("s", "r")],
    )

    assert compilation.plan is not None
    assert other.plan is not None
    assert CANARY not in compilation.plan.model_dump_json() + repr(compilation)
    assert compilation.secrets == {"literal.s1": CANARY}
    assert compilation.plan.plan_sha == other.plan.plan_sha
    assert Selector(SECRETS_NODE, "s1") in compilation.plan.graph.by_id["r"].data.selectors()
    assert ("notice", "secret-literal", "r") in codes(compilation)
