"""Which environment variables the nodes of a document read.

Node types that run here name their selectors. In the configuration of any other, everything that
looks like a placeholder or a selector counts, since nothing is known about its fields.
"""

import re
from collections.abc import Iterable, Iterator

from schema.nodes.base import NodeData
from schema.nodes.foreign import ForeignNodeData
from schema.plan import Plan

_ENVIRONMENT = "env"
_PLACEHOLDER = re.compile(r"\{\{#env\.([^.#{}]{1,200})")
_SNAPSHOT_PREFIX = "env."
"""The start node shows `env.X` among its own outputs (dify-nodes 5.1)."""


def used_environment(nodes: Iterable[NodeData]) -> frozenset[str]:
    """List the names of environment variables that nodes read."""
    return frozenset(name for data in nodes for name in _used_by(data))


def used_by_plan(plan: Plan) -> frozenset[str]:
    """List the names of environment variables that the nodes of a plan read."""
    graphs = [plan.graph]
    found: set[str] = set()
    while graphs:
        nodes = graphs.pop().nodes
        found |= used_environment(node.data for node in nodes)
        graphs += [node.body for node in nodes if node.body is not None]
    return frozenset(found)


def _used_by(data: NodeData) -> Iterator[str]:
    if isinstance(data, ForeignNodeData):
        yield from _mentioned(data.config)
        return
    for selector in data.selectors():
        if selector.node_id == _ENVIRONMENT:
            yield selector.name
        elif selector.name.startswith(_SNAPSHOT_PREFIX):
            yield selector.name.removeprefix(_SNAPSHOT_PREFIX)


def _mentioned(config: object) -> Iterator[str]:
    stack = [config]
    while stack:
        match stack.pop():
            case str() as text:
                yield from _PLACEHOLDER.findall(text)
            case list() as items:
                if len(items) > 1 and items[0] == _ENVIRONMENT and isinstance(items[1], str):
                    yield items[1]
                stack.extend(items)
            case dict() as fields:
                stack.extend(fields.values())
