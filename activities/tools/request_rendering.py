"""From a node's data and its variables to the request to send (dify-nodes 5.8).

Pure but for the mending of JSON. What would not be one request, such as a line end inside a header,
is a failure of the node and is never sent (invariant 18).
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from activities.tools.json_mending import Mend
from activities.tools.request_bodies import render_body
from activities.tools.request_draft import BodyPiece, RequestDraft
from activities.tools.template_text import RenderedText, render
from schema.errors import RequestFailed
from schema.nodes.http_parts import Authorization, BodyType, KeyType, split_pairs
from schema.nodes.http_request import HttpRequestNodeData
from schema.nodes.http_secrets import is_secret_name
from schema.values.variables import Variables

CONTENT_TYPES: Mapping[BodyType, str] = {
    BodyType.JSON: "application/json",
    BodyType.URLENCODED: "application/x-www-form-urlencoded",
    BodyType.RAW_TEXT: "text/plain",
}
"""What the content type is unless the author says it."""
_DEFAULT_HEADER = "Authorization"
_FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Say where the request ends, which is not for authors."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*\Z")


@dataclass(frozen=True)
class _AuthHeader:
    name: str
    value: str


async def render_request(
    data: HttpRequestNodeData,
    variables: Variables,
    mend: Mend,
    boundary: str,
    holds_secret: Callable[[str], bool],
) -> RequestDraft:
    """Render a request.

    Args:
        data: The node's data.
        variables: What it selects; large values of a body may be references.
        mend: Reads JSON.
        boundary: What separates the parts of a form.
        holds_secret: Whether a text has a secret in it that came inside a plain value.

    Raises:
        RequestFailed: If the request cannot be made, with Dify's message where it has one.
    """
    auth = _authorization(data.authorization, variables)
    url = _url(render(data.url, variables))
    params = [(render(k, variables), render(v, variables)) for k, v in data.pairs]
    rendered = render(data.headers, variables)
    body = await render_body(data.body, variables, mend, boundary)
    headers = _with_body_and_auth(_lines(rendered.text), data, boundary, auth)
    shown = _with_body_and_auth(_lines(rendered.shown), data, boundary, auth)
    _check(headers)
    return RequestDraft(
        method=data.method.upper(),
        url=url.text,
        params=tuple((key.text, value.text) for key, value in params),
        headers={name: v for name, v in headers.items() if name.lower() not in _FRAMING},
        pieces=body.pieces,
        secret_headers=_secret_headers(headers, rendered.secrets, holds_secret, auth),
        has_secret_body=body.has_secret or _holds_secret(body.pieces, holds_secret),
        shown_url=url.shown,
        shown_params=tuple((key.shown, value.shown) for key, value in params),
        shown_headers=_masked(shown, auth),
        shown_body=body.shown,
    )


def check_method(data: HttpRequestNodeData) -> None:
    """Refuse the method that a document may have and Dify never sends.

    Raises:
        RequestFailed: If it is that one.
    """
    if data.method.lower() == "options":
        raise RequestFailed(f"Invalid http method {data.method}", "InvalidHttpMethodError")


def _authorization(given: Authorization, variables: Variables) -> _AuthHeader | None:
    if given.config is None:
        return None
    key = render(given.config.api_key, variables).text
    if not key.strip():
        raise RequestFailed(
            "API key is required for authorization but was empty. Please provide a valid API key.",
            "AuthorizationConfigError",
        )
    value = _key_value(given.config.type, key).strip()
    return _AuthHeader(given.config.header or _DEFAULT_HEADER, value)


def _key_value(kind: KeyType, key: str) -> str:
    match kind:
        case KeyType.BEARER:
            return f"Bearer {key}"
        case KeyType.BASIC if ":" in key:
            return f"Basic {base64.b64encode(key.encode(errors='surrogatepass')).decode()}"
        case KeyType.BASIC:
            return f"Basic {key}"
        case KeyType.CUSTOM:
            return key


def _url(url: RenderedText) -> RenderedText:
    if not url.text:
        raise RequestFailed("url is required", "InvalidURLError")
    if not url.text.startswith(("http://", "https://")):
        raise RequestFailed("url should start with http:// or https://", "InvalidURLError")
    return url


def _lines(text: str) -> dict[str, str]:
    """Read the lines of rendered headers: a variable may have brought some of them."""
    return dict(split_pairs(text.replace("\r\n", "\n")))


def _with_body_and_auth(
    headers: dict[str, str], data: HttpRequestNodeData, boundary: str, auth: _AuthHeader | None
) -> dict[str, str]:
    kind = data.body.type if data.body is not None else BodyType.NONE
    if kind is BodyType.FORM_DATA:
        headers = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
    elif kind in CONTENT_TYPES and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = CONTENT_TYPES[kind]
    if auth is not None:
        headers[auth.name] = auth.value
    return headers


def _check(headers: Mapping[str, str]) -> None:
    """Make sure that each header is one header, and no more."""
    for name, value in headers.items():
        if _HEADER_NAME.match(name) is None:
            raise RequestFailed(f"{name!r} is no name of a header")
        if _HEADER_VALUE.match(value) is None:
            raise RequestFailed(
                f"The value of the header {name!r} has characters that a header cannot carry: "
                "only printable ASCII may stand there."
            )


def _secret_headers(
    headers: Mapping[str, str],
    secrets: Iterable[str],
    holds_secret: Callable[[str], bool],
    auth: _AuthHeader | None,
) -> frozenset[str]:
    """Name the headers that may not go to another host."""
    found = {
        name.lower()
        for name, value in headers.items()
        if is_secret_name(name) or holds_secret(value) or any(secret in value for secret in secrets)
    }
    return frozenset(found if auth is None else {*found, auth.name.lower()})


def _holds_secret(pieces: Iterable[BodyPiece], holds_secret: Callable[[str], bool]) -> bool:
    texts = (piece.decode(errors="replace") for piece in pieces if isinstance(piece, bytes))
    return any(map(holds_secret, texts))


def _masked(headers: Mapping[str, str], auth: _AuthHeader | None) -> dict[str, str]:
    """Hide the value of the header of authorization, however the author spells it."""
    hidden = auth.name.lower() if auth is not None else None
    return {
        name: "*" * len(value) if name.lower() == hidden else value
        for name, value in headers.items()
    }
