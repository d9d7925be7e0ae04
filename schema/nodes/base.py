"""What every node type's data has in common (dify-nodes 1.8, 2.7, 2.8).

A node type is one file beside this one; `schema/nodes/__init__.py` lists them. Unknown keys are
ignored, as Dify does; null where a default exists means the default.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schema.nodes.default_value import convert_defaults
from schema.selectors import Selector


def without_nulls(data_class: type[BaseModel], data: object) -> object:
    """Leave out the fields that are null, so that they get their default."""
    if not isinstance(data, Mapping):
        return data
    return {
        key: value
        for key, value in data.items()
        if value is not None or key not in data_class.model_fields
    }


class ErrorStrategy(StrEnum):
    """What absorbs a node's failure."""

    FAIL_BRANCH = "fail-branch"
    DEFAULT_VALUE = "default-value"


class RetryConfig(BaseModel):
    """The author's retries; only code, http-request, llm and tool honour them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    retry_enabled: bool = False
    max_retries: int = Field(default=0, ge=0)
    """Additional attempts."""
    retry_interval: int = Field(default=0, ge=0)
    """Milliseconds before each of them."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)


class NodeData(BaseModel):
    """The author's configuration of a node."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    """The node type in Dify's spelling."""
    title: str = ""
    version: str = "1"
    error_strategy: ErrorStrategy | None = None
    default_value: dict[str, Any] = Field(default_factory=dict)
    """Outputs of the strategy `default-value`, converted and checked (dify-nodes 2.7)."""
    retry_config: RetryConfig = RetryConfig()

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, data: object) -> object:
        return without_nulls(cls, data)

    @field_validator("title", "version", mode="before")
    @classmethod
    def _number_is_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("default_value", mode="before")
    @classmethod
    def _convert_defaults(cls, value: object) -> object:
        """Read the author's list; a mapping is what this class itself dumps."""
        return value if isinstance(value, dict) else convert_defaults(value)

    def selectors(self) -> Iterable[Selector]:
        """Variables that the node reads, in a fixed order; what `evaluate` is given."""
        return ()

    def secret_literals(self) -> Iterable[tuple[str, str]]:
        """Texts that are secrets by their place, in a fixed order: where each stands, and it."""
        return ()

    def with_secrets(self, texts: Mapping[str, str]) -> Self:
        """Put placeholders in the place of literal secrets, by where `secret_literals` found them.

        Raises:
            KeyError: If there is none at a place.
        """
        if texts:
            raise KeyError(next(iter(texts)))
        return self


BRANCH_TYPES = frozenset({"if-else", "question-classifier", "human-input"})
"""Types that leave by one of several handles (dify-nodes 1.9)."""
RESPONSE_TYPES = frozenset({"end", "answer", "knowledge-index"})
"""Types whose outputs are merged into the run's outputs (dify-nodes 2.5)."""
CONTAINER_TYPES = frozenset({"iteration", "loop"})
ROOT_TYPES = frozenset(
    {"start", "datasource", "trigger-webhook", "trigger-schedule", "trigger-plugin"}
)
RETRYING_TYPES = frozenset({"code", "http-request", "llm", "tool"})
"""Types that honour `retry_config` (dify-nodes 2.8)."""
