"""A node of a type that this version cannot run; tests run one with a substitute."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from schema.nodes.base import NodeData

_CANVAS_KEYS = frozenset({"desc", "selected", "dragging", "isIterationStart", "isLoopStart"})


class ForeignNodeData(NodeData):
    """What every node has, and the rest of the author's configuration as it stands."""

    config: dict[str, Any] = Field(default_factory=dict)
    """Everything else but keys that only the canvas needs; wire form is the document's own."""

    @model_validator(mode="before")
    @classmethod
    def _collect_config(cls, data: object) -> object:
        if not isinstance(data, Mapping) or _is_collected(data):
            return data
        own = {key: value for key, value in data.items() if key in NodeData.model_fields}
        rest = {
            key: value
            for key, value in data.items()
            if key not in own and key not in _CANVAS_KEYS and not str(key).startswith("_")
        }
        return {**own, "config": rest}


def _is_collected(data: Mapping[Any, Any]) -> bool:
    """Whether this is a dump of the class, not a node of a document."""
    return (
        isinstance(data.get("config"), dict) and data.keys() <= ForeignNodeData.model_fields.keys()
    )
