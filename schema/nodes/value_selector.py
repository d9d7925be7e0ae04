"""Selectors as fields of node data: kept as Dify writes them, a `Selector` where complete.

A selector of fewer than two parts is what the editor writes for a variable that nobody has chosen;
it finds nothing and is not an error (dify-nodes 3.5).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict

from schema.selectors import Selector
from schema.values.segments import Segment
from schema.values.variables import Variables


def _stringify_integers(parts: object) -> object:
    """Read unquoted node ids as text, as the ids themselves are (dify-nodes 1.7)."""
    if not isinstance(parts, list | tuple):
        return parts
    return [str(p) if isinstance(p, int) and not isinstance(p, bool) else p for p in parts]


ValueSelector: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_stringify_integers)]
"""`[node_id, name, *path]` as the author's document has it; may be incomplete."""


class VariableSelector(BaseModel):
    """A name and where its value comes from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    variable: str
    value_selector: ValueSelector


def complete(selectors: Iterable[Sequence[str]]) -> tuple[Selector, ...]:
    """Parse the selectors that can find something, in their order.

    Example:
        >>> complete([["llm", "text"], [], ["start"]])
        (Selector(node_id='llm', name='text', path=()),)
    """
    return tuple(_parsed(tuple(parts)) for parts in selectors if len(parts) >= 2)


def find_in(variables: Variables, parts: tuple[str, ...]) -> Segment | None:
    """Look a selector up; one of fewer than two parts finds nothing (dify-nodes 3.5)."""
    return variables.find(_parsed(parts)) if len(parts) >= 2 else None


@lru_cache(maxsize=4096)
def _parsed(parts: tuple[str, ...]) -> Selector:
    """Parse a selector once: nodes read theirs several times in a run."""
    return Selector.parse(parts)
