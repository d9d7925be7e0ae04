"""Template: Jinja2 text over named variables (dify-nodes 5.7)."""

from collections.abc import Iterable
from typing import Literal

from schema.nodes.base import NodeData
from schema.nodes.value_selector import VariableSelector, complete
from schema.selectors import Selector


class TemplateTransformNodeData(NodeData):
    """A template and the values of its names; a missing value renders as `None`."""

    type: Literal["template-transform"] = "template-transform"
    variables: tuple[VariableSelector, ...]
    template: str

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors of the template's names."""
        return complete(variable.value_selector for variable in self.variables)
