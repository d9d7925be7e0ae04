"""The graphs that are measured, as exports of Dify's editor in their shortest form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from schema.dsl.compilation import compile_definition
from schema.dsl.definition import read_definition
from schema.plan import Plan

TEXT = "benchmark"
"""The input of every run but the large ones."""
LARGE_TEXT_BYTES = 100 * 1024**2


@dataclass(frozen=True)
class Graph:
    """One measured graph, for both sides."""

    name: str
    shape: str
    """What the hand-written workflow calls it."""
    size: int
    document: Mapping[str, Any]
    output: str = TEXT
    url: str = ""
    """What the requests of the graph ask for."""
    text: str = TEXT
    """What a run is given."""
    is_slow: bool = False
    """Whether it waits for a peer: then only many at a time are of interest."""

    @property
    def export(self) -> str:
        """The export's text; JSON is YAML."""
        return json.dumps(self.document)

    def plan(self) -> Plan:
        """Compile the export."""
        plan = compile_definition(read_definition(self.export)).plan
        if plan is None:
            raise ValueError(f"{self.name} does not compile")
        return plan


def empty() -> Graph:
    """Start and end: the floor of our runs."""
    return Graph("start, end", "empty", 0, _document([_start(), _end("start", "q")]))


def branch() -> Graph:
    """Start, if-else, aggregator, end."""
    condition = {
        "id": "c",
        "variable_selector": ["start", "q"],
        "comparison_operator": "contains",
        "value": "bench",
    }
    case = {"case_id": "true", "logical_operator": "and", "conditions": [condition]}
    nodes = [
        _start(),
        _node("choose", "if-else", cases=[case]),
        _node("first", "variable-aggregator", output_type="string", variables=[["start", "q"]]),
        _end("first", "output"),
    ]
    edges = [("start", "choose"), ("choose", "first", "true"), ("choose", "first", "false")]
    return Graph(
        "start, if-else, aggregator, end", "branch", 0, _document(nodes, [*edges, ("first", "end")])
    )


def chain(length: int) -> Graph:
    """Start, templates in a row, end."""
    nodes, previous = [_start()], ("start", "q")
    for number in range(length):
        nodes.append(_template(f"t{number}", "{{ x }}", previous))
        previous = (f"t{number}", "output")
    nodes.append(_end(*previous))
    return Graph(f"chain of {length} templates", "chain", length, _document(nodes))


def parallel(width: int) -> Graph:
    """Start, templates beside each other, end."""
    names = [f"t{number}" for number in range(width)]
    branches = [_template(name, f"{n}{{{{ x }}}}", ("start", "q")) for n, name in enumerate(names)]
    outputs = [{"variable": name, "value_selector": [name, "output"]} for name in names]
    end = _node("end", "end", outputs=outputs)
    edges = [edge for name in names for edge in (("start", name), (name, "end"))]
    return Graph(
        f"{width} parallel templates",
        "parallel",
        width,
        _document([_start(), *branches, end], edges),
        "".join(f"{number}{TEXT}" for number in range(width)),
    )


def requests(count: int, url: str, *, is_slow: bool = False) -> Graph:
    """Start, http-requests in a row, end."""
    nodes: list[dict[str, Any]] = [_start()]
    nodes += [_request(f"http{number}", url) for number in range(count)]
    nodes.append(_end(f"http{count - 1}", "body"))
    name = f"start, {f'{count} http' if count > 1 else 'http'}{' of 1 s' if is_slow else ''}, end"
    return Graph(name, "http", count, _document(nodes), url=url, is_slow=is_slow)


def code(count: int) -> Graph:
    """Start, code nodes in a row, end."""
    nodes, previous = [_start()], ("start", "q")
    for number in range(count):
        nodes.append(_code(f"c{number}", previous))
        previous = (f"c{number}", "y")
    nodes.append(_end(*previous))
    return Graph(f"start, {count} code, end", "code", count, _document(nodes))


def large(count: int, size: int = LARGE_TEXT_BYTES) -> Graph:
    """A large text through aggregators, templates and code in a row."""
    nodes, previous = [_start()], ("start", "q")
    for number in range(count):
        name = f"n{number}"
        if number % 3 == 0:
            nodes.append(_node(name, "variable-aggregator", variables=[list(previous)]))
        elif number % 3 == 1:
            nodes.append(_template(name, "{{ x }}", previous))
        else:
            nodes.append(_code(name, previous))
        previous = (name, "y" if number % 3 == 2 else "output")
    nodes.append(_end(*previous))
    text = "0123456789abcdef" * (size // 16)
    name = f"{size // 1024**2} MB through {count} nodes"
    return Graph(name, "large", count, _document(nodes), output=text, text=text)


def _document(
    nodes: list[dict[str, Any]], edges: Sequence[tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """Write an export; without edges the nodes are a chain."""
    if edges is None:
        ids = [node["id"] for node in nodes]
        edges = list(pairwise(ids))
    written = [
        {"source": edge[0], "target": edge[1], "sourceHandle": edge[2] if edge[2:] else "source"}
        for edge in edges
    ]
    return {
        "app": {"mode": "workflow", "name": "benchmark"},
        "kind": "app",
        "version": "0.5.0",
        "workflow": {"graph": {"nodes": nodes, "edges": written}},
    }


def _node(node_id: str, node_type: str, **data: Any) -> dict[str, Any]:
    return {"id": node_id, "data": {"type": node_type, "title": node_id.title(), **data}}


def _start() -> dict[str, Any]:
    variable = {"variable": "q", "label": "q", "type": "paragraph", "required": True}
    return _node("start", "start", variables=[variable])


def _template(node_id: str, template: str, selector: tuple[str, str]) -> dict[str, Any]:
    variables = [{"variable": "x", "value_selector": list(selector)}]
    return _node(node_id, "template-transform", template=template, variables=variables)


def _code(node_id: str, selector: tuple[str, str]) -> dict[str, Any]:
    return _node(
        node_id,
        "code",
        code_language="python3",
        code='def main(x):\n    return {"y": x}\n',
        variables=[{"variable": "x", "value_selector": list(selector)}],
        outputs={"y": {"type": "string", "children": None}},
    )


def _request(node_id: str, url: str) -> dict[str, Any]:
    return _node(
        node_id,
        "http-request",
        method="get",
        url=url,
        headers="",
        params="",
        authorization={"type": "no-auth", "config": None},
        body={"type": "none", "data": []},
    )


def _end(node_id: str, name: str) -> dict[str, Any]:
    return _node("end", "end", outputs=[{"variable": "r", "value_selector": [node_id, name]}])
