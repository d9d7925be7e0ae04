"""Code: Python or JavaScript of the author, with declared outputs (dify-nodes 5.6)."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from schema.contracts import ActivityContract, Role
from schema.limits import MAX_CODE_SECONDS
from schema.node_calls import WAITING, NodeInput, NodeOutput
from schema.nodes.base import NodeData
from schema.nodes.value_selector import VariableSelector, complete
from schema.selectors import Selector
from schema.values.code_outputs import OUTPUT_TYPES


class CodeLanguage(StrEnum):
    """Languages of code nodes."""

    PYTHON = "python3"
    JAVASCRIPT = "javascript"


class CodeOutput(BaseModel):
    """What one output is declared as."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    children: Mapping[str, "CodeOutput"] | None = None
    """The fields of an object; without them they are not looked at closely."""

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in OUTPUT_TYPES:
            raise ValueError(f"an output can be {', '.join(OUTPUT_TYPES)}, not {value!r}")
        return value


class CodeNodeData(NodeData):
    """The author's code, what its `main` is given, and what it has to return.

    Dify refuses a node without the list of variables; exports made by hand leave it out where there
    are none.
    """

    type: Literal["code"] = "code"
    variables: tuple[VariableSelector, ...] = ()
    code_language: CodeLanguage
    code: str
    outputs: Mapping[str, CodeOutput]

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors of what `main` is given."""
        return complete(variable.value_selector for variable in self.variables)

    def declared(self) -> dict[str, Any]:
        """Give the declared outputs as plain JSON, as `check_outputs` reads them."""
        return {name: output.model_dump() for name, output in self.outputs.items()}


CODE = ActivityContract(
    name="code",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.CODE,
    start_to_close=timedelta(seconds=MAX_CODE_SECONDS) + WAITING,
    needs_sandbox=True,
)
"""Runs the code in the sandbox."""
