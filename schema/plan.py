"""Plan: the compiled, immutable form of a definition that travels in a run's input.

`schema/dsl` makes it, the interpreter runs it, the response stream reads it. Nodes and edges are in
file order, because Dify's ready order is the order of edges in the file (dify-nodes 2.1). It has no
secret and no field that only the canvas needs.
"""

from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from schema.node_calls import NodeInput
from schema.nodes import parse_node_data
from schema.nodes.base import BRANCH_TYPES, ErrorStrategy, NodeData


class AppMode(StrEnum):
    """Modes of an app whose graph can run."""

    WORKFLOW = "workflow"
    ADVANCED_CHAT = "advanced-chat"


class PlanEdge(BaseModel):
    """A connection and the handle it leaves from."""

    model_config = ConfigDict(frozen=True)

    source: str
    target: str
    handle: str = "source"


class PlanNode(BaseModel):
    """A node of a plan."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The author's id, whatever characters it has."""
    public_id: str
    """The id where only plain characters may stand: activity and workflow ids (invariant 18)."""
    data: NodeData
    body: "PlanGraph | None" = None
    """The sub-plan of a container."""

    @field_validator("data", mode="before")
    @classmethod
    def _parse_data(cls, value: object) -> object:
        return parse_node_data(value) if isinstance(value, dict) else value

    @field_serializer("data")
    def _dump_data(self, data: NodeData) -> dict[str, Any]:
        """Leave defaults out: a plan is in the history of every run."""
        return {"type": data.type, **data.model_dump(exclude_defaults=True)}

    @property
    def type(self) -> str:
        """The node type in Dify's spelling; an alias is resolved."""
        return self.data.type

    @property
    def title(self) -> str:
        """The author's title."""
        return self.data.title

    @property
    def compares_handles(self) -> bool:
        """Whether outgoing edges are chosen by handle (dify-nodes 2.2); else all are taken."""
        return (
            self.data.type in BRANCH_TYPES or self.data.error_strategy is ErrorStrategy.FAIL_BRANCH
        )


class PlanGraph(BaseModel):
    """One graph: the whole app's, or the body of a container."""

    model_config = ConfigDict(frozen=True)

    root: str
    """The node that starts ready."""
    inactive_roots: tuple[str, ...] = ()
    """Other root nodes; skipped before the run (dify-nodes 1.10)."""
    nodes: tuple[PlanNode, ...]
    edges: tuple[PlanEdge, ...]

    @cached_property
    def by_id(self) -> dict[str, PlanNode]:
        """Nodes by the author's id, in file order."""
        return {node.id: node for node in self.nodes}


class PlanVariable(BaseModel):
    """An environment or conversation variable with its declared type and first value."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    name: str
    value_type: str
    """A segment type in Dify's spelling (dify-nodes 3.9)."""
    value: Any = None
    """Wire form (schema/values/encoding.py). Always null for secrets."""


SECRETS_NODE = "holdfast_secret"
"""What placeholders of literal secrets name in the place of a node, if no node has that id."""


class PlanSecret(BaseModel):
    """A secret that an author wrote into nodes; a placeholder of this variable stands there."""

    model_config = ConfigDict(frozen=True)

    node_id: str
    variable: str

    @property
    def name(self) -> str:
        """Name under which the run's secrets have the value."""
        return f"literal.{self.variable}"


class Plan(BaseModel):
    """Everything a run needs to know about its definition."""

    model_config = ConfigDict(frozen=True)

    app_name: str = ""
    mode: AppMode
    graph: PlanGraph
    environment: tuple[PlanVariable, ...] = ()
    conversation: tuple[PlanVariable, ...] = ()
    secrets: tuple[PlanSecret, ...] = ()
    """Literal secrets of nodes; their values are among the run's secrets."""
    features: dict[str, Any] = Field(default_factory=dict)
    plan_sha: str = ""
    """SHA-256 over the canonical JSON of the plan without this field, hexadecimal."""

    @model_serializer(mode="wrap")
    def _dump_once(
        self, dump: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        """Dump once: a plan is part of the row and of the input of each of its runs."""
        if info.mode != "python" or info.include or info.exclude or info.exclude_defaults:
            other: dict[str, Any] = dump(self)
            return other
        known: dict[bool, dict[str, Any]] = self._dumps
        if info.exclude_none not in known:
            known[info.exclude_none] = dump(self)
        return known[info.exclude_none]

    def __copy__(self) -> "Plan":
        copied = super().__copy__()
        # `model_copy` changes fields afterwards.
        copied.__dict__.pop("_dumps", None)
        return copied

    @cached_property
    def _dumps(self) -> dict[bool, dict[str, Any]]:
        return {}

    @model_validator(mode="wrap")
    @classmethod
    def _read_once(cls, value: Any, read: ValidatorFunctionWrapHandler) -> "Plan":
        """Read a dump once a process; by all that it says, because anybody may state a digest."""
        if type(value) is not dict or not value.get("plan_sha"):
            plan: Plan = read(value)
            return plan
        known = _known(value["plan_sha"])
        for dumped, plan in known:
            if dumped == value:
                return plan
        plan = read(value)
        known[:] = [(value, plan)]
        return plan


@lru_cache(maxsize=32)
def _known(plan_sha: str) -> list[tuple[dict[str, Any], Plan]]:
    """Give the place for the plan of a digest, empty at first."""
    return []


NodeInput.model_rebuild(_types_namespace={"PlanNode": PlanNode})
