"""End: the outputs of a workflow run (dify-nodes 5.2)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import field_validator

from schema.nodes.base import NodeData
from schema.nodes.value_selector import VariableSelector, complete
from schema.selectors import Selector


class OutputType(StrEnum):
    """Declared type of an output; nothing enforces it."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    SECRET = "secret"
    BOOLEAN = "boolean"
    OBJECT = "object"
    FILE = "file"
    ARRAY = "array"
    ARRAY_STRING = "array[string]"
    ARRAY_NUMBER = "array[number]"
    ARRAY_OBJECT = "array[object]"
    ARRAY_BOOLEAN = "array[boolean]"
    ARRAY_FILE = "array[file]"
    ANY = "any"
    ARRAY_ANY = "array[any]"


class EndOutput(VariableSelector):
    """One output of the run; null where the selector finds nothing."""

    value_type: OutputType = OutputType.ANY

    @field_validator("value_type", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        """Accept the old spelling `Array[String]`, and null for the default."""
        if value is None:
            return OutputType.ANY
        return value.lower() if isinstance(value, str) else value


class EndNodeData(NodeData):
    """Which values a workflow run returns; an empty list is legal."""

    type: Literal["end"] = "end"
    outputs: tuple[EndOutput, ...]

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors of the outputs."""
        return complete(output.value_selector for output in self.outputs)
