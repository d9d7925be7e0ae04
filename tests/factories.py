"""Values for tests: valid by default, overridable."""

from collections.abc import Iterable, Mapping
from typing import Any

from schema.plan import AppMode, Plan, PlanEdge, PlanGraph, PlanNode, PlanVariable
from schema.runs import RunInput
from schema.selectors import public_node_id

Edge = tuple[str, str] | tuple[str, str, str]


def a_node(node_id: str, node_type: str, **data: Any) -> dict[str, Any]:
    """A node as an export has it."""
    return {"id": node_id, "data": {"type": node_type, "title": node_id.title(), **data}}


def a_start(node_id: str = "start", *variables: str) -> dict[str, Any]:
    return a_node(
        node_id,
        "start",
        variables=[{"variable": name, "label": name, "type": "text-input"} for name in variables],
    )


def an_end(node_id: str = "end", **outputs: list[str]) -> dict[str, Any]:
    return a_node(
        node_id,
        "end",
        outputs=[{"variable": name, "value_selector": sel} for name, sel in outputs.items()],
    )


def a_template(node_id: str, template: str, **variables: list[str]) -> dict[str, Any]:
    return a_node(
        node_id,
        "template-transform",
        template=template,
        variables=[{"variable": n, "value_selector": s} for n, s in variables.items()],
    )


def a_code(
    node_id: str,
    code: str,
    outputs: Mapping[str, str] | None = None,
    language: str = "python3",
    **variables: list[str],
) -> dict[str, Any]:
    """A code node; outputs are types by name."""
    return a_node(
        node_id,
        "code",
        code_language=language,
        code=code,
        outputs={name: {"type": kind, "children": None} for name, kind in (outputs or {}).items()},
        variables=[{"variable": n, "value_selector": s} for n, s in variables.items()],
    )


def an_answer(node_id: str, answer: str) -> dict[str, Any]:
    return a_node(node_id, "answer", answer=answer)


def a_request(node_id: str, url: str, **data: Any) -> dict[str, Any]:
    """An http-request as the editor writes it, but for what is given."""
    given: dict[str, Any] = {
        "method": "get",
        "url": url,
        "headers": "",
        "params": "",
        "authorization": {"type": "no-auth", "config": None},
        "body": {"type": "none", "data": []},
        "timeout": {"max_connect_timeout": 0, "max_read_timeout": 0, "max_write_timeout": 0},
        **data,
    }
    return a_node(node_id, "http-request", **given)


def a_branch(
    node_id: str, selector: list[str], operator: str, value: Any = None, **data: Any
) -> dict[str, Any]:
    """An if-else with one case, `true`."""
    condition = {
        "id": "c",
        "variable_selector": selector,
        "comparison_operator": operator,
        "value": value,
    }
    case = {"case_id": "true", "logical_operator": "and", "conditions": [condition]}
    return a_node(node_id, "if-else", cases=[case], **data)


def a_substitute(node_id: str, node_type: str = "code", **substitute: Any) -> dict[str, Any]:
    """A node that does what `tests/substitutes.py` says."""
    data = {name: substitute.pop(name) for name in list(substitute) if name in _COMMON}
    return a_node(node_id, node_type, substitute=substitute, **data)


_COMMON = ("retry_config", "error_strategy", "default_value")


def a_plan(
    nodes: Iterable[Mapping[str, Any]],
    edges: Iterable[Edge],
    *,
    mode: AppMode = AppMode.WORKFLOW,
    root: str | None = None,
    inactive_roots: Iterable[str] = (),
    environment: Iterable[PlanVariable] = (),
    conversation: Iterable[PlanVariable] = (),
) -> Plan:
    """A plan whose first node is the root."""
    entries = tuple(
        PlanNode(id=node["id"], public_id=public_node_id(node["id"], index), data=node["data"])
        for index, node in enumerate(nodes)
    )
    return Plan(
        app_name="test",
        mode=mode,
        graph=PlanGraph(
            root=root or entries[0].id,
            inactive_roots=tuple(inactive_roots),
            nodes=entries,
            edges=tuple(
                PlanEdge(source=e[0], target=e[1], handle=e[2] if len(e) > 2 else "source")
                for e in edges
            ),
        ),
        environment=tuple(environment),
        conversation=tuple(conversation),
    )


def a_chain(length: int, template: str = "{{ x }}") -> Plan:
    """Start, a number of templates in a row, end."""
    nodes, edges, previous, name = [a_start("start", "q")], [], "start", "q"
    for index in range(length):
        node_id = f"t{index}"
        nodes.append(a_template(node_id, template, x=[previous, name]))
        edges.append((previous, node_id))
        previous, name = node_id, "output"
    nodes.append(an_end("end", r=[previous, name]))
    edges.append((previous, "end"))
    return a_plan(nodes, edges)


def a_run_input(plan: Plan, run_id: str = "run", **fields: Any) -> RunInput:
    return RunInput(run_id=run_id, plan=plan, **{"registered": True, **fields})
