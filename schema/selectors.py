"""Where values live and where nodes sit: selectors and node paths.

Used by every layer. What a selector finds is decided in `values/variables.py`.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from schema.errors import InvalidSelector

RESERVED_NODE_IDS = frozenset({"sys", "env", "conversation", "rag"})
"""First parts of selectors that name no node."""

_SAFE_NODE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")


class Selector(NamedTuple):
    """Where a value lives: a node, one of its outputs, and optionally a path inside it.

    Example:
        >>> Selector.parse(["llm_1", "structured_output", "name"])
        Selector(node_id='llm_1', name='structured_output', path=('name',))
    """

    node_id: str
    """Id of the producing node, or one of the reserved ids `sys`, `env`, `conversation`, `rag`."""
    name: str
    path: tuple[str, ...] = ()

    @classmethod
    def parse(cls, parts: Sequence[str]) -> Self:
        """Read a selector as Dify writes it.

        Raises:
            InvalidSelector: If there are fewer than two parts or one is not a string.
        """
        if isinstance(parts, str) or len(parts) < 2 or not all(isinstance(p, str) for p in parts):
            raise InvalidSelector(parts)
        return cls(parts[0], parts[1], tuple(parts[2:]))

    @property
    def key(self) -> tuple[str, str]:
        """Key of the variable in the pool."""
        return self.node_id, self.name

    @property
    def parts(self) -> list[str]:
        """The selector as Dify writes it."""
        return [self.node_id, self.name, *self.path]


def public_node_id(node_id: str, index: int) -> str:
    """Name a node in ids of activities, workflows and files.

    Author's text that is not plain never becomes part of an id (invariant 18).

    Example:
        >>> public_node_id("llm_1", 4), public_node_id("节点.1", 4)
        ('llm_1', 'n4')
    """
    return node_id if _SAFE_NODE_ID.match(node_id) else f"n{index}"
