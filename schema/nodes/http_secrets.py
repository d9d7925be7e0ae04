"""Which literals of an http-request node are secrets, and how references take their place.

The rule, which `holdfast validate` explains by what it lists: a text without placeholders is secret
if it is

- the key of `authorization`,
- the value of a header, a query parameter (also one in the URL) or a field of a form whose name has
  one of the words of `_SECRET_WORDS`, or two of `_SECRET_PAIRS` in a row; of `Bearer …`, `Basic …`
  and the like only what follows the scheme,
- the password in a URL.

Other texts, such as a key inside a JSON body, are the author's to move into a secret environment
variable.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from schema.nodes.http_parts import Authorization, Body, BodyItem, BodyType, parsed

if TYPE_CHECKING:  # the module of the data offers the functions of this one
    from schema.nodes.http_request import HttpRequestNodeData

_SECRET_WORDS = frozenset(
    """
    authorization cookie token secret password passwd pwd passphrase signature credential
    credentials apikey accesskey secretkey authtoken sessionid jwt
    """.split()  # noqa: SIM905 (a list of words)
)
_SECRET_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("private", "key"), ("auth", "key"), ("session", "id")}
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|token|apikey|api-key|digest|negotiate)[ \t]+(?=\S)")
_PASSWORD = re.compile(r"https?://[^/?#@:]*:([^/?#@]+)@")
_QUERY_VALUE = re.compile(r"(?<=[?&])([^=&#]+)=((?:\{\{#[^#]*#\}\}|[^&#])*)")


class SecretLiteral(NamedTuple):
    """A secret that stands in a node's data as it is."""

    field: str
    """Where: `authorization.config.api_key`, `headers.0` (a line), `params.1`, `url.2` (a
    character's position), `body.data.0.value`."""
    value: str


def is_secret_name(name: str) -> bool:
    """Whether a header or parameter of this name holds a secret.

    Example:
        >>> [is_secret_name(n) for n in ("X-Api-Key", "accessToken", "max_tokens", "Accept")]
        [True, True, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _SECRET_WORDS.isdisjoint(words) or any(
        pair in _SECRET_PAIRS for pair in pairwise(words)
    )


def secret_literals(data: "HttpRequestNodeData") -> Iterable[SecretLiteral]:
    """List the secrets that stand literally in a node's data, in the order of its fields."""
    return tuple(
        SecretLiteral(field, text[start:end]) for field, (text, start, end) in _spans(data).items()
    )


def with_secrets(data: "HttpRequestNodeData", texts: Mapping[str, str]) -> "HttpRequestNodeData":
    """Put other texts, such as placeholders of secret variables, in the place of literals.

    Args:
        data: The node's data.
        texts: What replaces a literal, by the field that `secret_literals` gave it.

    Raises:
        KeyError: If a field holds no literal secret.
    """
    spans = _spans(data)
    replaced = _Fields(data)
    # From the back, so that positions in one text stay what they are.
    for field in sorted(texts, key=lambda name: spans[name][1], reverse=True):
        _, start, end = spans[field]
        replaced.put(field, start, end, texts[field])
    return replaced.data()


_Span = tuple[str, int, int]
"""A text of the data, and where in it the secret begins and ends."""


def _spans(data: "HttpRequestNodeData") -> dict[str, _Span]:
    return {field: span for field, span in _all_spans(data) if _is_literal(span)}


def _is_literal(span: _Span) -> bool:
    text, start, end = span
    value = text[start:end]
    return bool(value.strip()) and not parsed(value).selectors and "{{#" not in value


def _all_spans(data: "HttpRequestNodeData") -> Iterator[tuple[str, _Span]]:
    config = data.authorization.config
    if config is not None:
        yield "authorization.config.api_key", _whole(config.api_key)
    yield from _in_lines("headers", data.headers)
    yield from _in_lines("params", data.params)
    yield from _in_url(data.url)
    if data.body is not None and data.body.type in (BodyType.FORM_DATA, BodyType.URLENCODED):
        for index, item in enumerate(data.body.data):
            if item.type == "text" and is_secret_name(item.key):
                yield f"body.data.{index}.value", _whole(item.value)


def _whole(text: str) -> _Span:
    return text, len(text) - len(text.lstrip()), len(text.rstrip())


def _in_lines(name: str, text: str) -> Iterator[tuple[str, _Span]]:
    """Find secrets in lines of `key:value`; a placeholder never spans lines."""
    position = 0
    for index, line in enumerate(text.split("\n")):
        key, colon, value = line.partition(":")
        if colon and is_secret_name(key):
            start = position + len(key) + 1 + len(value) - len(value.lstrip())
            end = position + len(line.rstrip())
            scheme = _SCHEME.match(text, start, end)
            yield f"{name}.{index}", (text, scheme.end() if scheme else start, end)
        position += len(line) + 1


def _in_url(url: str) -> Iterator[tuple[str, _Span]]:
    if (password := _PASSWORD.match(url)) is not None:
        yield f"url.{password.start(1)}", (url, *password.span(1))
    for found in _QUERY_VALUE.finditer(url):
        if is_secret_name(found[1]):
            yield f"url.{found.start(2)}", (url, *found.span(2))


class _Fields:
    """The texts of a node's data while parts of them are replaced."""

    def __init__(self, data: "HttpRequestNodeData") -> None:
        self._data = data
        self._texts = {"url": data.url, "headers": data.headers, "params": data.params}
        self._items = list(data.body.data) if data.body is not None else []
        self._authorization = data.authorization

    def put(self, field: str, start: int, end: int, text: str) -> None:
        name, _, rest = field.partition(".")
        if name in self._texts:
            self._texts[name] = _spliced(self._texts[name], start, end, text)
        elif name == "body":
            index = int(rest.split(".")[1])
            value = _spliced(self._items[index].value, start, end, text)
            self._items[index] = self._items[index].model_copy(update={"value": value})
        else:
            self._authorization = _with_key(self._authorization, start, end, text)

    def data(self) -> "HttpRequestNodeData":
        return self._data.model_copy(
            update={
                **self._texts,
                "authorization": self._authorization,
                "body": _with_items(self._data.body, self._items),
            }
        )


def _spliced(text: str, start: int, end: int, replacement: str) -> str:
    return text[:start] + replacement + text[end:]


def _with_key(authorization: Authorization, start: int, end: int, text: str) -> Authorization:
    config = authorization.config
    if config is None:
        return authorization
    key = _spliced(config.api_key, start, end, text)
    return authorization.model_copy(update={"config": config.model_copy(update={"api_key": key})})


def _with_items(body: Body | None, items: list[BodyItem]) -> Body | None:
    return None if body is None else body.model_copy(update={"data": tuple(items)})
