"""If-else: the first case that is true decides the handle (dify-nodes 5.5)."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schema.nodes.base import NodeData
from schema.selectors import Selector
from schema.values.conditions import Condition


class Case(BaseModel):
    """A named handle and when it is taken."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    case_id: str
    logical_operator: Literal["and", "or"]
    conditions: tuple[Condition, ...]


class IfElseNodeData(NodeData):
    """Cases in order; `false` is the handle when none is true."""

    type: Literal["if-else"] = "if-else"
    cases: tuple[Case, ...] | None = None
    logical_operator: Literal["and", "or"] = "and"
    """Of the legacy form, which has one list of conditions and no cases."""
    conditions: tuple[Condition, ...] | None = None

    @property
    def effective_cases(self) -> tuple[Case, ...]:
        """The cases that are evaluated; the legacy form is one case called `true`."""
        if self.cases is not None:
            return self.cases
        return (
            Case(
                case_id="true",
                logical_operator=self.logical_operator,
                conditions=self.conditions or (),
            ),
        )

    @property
    def handles(self) -> frozenset[str]:
        """Every handle that the node can leave by without failing."""
        return frozenset({"false", *(case.case_id for case in self.effective_cases)})

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors of all conditions and of the templates they compare with."""
        return tuple(
            selector
            for case in self.effective_cases
            for condition in case.conditions
            for selector in condition.selectors
        )
