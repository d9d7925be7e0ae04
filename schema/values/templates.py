"""Inline templates: text with `{{#node.name#}}` placeholders, and the plain part of Jinja2.

Both are pure and linear in the text, so workflow code may render them. Jinja2 with anything but
names in it is user code and runs in the sandbox.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from schema.selectors import Selector
from schema.values.files import File
from schema.values.python_text import python_text
from schema.values.segments import Segment, Value, plain, require_values
from schema.values.variables import Variables

Rendering = Literal["text", "markdown", "log"]
"""Which form of a value is substituted (dify-nodes 3.4)."""

_PLACEHOLDER = re.compile(r"\{\{#([a-zA-Z0-9_]{1,50}(?:\.[a-zA-Z_][a-zA-Z0-9_]{0,29}){1,10})#\}\}")


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """A stretch of literal text, or a placeholder."""

    text: str
    """The literal text, or the placeholder's inner text."""
    selector: Selector | None = None
    """What a placeholder names; None for literal text."""
    lookup: tuple[str, ...] = ()
    """What rendering looks up: also literal text with a dot in it may name a variable."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, split once (dify-nodes 3.6).

    Example:
        >>> variables = Variables({("n", "s"): Segment.infer("you")})
        >>> Template.parse("Hi {{#n.s#}}, {{#n.nope#}}!").render(variables)
        'Hi you, n.nope!'
    """

    segments: tuple[TemplatePart, ...]
    """Literal and variable parts in order, none of them empty; the response stream walks them."""

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Split a text at its placeholders; every text is a template."""
        # With one group in the pattern, texts and inner texts of placeholders alternate.
        pieces = _PLACEHOLDER.split(text)
        return cls(
            tuple(_part(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece)
        )

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """What the placeholders name, in order of appearance, each once."""
        found = (part.selector for part in self.segments if part.selector is not None)
        return tuple(dict.fromkeys(found))

    @property
    def lookups(self) -> tuple[Selector, ...]:
        """What rendering looks up: placeholders, and literal text that may name a variable."""
        found = (Selector.parse(part.lookup) for part in self.segments if part.lookup)
        return tuple(dict.fromkeys(found))

    def resolve(self, variables: Variables) -> Iterator[str | Segment]:
        """Give each part as its value, or as its text where there is none.

        A part that contains a dot is looked up even if it is literal text, as Dify does.

        Raises:
            ValueBehindReference: If a path leads into a value that is elsewhere.
        """
        for part in self.segments:
            found = variables.find_parts(part.lookup) if part.lookup else None
            yield part.text if found is None else found

    def render(self, variables: Variables, how: Rendering = "text") -> str:
        """Substitute values once; they are not scanned again.

        Raises:
            ValueBehindReference: If a value is elsewhere.
        """
        return "".join(
            part if isinstance(part, str) else _rendered(part, how)
            for part in self.resolve(variables)
        )


def _part(text: str, is_placeholder: bool) -> TemplatePart:
    lookup = tuple(text.split(".")) if "." in text else ()
    return TemplatePart(text, Selector.parse(lookup) if is_placeholder else None, lookup)


def _rendered(segment: Segment, how: Rendering) -> str:
    match how:
        case "text":
            return segment.text
        case "markdown":
            return segment.markdown
        case "log":
            return segment.log


_JINJA_OPENINGS = ("{%", "{#")
_JINJA_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_NOT_PLAIN_NAMES = frozenset(
    """
    true false none True False None and or not in is if else elif
    for while endfor endif block extends print macro include from import set with without call
    filter raw autoescape do break continue recursive scoped ignore missing context
    range dict lipsum cycler joiner namespace
    self super loop caller varargs kwargs
    """.split()  # noqa: SIM905 (four groups of words read better than sixty quoted ones)
)
"""Names that are not simply an input: literals and operators, statements, globals that have a value
when no input has their name, and names for the template and its surroundings."""


@dataclass(frozen=True, slots=True)
class PlainJinja:
    """A Jinja2 template of nothing but text and `{{ name }}` (dify-nodes 3.7).

    Example:
        >>> PlainJinja.parse("Hi {{ who }}{{ nobody }}!").render({"who": None})
        'Hi None!'
        >>> PlainJinja.parse("{{ who | upper }}") is None
        True
    """

    texts: tuple[str, ...]
    """One more than `names`: what stands around them."""
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "PlainJinja | None":
        """Classify a template: None if only Jinja2 itself can render it."""
        if any(opening in text for opening in _JINJA_OPENINGS):
            return None
        source = _normalise_newlines(text)
        texts: list[str] = []
        names: list[str] = []
        position = 0
        while (opening := source.find("{{", position)) >= 0:
            name = _JINJA_NAME.match(source, opening + 2)
            if name is None or name[1] in _NOT_PLAIN_NAMES:
                return None
            texts.append(source[position:opening])
            names.append(name[1])
            position = name.end()
        texts.append(source[position:])
        return cls(tuple(texts), tuple(names))

    def render(self, inputs: Mapping[str, Value]) -> str:
        """Substitute the inputs as `jinja2.Template(text).render(**inputs)` does.

        A name without input renders as nothing, null as `None`, a file as its serialised form.

        Raises:
            ValueBehindReference: If an input that is shown is, or contains, a reference.
        """
        pieces = [self.texts[0]]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            if name in inputs:
                pieces.append(_shown(inputs[name]))
            pieces.append(text)
        return "".join(pieces)


def _normalise_newlines(text: str) -> str:
    """Read line ends as Jinja2 does: all become newlines, and one at the end is dropped."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return value
    require_values(value)
    return python_text(with_file_fields(plain(value)))


def with_file_fields(value: Value) -> Value:
    """Replace files by their serialised form: templates get JSON."""
    match value:
        case File():
            return value.to_dict()
        case dict():
            return {key: with_file_fields(item) for key, item in value.items()}
        case list():
            return [with_file_fields(item) for item in value]
        case _:
            return value
