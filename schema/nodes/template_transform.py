"""Template: Jinja2 text over named variables (dify-nodes 5.7)."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from typing import Literal

from schema.contracts import ActivityContract, Role
from schema.limits import MAX_CODE_SECONDS
from schema.node_calls import WAITING, NodeInput, NodeOutput
from schema.nodes.base import NodeData
from schema.nodes.value_selector import VariableSelector, complete
from schema.selectors import Selector
from schema.values.templates import PlainJinja


class TemplateTransformNodeData(NodeData):
    """A template and the values of its names; a missing value renders as `None`.

    Dify refuses a node without the list of variables; exports made by hand leave it out where there
    are none.
    """

    type: Literal["template-transform"] = "template-transform"
    variables: tuple[VariableSelector, ...] = ()
    template: str

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors of the template's names."""
        return complete(variable.value_selector for variable in self.variables)

    @cached_property
    def plain(self) -> PlainJinja | None:
        """The template if it is text and names only, which needs no sandbox."""
        return PlainJinja.parse(self.template)


TEMPLATE_TRANSFORM = ActivityContract(
    name="template-transform",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.CODE,
    start_to_close=timedelta(seconds=MAX_CODE_SECONDS) + WAITING,
    needs_sandbox=True,
)
"""Renders with Jinja2 in the sandbox what is more than text and names."""
