"""HTTP request: one request to an address that the author gives (dify-nodes 5.8).

How a request is made of the data is in `activities/tools/request_rendering.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

from schema.contracts import ActivityContract, Role
from schema.limits import MAX_HTTP_SECONDS
from schema.node_calls import WAITING, NodeInput, NodeOutput
from schema.nodes.base import NodeData
from schema.nodes.http_parts import Authorization, Body, Pair, Timeout, parsed, split_pairs
from schema.nodes.http_secrets import SecretLiteral, is_secret_name, secret_literals, with_secrets
from schema.nodes.value_selector import complete
from schema.selectors import Selector

__all__ = [
    "HTTP_REQUEST",
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
        found = [selector for text in self.templates() for selector in parsed(text).lookups]
        items = self.body.data if self.body is not None else ()
        files = complete(item.file for item in items)
        return tuple(dict.fromkeys([*found, *files]))

    def secret_literals(self) -> Iterable[SecretLiteral]:
        """List the secrets that the author wrote into the request (`http_secrets.py`)."""
        return secret_literals(self)

    def with_secrets(self, texts: Mapping[str, str]) -> "HttpRequestNodeData":
        """Put placeholders in the place of these secrets.

        Raises:
            KeyError: If there is none at a place.
        """
        return with_secrets(self, texts)

    def templates(self) -> Iterator[str]:
        """Give every text that is rendered."""
        yield self.url
        for pair in self.pairs:
            yield from pair
        yield self.headers
        if self.authorization.config is not None:
            yield self.authorization.config.api_key
        for item in self.body.data if self.body is not None else ():
            yield item.key
            yield item.value


HTTP_REQUEST = ActivityContract(
    name="http-request",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.IO,
    start_to_close=timedelta(seconds=MAX_HTTP_SECONDS) + WAITING,
)
"""An author's request, sent through the address guard."""
