"""HTTP request: one request to an address that the author gives (dify-nodes 5.8).

How a request is made of the data is in `activities/tools/request_rendering.py`.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from schema.nodes.base import NodeData
from schema.nodes.http_parts import Authorization, Body, Pair, Timeout, parsed, split_pairs
from schema.nodes.http_secrets import SecretLiteral, is_secret_name, secret_literals, with_secrets
from schema.nodes.value_selector import complete
from schema.selectors import Selector

__all__ = [
    "HttpRequestNodeData",
    "Method",
    "SecretLiteral",
    "is_secret_name",
    "secret_literals",
    "with_secrets",
]

Method: TypeAlias = Literal[
    "get", "post", "put", "patch", "delete", "head", "options",
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS",
]  # fmt: skip


class HttpRequestNodeData(NodeData):
    """A request whose every text is a template."""

    type: Literal["http-request"] = "http-request"
    method: Method
    url: str
    authorization: Authorization
    headers: str
    """One `key:value` a line, once rendered."""
    params: str
    """One `key:value` a line, each rendered by itself."""
    body: Body | None = None
    timeout: Timeout = Timeout()
    ssl_verify: bool = True

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The parameters of the query in order, those with an empty key left out."""
        return tuple(pair for pair in split_pairs(self.params) if pair.key)

    @property
    def fails_on_status(self) -> bool:
        """Whether an answer that is no success fails the node (dify-nodes 5.8)."""
        return self.error_strategy is not None or self.retry_config.retry_enabled

    def selectors(self) -> Iterable[Selector]:
        """Give everything that rendering looks up, and the files of the body."""
        found = [selector for text in self._templates() for selector in parsed(text).lookups]
        items = self.body.data if self.body is not None else ()
        files = complete(item.file for item in items)
        return tuple(dict.fromkeys([*found, *files]))

    def _templates(self) -> Iterator[str]:
        yield self.url
        for pair in self.pairs:
            yield from pair
        yield self.headers
        if self.authorization.config is not None:
            yield self.authorization.config.api_key
        for item in self.body.data if self.body is not None else ():
            yield item.key
            yield item.value
