"""The search attributes of a run, by which the Temporal Web UI and CLI list runs.

They are never encrypted, so none holds a value of an author. The embedded server registers them at
every start; on another server the operator does (see `holdfast doctor`).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

SearchAttributeKind: TypeAlias = Literal["Keyword", "KeywordList"]

SEARCH_ATTRIBUTES: Mapping[str, SearchAttributeKind] = MappingProxyType(
    {
        "HoldfastApp": "Keyword",
        "HoldfastTenant": "Keyword",
        "HoldfastTrigger": "Keyword",
        "HoldfastRunState": "Keyword",
        "HoldfastMode": "Keyword",
        "HoldfastFailedNodes": "KeywordList",
    }
)
"""Name to type, as Temporal spells it; ten Keywords are all a server has."""
