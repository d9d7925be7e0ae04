"""What a run has used so far, for events and results that come before its end.

Everything is kept by the try that it belongs to, so that a fact repeated after a Temporal reset
counts once. A finished run has its own numbers in RunFinished.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from schema.facts import (
    Fact,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RetrieverResourcesFound,
)
from schema.plan import Plan
from schema.runs import NodeExecutionStatus

_TryKey = tuple[str, int]
_FAILURES = (NodeExecutionStatus.FAILED, NodeExecutionStatus.EXCEPTION)
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_PRICES = ("prompt_price", "completion_price", "total_price")
_UNITS = (
    "prompt_unit_price",
    "prompt_price_unit",
    "completion_unit_price",
    "completion_price_unit",
)


class Tally:
    """Counts steps, failures, tokens, prices and citations."""

    def __init__(self, plan: Plan) -> None:
        self._root = plan.graph.by_id
        self._steps: dict[_TryKey, None] = {}
        self._exceptions: dict[_TryKey, None] = {}
        self._metadata: dict[_TryKey, Mapping[str, Any]] = {}
        self._usages: dict[_TryKey, Mapping[str, Any]] = {}
        self._citations: dict[_TryKey, list[dict[str, Any]]] = {}

    def count(self, fact: Fact) -> None:
        """Take a fact into account."""
        match fact:
            case NodeStarted() if fact.node_id in self._root:
                self._steps[fact.node_exec_id, fact.attempt] = None
            case RetrieverResourcesFound():
                self._citations[fact.node_exec_id, fact.attempt] = fact.resources
            case NodeRetried():
                self._exceptions[fact.node_exec_id, fact.attempt] = None
                self._add_usage(fact)
            case NodeFinished():
                if fact.status in _FAILURES:
                    self._exceptions[fact.node_exec_id, fact.attempt] = None
                self._add_usage(fact)

    @property
    def steps(self) -> int:
        """Tries started in the root graph (dify-nodes 2.9)."""
        return len(self._steps)

    @property
    def exceptions(self) -> int:
        """Failed tries anywhere (dify-nodes 2.6)."""
        return len(self._exceptions)

    @property
    def tokens(self) -> int:
        """Tokens of the nodes of the root graph; a container's include its children's."""
        return sum(_integer(metadata.get("total_tokens")) for metadata in self._metadata.values())

    @property
    def price(self) -> tuple[str | None, str | None]:
        """What the tokens cost and in which currency; None where no node has a price."""
        priced = [m for m in self._metadata.values() if m.get("total_price") is not None]
        if not priced:
            return None, None
        total = sum((_decimal(metadata["total_price"]) for metadata in priced), Decimal())
        currencies = (m["currency"] for m in priced if m.get("currency"))
        return _price_text(total), next(currencies, None)

    def usage(self, latency: float) -> dict[str, Any]:
        """Sum the model usage as `message_end` shows it (dify-api 8.6)."""
        usages = list(self._usages.values())
        last = usages[-1] if usages else {}
        total, currency = self.price
        result: dict[str, Any] = {name: str(last.get(name, "0")) for name in _UNITS}
        for name in _COUNTS:
            result[name] = sum(_integer(usage.get(name)) for usage in usages)
        for name in _PRICES:
            prices = (_decimal(usage.get(name)) for usage in usages)
            result[name] = _price_text(sum(prices, Decimal()))
        if not usages:
            result["total_tokens"] = self.tokens
            result["total_price"] = total or "0"
        return {
            **result,
            "currency": last.get("currency") or currency or "USD",
            "latency": latency,
            "time_to_first_token": last.get("time_to_first_token"),
            "time_to_generate": last.get("time_to_generate"),
        }

    @property
    def citations(self) -> list[dict[str, Any]]:
        """Everything that was retrieved, numbered from 1 in order of discovery."""
        found = [resource for resources in self._citations.values() for resource in resources]
        return [{**resource, "position": index} for index, resource in enumerate(found, 1)]

    def _add_usage(self, fact: NodeRetried | NodeFinished) -> None:
        if fact.node_id not in self._root:
            return
        key = (fact.node_exec_id, fact.attempt)
        self._metadata[key] = fact.metadata
        usage = (fact.outputs or {}).get("usage")
        if isinstance(usage, dict) and "total_tokens" in usage:
            self._usages[key] = usage


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal()


def _price_text(price: Decimal) -> str:
    return f"{price.normalize():f}" if price else "0"
