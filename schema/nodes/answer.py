"""Answer: text that a chatflow says, as it becomes known (dify-nodes 5.19)."""

from collections.abc import Iterable
from typing import Literal

from schema.nodes.base import NodeData
from schema.selectors import Selector
from schema.values.templates import Template


class AnswerNodeData(NodeData):
    """A template of placeholders; a missing variable renders as its own name."""

    type: Literal["answer"] = "answer"
    answer: str

    def selectors(self) -> Iterable[Selector]:
        """Give everything that rendering the template looks up, in order of appearance."""
        return Template.parse(self.answer).lookups
