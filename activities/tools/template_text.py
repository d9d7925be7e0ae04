"""Templates of requests, rendered three ways at once: to send, to show, and by their secrets."""

from collections.abc import Iterable
from dataclasses import dataclass

from activities.tools.request_draft import LargeText
from schema.errors import RequestFailed
from schema.nodes.http_parts import parsed
from schema.values.artifact_ref import ArtifactRef
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables


@dataclass(frozen=True)
class RenderedText:
    """A rendered template."""

    text: str
    shown: str
    """The same for people: secrets masked."""
    secrets: tuple[str, ...] = ()
    """The secrets in the text, in plain."""


def render(template: str, variables: Variables) -> RenderedText:
    """Render a template whole.

    Raises:
        ValueBehindReference: If a value in it was left in the artifact store.
    """
    parts = list(parsed(template).resolve(variables))
    if len(parts) == 1 and isinstance(parts[0], str):
        return RenderedText(parts[0], parts[0])
    return RenderedText(
        "".join(part if isinstance(part, str) else part.text for part in parts),
        "".join(part if isinstance(part, str) else part.log for part in parts),
        tuple(secret for part in parts for secret in secrets_in(part)),
    )


def render_pieces(parts: Iterable[str | Segment]) -> list[str | LargeText]:
    """Render the parts of a template, leaving large values where they are."""
    pieces: list[str | LargeText] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(part)
        elif isinstance(part.value, ArtifactRef):
            pieces.append(LargeText(part.value, part.type))
        else:
            pieces.append(part.text)
    return pieces


def secrets_in(value: object) -> Iterable[str]:
    """Give the plain texts of secrets in a value, at any depth."""
    pending = [value]
    while pending:
        match pending.pop():
            case Segment(type=SegmentType.SECRET, value=str() as text) if text:
                yield text
            case Segment() as segment:
                pending.append(segment.value)
            case dict() as fields:
                pending.extend(fields.values())
            case list() as items:
                pending.extend(items)


def encoded(text: str) -> bytes:
    """Give what is sent for a text.

    Raises:
        RequestFailed: If UTF-8 cannot carry it: it has half of a surrogate pair.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise not_utf8() from error


def not_utf8() -> RequestFailed:
    """Build the failure for a text that cannot be sent."""
    return RequestFailed("The body has characters that UTF-8 cannot carry.", "RequestBodyError")
