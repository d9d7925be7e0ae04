"""Variable aggregator: the first value that exists (dify-nodes 5.13).

Old files call it `variable-assigner`.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schema.nodes.base import NodeData
from schema.nodes.value_selector import ValueSelector, complete
from schema.selectors import Selector


class AggregatorGroup(BaseModel):
    """A group gives an object of its own under its name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group_name: str
    output_type: str = "any"
    variables: tuple[ValueSelector, ...]


class AggregatorSettings(BaseModel):
    """Whether the node's own selectors count or those of its groups."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group_enabled: bool = False
    groups: tuple[AggregatorGroup, ...] = ()


class VariableAggregatorNodeData(NodeData):
    """Selectors in order of preference; declared types are not enforced."""

    type: Literal["variable-aggregator"] = "variable-aggregator"
    output_type: str = "any"
    variables: tuple[ValueSelector, ...]
    advanced_settings: AggregatorSettings | None = None

    def selectors(self) -> Iterable[Selector]:
        """Give the selectors that count: the groups' if groups are enabled."""
        settings = self.advanced_settings
        if settings is None or not settings.group_enabled:
            return complete(self.variables)
        return complete(parts for group in settings.groups for parts in group.variables)
