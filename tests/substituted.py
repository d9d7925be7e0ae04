"""Plans whose foreign nodes are replaced by substitutes that give plausible outputs.

`variants` gives the plans by which every branch is taken: the first as it is written, with its own
conditions; in each other one every branch node leaves by the next of its handles, and nodes with an
error strategy fail in every second one.
"""

from collections.abc import Iterable
from typing import Any

from schema.nodes.base import BRANCH_TYPES, ErrorStrategy, NodeData, RetryConfig
from schema.nodes.code import CodeNodeData
from schema.nodes.foreign import ForeignNodeData
from schema.nodes.http_request import HttpRequestNodeData
from schema.nodes.if_else import IfElseNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.plan import Plan, PlanNode
from tests.plausible import plausible_outputs

MAX_VARIANTS = 6


def variants(plan: Plan) -> list[Plan]:
    """Give the plans by which each branch of a graph is taken, up to a bound."""
    choices = [len(handles_of(node)) for node in plan.graph.nodes if _is_branch(node)]
    if any(node.data.error_strategy for node in plan.graph.nodes):
        choices.append(2)
    count = min(1 + max(choices, default=0), MAX_VARIANTS)
    return [substituted(plan, number) for number in range(count)]


def substituted(plan: Plan, number: int) -> Plan:
    """Replace what this version cannot run, and from variant 1 on every branch."""
    nodes = tuple(
        node.model_copy(update={"data": _replaced(node, index, number)})
        for index, node in enumerate(plan.graph.nodes)
    )
    graph = plan.graph.model_copy(update={"nodes": nodes})
    return plan.model_copy(update={"graph": graph, "plan_sha": f"{plan.plan_sha}-{number}"})


def substitute_of(node: PlanNode) -> dict[str, Any] | None:
    """Give what a node's substitute does; None for a node that runs itself."""
    data = node.data
    return data.config.get("substitute") if isinstance(data, ForeignNodeData) else None


def handles_of(node: PlanNode) -> list[str]:
    """List the handles of a branch node in the order of the editor."""
    if isinstance(node.data, IfElseNodeData):
        handles: Iterable[Any] = [*(case.case_id for case in node.data.effective_cases), "false"]
    elif isinstance(node.data, ForeignNodeData) and node.type == "human-input":
        handles = [action["id"] for action in node.data.config.get("user_actions") or ()]
        handles = [*handles, "__timeout"]
    elif isinstance(node.data, ForeignNodeData) and node.type == "question-classifier":
        handles = [one["id"] for one in node.data.config.get("classes") or ()]
    else:
        handles = ["source"]
    return [str(handle) for handle in handles]


def _is_branch(node: PlanNode) -> bool:
    return node.type in BRANCH_TYPES


def _replaced(node: PlanNode, index: int, number: int) -> NodeData:
    fails = node.data.error_strategy is not None and number % 2 == 1
    match node.data:
        case ForeignNodeData() as data:
            config = data.config
        case IfElseNodeData() if number or fails:
            config = {}
        case HttpRequestNodeData():
            # Its peer is somebody else's: what it would answer is made up.
            config = {}
        case CodeNodeData() as data:
            config = {"outputs": data.declared()}
        case TemplateTransformNodeData() as data if data.plain is None:
            config = {"outputs": {"output": {"type": "string"}}}
        case _:
            return node.data
    handles = handles_of(node)
    # With the position in it, branches behind each other do not all choose alike.
    handle = handles[max(0, number - 1 + index) % len(handles) if number else 0]
    if isinstance(node.data, TemplateTransformNodeData):
        return _foreign(node, "code", config, {"outputs": {"output": f"<{node.id}>"}})
    if isinstance(node.data, IfElseNodeData):
        given: dict[str, Any] = {
            "outputs": {"result": handle != "false", "selected_case_id": handle}
        }
        kind = "question-classifier"
    else:
        given = {"outputs": plausible_outputs(node, config)}
        kind = "tool" if isinstance(node.data, HttpRequestNodeData) else node.type
    if fails:
        given = {"error": f"{node.id} failed", "error_type": "SubstituteFailed"}
    elif _is_branch(node):
        given["handle"] = handle
    return _foreign(node, kind, config, given)


def _foreign(
    node: PlanNode, kind: str, config: dict[str, Any], given: dict[str, Any]
) -> ForeignNodeData:
    data = node.data
    is_branch = kind in BRANCH_TYPES
    strategy = data.error_strategy
    if strategy is ErrorStrategy.DEFAULT_VALUE and is_branch:
        strategy = None
    return ForeignNodeData(
        type=kind,
        title=data.title,
        version=data.version,
        error_strategy=strategy,
        default_value=data.default_value,
        retry_config=RetryConfig(),
        config={**config, "substitute": given},
    )
