"""The body of a request, by the kinds that authors choose from (dify-nodes 5.8)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from activities.tools.json_mending import Mend, NotJson
from activities.tools.request_draft import BodyPiece, LargeText, ShownBody
from activities.tools.template_text import (
    RenderedText,
    encoded,
    not_utf8,
    render,
    render_pieces,
    secrets_in,
)
from schema.errors import RequestFailed
from schema.nodes.http_parts import Body, BodyItem, BodyType, parsed
from schema.nodes.value_selector import find_in
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File
from schema.values.json_text import JsonWriter
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables

PLACEHOLDER_PART = "__multipart_placeholder__"
"""An empty part that makes a form without files a multipart one."""
OCTET_STREAM = "application/octet-stream"

_COMPACT = JsonWriter(ascii_only=False, separators=(",", ":"))
_SHOWN_JSON = JsonWriter(ascii_only=True, separators=(", ", ": "))


@dataclass(frozen=True)
class RenderedBody:
    """What a request carries, and how it is shown."""

    pieces: Sequence[BodyPiece] = ()
    shown: ShownBody = field(default_factory=ShownBody)
    has_secret: bool = False


async def render_body(
    body: Body | None, variables: Variables, mend: Mend, boundary: str
) -> RenderedBody:
    """Render a body.

    Raises:
        RequestFailed: If the author's items do not make one, with Dify's message.
    """
    match body.type if body is not None else BodyType.NONE:
        case BodyType.NONE:
            return RenderedBody()
        case BodyType.RAW_TEXT:
            return _raw_text(_only_item(body), variables)
        case BodyType.JSON:
            return await _json(_only_item(body), variables, mend)
        case BodyType.BINARY:
            return _binary(_only_item(body), variables)
        case BodyType.URLENCODED:
            return _urlencoded(_items(body), variables)
        case BodyType.FORM_DATA:
            return _Form(_items(body), variables, boundary).render()


def streamed_templates(body: Body | None) -> Iterable[str]:
    """Give the templates of a body that may keep large values as references."""
    match body:
        case Body(type=BodyType.RAW_TEXT):
            return [item.value for item in body.data]
        case Body(type=BodyType.FORM_DATA):
            return [item.value for item in body.data if item.type == "text"]
        case Body(type=BodyType.JSON):
            return [item.value for item in body.data if len(parsed(item.value).segments) == 1]
        case _:
            return ()


def _items(body: Body | None) -> tuple[BodyItem, ...]:
    return body.data if body is not None else ()


def _only_item(body: Body | None) -> BodyItem:
    items = _items(body)
    if body is None or len(items) != 1:
        kind = body.type if body is not None else BodyType.NONE
        raise RequestFailed(f"{kind} body type should have exactly one item", "RequestBodyError")
    return items[0]


def _raw_text(item: BodyItem, variables: Variables) -> RenderedBody:
    return _of_text(item.value, variables)


def _of_text(template: str, variables: Variables) -> RenderedBody:
    parts = list(parsed(template).resolve(variables))
    if any(_is_left(part) for part in parts):
        secrets = [secret for part in parts for secret in secrets_in(part)]
        return RenderedBody(_bytes(render_pieces(parts)), ShownBody(None), bool(secrets))
    text = render(template, variables)
    return RenderedBody(_bytes([text.text]), ShownBody(text.shown), bool(text.secrets))


async def _json(item: BodyItem, variables: Variables, mend: Mend) -> RenderedBody:
    large = _large_object(item.value, variables)
    if large is not None:
        return RenderedBody([large], ShownBody(None))
    text = render(item.value, variables)
    try:
        value = await mend(text.text)
    except NotJson as error:
        raise RequestFailed(f"Failed to parse JSON: {text.shown}", "RequestBodyError") from error
    shown = value if text.text == text.shown else await _mended_or_none(text, mend)
    return RenderedBody(
        _bytes([_COMPACT.write(value)]),
        ShownBody(text.shown if shown is None else _SHOWN_JSON.write(shown)),
        bool(text.secrets),
    )


async def _mended_or_none(text: RenderedText, mend: Mend) -> Any:
    """Read the shown form, which masks may have made unreadable."""
    try:
        return await mend(text.shown)
    except NotJson:
        return None


def _large_object(template: str, variables: Variables) -> LargeText | None:
    """Give the large object that is all of a body: it is JSON already."""
    match list(parsed(template).resolve(variables)):
        case [Segment(type=SegmentType.OBJECT, value=ArtifactRef() as reference)]:
            return LargeText(reference, SegmentType.OBJECT, is_compact=True)
    return None


def _is_left(part: str | Segment) -> bool:
    """Whether a value was left in the artifact store."""
    return isinstance(part, Segment) and isinstance(part.value, ArtifactRef)


def _binary(item: BodyItem, variables: Variables) -> RenderedBody:
    segment = find_in(variables, item.file)
    if segment is None or not isinstance(segment.value, File):
        raise RequestFailed(f"cannot fetch file with selector {list(item.file)}", "FileFetchError")
    return RenderedBody([segment.value], ShownBody(is_binary=True))


def _urlencoded(items: Iterable[BodyItem], variables: Variables) -> RenderedBody:
    fields = [(render(i.key, variables), render(i.value, variables)) for i in items]
    sent = {key.text: value.text for key, value in fields}
    shown = {key.shown: value.shown for key, value in fields}
    try:
        text = urlencode(sent)
    except UnicodeEncodeError as error:
        raise not_utf8() from error
    return RenderedBody(
        _bytes([text]),
        ShownBody(urlencode(shown)),
        any(text.secrets for field in fields for text in field),
    )


class _Form:
    """A multipart form: texts first, then files; of equal keys the last counts."""

    def __init__(self, items: Iterable[BodyItem], variables: Variables, boundary: str) -> None:
        self._variables = variables
        self._boundary = boundary
        self._texts: dict[str, BodyItem] = {}
        self._files: dict[str, BodyItem] = {}
        for item in items:
            fields = self._texts if item.type == "text" else self._files
            fields[render(item.key, variables).text] = item

    def render(self) -> RenderedBody:
        texts = {k: _of_text(item.value, self._variables) for k, item in self._texts.items()}
        files = [(k, f) for k, item in self._files.items() for f in self._files_of(item)]
        pieces: list[BodyPiece] = []
        for key, text in texts.items():
            pieces += [self._head(key), *text.pieces, b"\r\n"]
        for key, file in files:
            pieces += [self._head(key, file.filename, file.mime_type or OCTET_STREAM), file]
            pieces.append(b"\r\n")
        if not files:
            pieces += [self._head(PLACEHOLDER_PART, mime=OCTET_STREAM), b"\r\n"]
        pieces.append(f"--{self._boundary}--\r\n".encode())
        return RenderedBody(
            pieces,
            self._shown(texts, [key for key, _ in files]),
            any(text.has_secret for text in texts.values()),
        )

    def _files_of(self, item: BodyItem) -> Iterable[File]:
        segment = find_in(self._variables, item.file)
        if segment is None or isinstance(segment.value, ArtifactRef):
            return []
        values = segment.value if isinstance(segment.value, list) else [segment.value]
        values = [value.value if isinstance(value, Segment) else value for value in values]
        return values if all(isinstance(value, File) for value in values) else []

    def _head(self, key: str, filename: str | None = None, mime: str | None = None) -> bytes:
        name = f'; filename="{_quoted(filename)}"' if filename else ""
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_quoted(key)}"{name}'
        if mime is not None:
            head += f"\r\nContent-Type: {_one_line(mime)}"
        return encoded(f"{head}\r\n\r\n")

    def _shown(self, texts: dict[str, RenderedBody], file_keys: list[str]) -> ShownBody:
        if file_keys:
            return ShownBody(file_keys=tuple(file_keys), boundary=self._boundary)
        if any(text.shown.text is None for text in texts.values()):
            return ShownBody(None)
        entries = [
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="{key}"\r\n\r\n{text.shown.text}\r\n'
            for key, text in texts.items()
        ]
        return ShownBody("".join([*entries, f"--{self._boundary}--\r\n"]) if entries else "")


def _bytes(pieces: Iterable[str | LargeText]) -> list[BodyPiece]:
    return [encoded(piece) if isinstance(piece, str) else piece for piece in pieces]


def _quoted(text: str | None) -> str:
    """Escape what would end a quoted name of a form, as browsers do."""
    for character, escaped in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A"), ("\0", "%00")):
        text = (text or "").replace(character, escaped)
    return text or ""


def _one_line(mime: str) -> str:
    return mime if mime.isprintable() else OCTET_STREAM
