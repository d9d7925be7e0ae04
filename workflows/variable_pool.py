"""The values of a run by selector (dify-nodes 3.1); pure.

Reads go through `Variables`, the same view that the `evaluate` activity builds from what a node
selects, so that a node's function cannot tell where it runs.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from schema.errors import VariableNotFound
from schema.plan import PlanVariable
from schema.runs import RunInput, first_value
from schema.selectors import Selector
from schema.values.encoding import encode, from_wire, to_wire
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables

_ARRAY_TYPES = frozenset(str(each) for each in SegmentType if each.is_array)


class VariablePool:
    """Two-level map of node id and name to a typed value."""

    def __init__(self) -> None:
        self._segments: dict[tuple[str, str], Segment] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._literals: dict[tuple[str, str], Segment] = {}
        """Secrets that the author wrote into nodes; no variables of his, but selected like them."""
        self.variables = Variables(self._segments)
        """A live view for reading."""

    @classmethod
    def of_run(cls, run_input: RunInput) -> "VariablePool":
        """Fill a pool with what exists before the first node runs.

        Order decides the order of the start node's outputs: inputs, system, environment and
        conversation variables.
        """
        pool = cls._with_literals(run_input)
        for name, value in run_input.inputs.items():
            pool.put(run_input.plan.graph.root, name, segment_of(value))
        for name, value in run_input.system.items():
            pool.put("sys", name, segment_of(value))
        for variable in run_input.plan.environment:
            value = first_value(variable, run_input.environment, run_input.secrets)
            pool.put("env", variable.name, _declared(variable, value))
        for variable in run_input.plan.conversation:
            value = run_input.conversation.get(variable.name, variable.value)
            pool.put("conversation", variable.name, _declared(variable, value))
        return pool

    @classmethod
    def restore(
        cls, run_input: RunInput, entries: Iterable[tuple[str, str, Any]]
    ) -> "VariablePool":
        """Rebuild a pool from a snapshot."""
        pool = cls._with_literals(run_input)
        for node_id, name, wire in entries:
            pool.put(node_id, name, segment_of(wire))
        return pool

    @classmethod
    def _with_literals(cls, run_input: RunInput) -> "VariablePool":
        pool = cls()
        for secret in run_input.plan.secrets:
            reference = SecretRef(secret.name, run_input.secrets.get(secret.name, ""))
            pool._literals[secret.node_id, secret.variable] = Segment.infer(reference)
        return pool

    def snapshot(self) -> tuple[tuple[str, str, Any], ...]:
        """Give all values in wire form, in order of first writing."""
        return tuple(
            (node_id, name, to_wire(segment)) for (node_id, name), segment in self._segments.items()
        )

    def put(self, node_id: str, name: str, segment: Segment) -> None:
        """Write a value; its type may change freely."""
        self._segments[node_id, name] = segment
        self._sizes.pop((node_id, name), None)

    def put_all(self, node_id: str, outputs: Mapping[str, Segment]) -> None:
        """Write a node's outputs."""
        for name, segment in outputs.items():
            self.put(node_id, name, segment)

    def select(self, selectors: Iterable[Selector]) -> dict[tuple[str, str], Segment]:
        """Give the variables that selectors name, whole, without those that do not exist."""
        found = {}
        for selector in selectors:
            segment = self._segments.get(selector.key) or self._literals.get(selector.key)
            if segment is not None:
                found[selector.key] = segment
        return found

    def size(self, selector: Selector) -> int:
        """Give the encoded characters of a variable, 0 where there is none."""
        key = selector.key
        if key not in self._segments:
            return 0
        if key not in self._sizes:
            self._sizes[key] = _encoded_size(self._segments[key])
        return self._sizes[key]

    def names(self) -> list[str]:
        """List what the pool has, for operators; never values."""
        return [f"{node_id}.{name}" for node_id, name in self._segments]

    def require(self, selector: Selector) -> Segment:
        """Find a value that must exist.

        Raises:
            VariableNotFound: If there is none.
        """
        segment = self.variables.find(selector)
        if segment is None:
            raise VariableNotFound(f"Variable {selector.parts} not found")
        return segment


def segment_of(wire: Any) -> Segment:
    """Read a value in wire form: typed as it was, else by inference (dify-nodes 3.3)."""
    value = from_wire(wire)
    return value if isinstance(value, Segment) else Segment.infer(value)


def _declared(variable: PlanVariable, wire: Any) -> Segment:
    """Give a variable its declared type, so that an empty list keeps it; else what it has."""
    segment = segment_of(wire)
    if segment.value == [] and variable.value_type in _ARRAY_TYPES:
        return Segment(SegmentType(variable.value_type), [])
    return segment


def _encoded_size(segment: Segment) -> int:
    if isinstance(segment.value, str):
        return len(segment.value)
    return len(encode(to_wire(segment)))
