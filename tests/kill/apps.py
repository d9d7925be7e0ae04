"""Exports that reach the kill points: long, branching, large, and a chatflow."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.documents import a_document
from tests.factories import a_branch, a_node, a_start, a_template, an_answer, an_end

CHAIN = 230
"""Templates in a row: more than 400 facts, so that two carriers leave before the end."""
LARGE = "hello " * 20_000
"""More than 64 KB: it travels as a reference, and every node that reads it is an activity."""


@dataclass(frozen=True)
class App:
    """An export, and what one of its runs is given."""

    document: Callable[[], str]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""

    def write(self, folder: Path, **inputs_of_the_stage: Any) -> list[str]:
        """Write the export; give the arguments of `holdfast run`."""
        folder.mkdir(exist_ok=True, parents=True)
        export, inputs = folder / "app.yml", folder / "inputs.json"
        export.write_text(self.document())
        inputs.write_text(json.dumps({**self.inputs, **inputs_of_the_stage}))
        query = ["--query", self.query] if self.query else []
        return [str(export), "--inputs", f"@{inputs}", *query]


def _a_text_start(*names: str) -> dict[str, Any]:
    variables = [
        {"variable": n, "label": n, "type": "paragraph", "max_length": 10**6} for n in names
    ]
    return a_node("start", "start", variables=variables)


def _an_aggregator(node_id: str, *selectors: list[str]) -> dict[str, Any]:
    return a_node(node_id, "variable-aggregator", output_type="string", variables=list(selectors))


def _branching(source: list[str], first: str) -> tuple[list[Any], list[Any]]:
    """A decision over a value, three branches side by side, and an aggregator that joins them."""
    branches = [a_template(f"b{i}", f"{i}<{{{{ q }}}}>", q=source) for i in range(3)]
    nodes = [
        a_branch("decide", source, "contains", "h"),
        *branches,
        a_template("never", "no {{ q }}", q=source),
        _an_aggregator("join", ["never", "output"], ["b1", "output"], ["b0", "output"]),
        an_end("end", joined=["join", "output"], last=["b2", "output"]),
    ]
    edges = [
        (first, "decide"),
        *[("decide", f"b{i}", "true") for i in range(3)],
        *[(f"b{i}", "join") for i in range(2)],
        ("decide", "never", "false"),
        ("never", "join"),
        ("join", "end"),
        ("b2", "end"),
    ]
    return nodes, edges


def a_chain() -> str:
    """A long chain of inline nodes, then branches and an aggregator."""
    names = [f"t{i}" for i in range(CHAIN)]
    nodes, edges = _branching([names[-1], "output"], names[-1])
    chain = [a_template(names[0], "{{ q }}", q=["start", "q"])]
    chain += [a_template(name, "{{ q }}", q=[before, "output"]) for before, name in pairwise(names)]
    line = [("start", names[0]), *pairwise(names)]
    return a_document([a_start("start", "q"), *chain, *nodes], [*line, *edges])


def a_large_graph() -> str:
    """The same branches over a value behind a reference: what reads it is an activity.

    Inline nodes stand between them, whose facts ride along.
    """
    nodes, edges = _branching(["start", "q"], "start")
    more = [
        a_template("after", "{{ q }}!", q=["join", "output"]),
        a_template("between", "inline"),
        a_template("last", "{{ q }}{{ b }}", q=["after", "output"], b=["between", "output"]),
        an_end("end2", text=["last", "output"]),
    ]
    line = [("join", "after"), ("after", "between"), ("between", "last"), ("last", "end2")]
    return a_document([_a_text_start("q"), *nodes, *more], [*edges, *line])


def a_chat() -> str:
    """Answers around a large value, and one that is rendered inline."""
    nodes = [
        _a_text_start("q"),
        a_branch("decide", ["sys", "query"], "contains", "day"),
        an_answer("first", "You asked: {{#sys.query#}} "),
        a_template("shout", "<{{ q }}>", q=["start", "q"]),
        an_answer("second", "{{#shout.output#}} and {{#start.q#}}"),
        an_answer("third", " The end."),
        an_answer("other", "Nothing."),
    ]
    edges = [
        ("start", "decide"),
        ("decide", "first", "true"),
        ("decide", "other", "false"),
        ("first", "shout"),
        ("shout", "second"),
        ("second", "third"),
    ]
    return a_document(nodes, edges, mode="advanced-chat")


def calls() -> str:
    """Three calls of the peer side by side, their join, and one more call."""
    names = ("a", "b", "c")
    nodes = [
        a_start("start", "peer"),
        *[_a_call(name) for name in names],
        a_template("join", "{{ a }} {{ b }} {{ c }}", **{name: [name, "body"] for name in names}),
        _a_call("d"),
        an_end("end", joined=["join", "output"], last=["d", "body"]),
    ]
    edges = [
        *[("start", name) for name in names],
        *[(name, "join") for name in names],
        ("join", "d"),
        ("d", "end"),
    ]
    return a_document(nodes, edges)


def _a_call(name: str) -> dict[str, Any]:
    return a_node(
        name,
        "http-request",
        url=f"{{{{#start.peer#}}}}/{name}",
        method="post",
        authorization={"type": "no-auth"},
        headers="",
        params="",
        body={"type": "none", "data": []},
        # Longer than anything stays away.
        timeout={"connect": 10, "read": 300, "write": 10},
    )


CALLS_AT_ONCE = 3
"""Calls of the app `calls` that are in flight before the join."""
APPS: Mapping[str, App] = {
    "chain": App(a_chain, {"q": "hello"}),
    "large": App(a_large_graph, {"q": LARGE}),
    "calls": App(calls),
    "chat": App(a_chat, {"q": LARGE}, query="What a day is it?"),
}
