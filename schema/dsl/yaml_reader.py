"""YAML text to plain JSON values, for text that a stranger wrote.

Values are what a safe loader gives, as in Dify, but for this: timestamps and `=` are text, keys
become text as in JSON, and there are bounds on size, depth and what aliases expand to. They are
built from the parser's events with a stack of our own, so that no text can exhaust Python's.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from schema.errors import InvalidDocument
from schema.findings import Finding, FindingCode, Severity, quote

MAX_BYTES = 10 * 1024 * 1024
"""Dify's own limit of an import (dify-nodes 1.3)."""
MAX_DEPTH = 100
"""Levels of lists and mappings; a value of a run may have twice as many."""
MAX_VALUES = 150_000
"""Scalars, lists and mappings after aliases are expanded; 30 times the largest export known."""
MAX_CHARACTERS = 2 * MAX_BYTES
"""Of all scalars after aliases are expanded."""
MAX_NUMBER_CHARACTERS = 4_000
"""Python's own limit for decimal numbers is 4,300 digits."""

Json: TypeAlias = Any

_PREFIX = "tag:yaml.org,2002:"
_STRING = _PREFIX + "str"
_MERGE = _PREFIX + "merge"
_MAX_INTEGER_BITS = 13_000
_LITERAL_TAGS = frozenset({_STRING, _MERGE, _PREFIX + "timestamp", _PREFIX + "value"})
"""Scalars of these tags are their text; a merge key is one only as a key."""
_SCALARS = yaml.constructor.SafeConstructor()
_CONSTRUCTORS: Mapping[str, Callable[[yaml.ScalarNode], Json]] = {
    _PREFIX + "null": lambda _: None,
    _PREFIX + "bool": _SCALARS.construct_yaml_bool,
    _PREFIX + "int": _SCALARS.construct_yaml_int,
    _PREFIX + "float": _SCALARS.construct_yaml_float,
}
_RESOLVERS: Mapping[str, list[tuple[str, re.Pattern[str]]]] = (
    yaml.CSafeLoader.yaml_implicit_resolvers
)


@dataclass(frozen=True)
class YamlDocument:
    """The value of a text, and what was odd about it."""

    value: Json
    findings: tuple[Finding, ...]


def read_yaml(data: bytes | str) -> YamlDocument:
    """Read one YAML document; JSON is YAML.

    Raises:
        InvalidDocument: If the text is not YAML, is more than one document, is too large, or has
            tags that do not stand for JSON values.

    Example:
        >>> read_yaml("a: [1, yes, 2024-01-01]").value
        {'a': [1, True, '2024-01-01']}
    """
    if len(data) > MAX_BYTES:
        raise InvalidDocument(f"The document is larger than {MAX_BYTES // 1024 // 1024} MB.")
    builder = _Builder()
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise InvalidDocument(f"Not YAML: {_describe(error)}") from error
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise InvalidDocument(f"The text is not Unicode: {error.reason}.") from error
    return builder.document()


def _describe(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem or error.context} ({_place(error.problem_mark)})."
    if isinstance(error, yaml.reader.ReaderError):
        return f"{error.reason} (character {error.position + 1}); an export is text in UTF-8."
    return f"{quote(str(error).partition(chr(10))[0])}."


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


@dataclass
class _Size:
    """What a value weighs once its aliases are written out."""

    values: int = 0
    characters: int = 0

    def add(self, values: int, characters: int) -> None:
        self.values += values
        self.characters += characters


_NO_KEY = object()


@dataclass
class _Open:
    """A list or mapping whose end has not come yet."""

    value: list[Json] | dict[str, Json]
    anchor: str | None
    size: _Size = field(default_factory=lambda: _Size(values=1))
    key: object = _NO_KEY
    merged: list[dict[str, Json]] | None = None
    """Mappings under merge keys; the mapping's own keys count more."""


class _Builder:
    """Builds the value of one document from events."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Json, _Size]] = {}
        self._roots: list[Json] = []
        self._total = _Size()
        self._findings: list[Finding] = []
        self._event: Any = None

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        self._event = event
        step = _STEPS.get(type(event))
        if step is not None:
            step(self, event)

    def document(self) -> YamlDocument:
        """Give the value after the last event."""
        if not self._roots:
            raise InvalidDocument("The document is empty.")
        return YamlDocument(self._roots[0], tuple(self._findings))

    def take_document_start(self, _: yaml.DocumentStartEvent) -> None:
        if self._roots:
            raise self._invalid("a second document begins; an export is one document")

    def take_scalar(self, event: yaml.ScalarEvent) -> None:
        tag = _tag_of_scalar(event)
        if tag == _MERGE and self._is_key_next():
            self._stack[-1].key = _MERGE
            return
        value = event.value if tag in _LITERAL_TAGS else self._construct(tag, event.value)
        size = _Size(1, len(event.value))
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, size)
        self._add(value, size)

    def take_sequence_start(self, event: yaml.SequenceStartEvent) -> None:
        self._check_tag(event.tag, "seq")
        self._open(_Open([], event.anchor))

    def take_mapping_start(self, event: yaml.MappingStartEvent) -> None:
        self._check_tag(event.tag, "map")
        self._open(_Open({}, event.anchor))

    def take_end(self, _: yaml.CollectionEndEvent) -> None:
        opened = self._stack.pop()
        for mapping in opened.merged or ():
            assert isinstance(opened.value, dict)
            for key, value in mapping.items():
                opened.value.setdefault(key, value)
        if opened.anchor is not None:
            self._anchors[opened.anchor] = (opened.value, opened.size)
        self._add(opened.value, opened.size, is_counted=True)

    def take_alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._invalid(f"alias {quote(event.anchor)} stands for nothing, or for itself")
        value, size = self._anchors[event.anchor]
        self._add(value, size)

    def _open(self, opened: _Open) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise self._invalid(f"lists and mappings are nested deeper than {MAX_DEPTH} levels")
        if opened.value == {} and self._is_key_next():
            raise self._invalid("a key of a mapping must be a single value")
        # An anchor may be used again only after its value has ended.
        if opened.anchor is not None:
            self._anchors.pop(opened.anchor, None)
        self._count(_Size(1, 0))
        self._stack.append(opened)

    def _add(self, value: Json, size: _Size, *, is_counted: bool = False) -> None:
        """Put a finished value where it belongs."""
        if not is_counted:
            self._count(size)
        if not self._stack:
            self._roots.append(value)
            return
        parent = self._stack[-1]
        parent.size.add(size.values, size.characters)
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is _NO_KEY:
            parent.key = self._key_of(value)
        else:
            self._set(parent, value)

    def _set(self, parent: _Open, value: Json) -> None:
        key, parent.key = parent.key, _NO_KEY
        if key is _MERGE:
            parent.merged = [*(parent.merged or ()), *self._mappings_of(value)]
            return
        assert isinstance(parent.value, dict)
        assert isinstance(key, str)
        if key in parent.value:
            self._findings.append(self._duplicate(key))
        parent.value[key] = value

    def _count(self, size: _Size) -> None:
        self._total.add(size.values, size.characters)
        if self._total.values > MAX_VALUES:
            raise self._invalid(f"the document has more than {MAX_VALUES} values, aliases expanded")
        if self._total.characters > MAX_CHARACTERS:
            raise self._invalid(
                f"the document has more than {MAX_CHARACTERS} characters, aliases expanded"
            )

    def _is_key_next(self) -> bool:
        if not self._stack:
            return False
        return isinstance(self._stack[-1].value, dict) and self._stack[-1].key is _NO_KEY

    def _key_of(self, value: Json) -> str:
        """Write a key as JSON does: Dify's documents go through JSON."""
        match value:
            case str():
                return value
            case bool():
                return "true" if value else "false"
            case int() | float():
                return repr(value)
            case None:
                return "null"
            case _:
                raise self._invalid("a key of a mapping must be a single value")

    def _mappings_of(self, value: Json) -> Iterator[dict[str, Json]]:
        for mapping in value if isinstance(value, list) else [value]:
            if not isinstance(mapping, dict):
                raise self._invalid("a merge key needs mappings")
            yield mapping

    def _construct(self, tag: str, text: str) -> Json:
        construct = _CONSTRUCTORS.get(tag)
        if construct is None:
            raise self._invalid(f"tag {quote(tag)} is not accepted")
        if len(text) > MAX_NUMBER_CHARACTERS:
            raise self._invalid("a number is too long")
        try:
            value = construct(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError, OverflowError) as error:
            raise self._invalid(f"{quote(text)} is no {tag.removeprefix(_PREFIX)}") from error
        if isinstance(value, int) and value.bit_length() > _MAX_INTEGER_BITS:
            raise self._invalid("a number is too long")
        return value

    def _check_tag(self, tag: str | None, expected: str) -> None:
        if tag not in (None, "!", _PREFIX + expected):
            raise self._invalid(f"tag {quote(tag)} is not accepted")

    def _invalid(self, reason: str) -> InvalidDocument:
        return InvalidDocument(f"Not an export: {reason} ({_place(self._event.start_mark)}).")

    def _duplicate(self, key: str) -> Finding:
        line = self._event.start_mark.line + 1
        return Finding(
            code=FindingCode.DUPLICATE_KEY,
            severity=Severity.WARNING,
            field=quote(key),
            message=f"The key {quote(key)} stands twice (again near line {line}); the last counts.",
        )


_STEPS: Mapping[type[Any], Callable[[_Builder, Any], None]] = {
    yaml.DocumentStartEvent: _Builder.take_document_start,
    yaml.ScalarEvent: _Builder.take_scalar,
    yaml.SequenceStartEvent: _Builder.take_sequence_start,
    yaml.SequenceEndEvent: _Builder.take_end,
    yaml.MappingStartEvent: _Builder.take_mapping_start,
    yaml.MappingEndEvent: _Builder.take_end,
    yaml.AliasEvent: _Builder.take_alias,
}


def _tag_of_scalar(event: yaml.ScalarEvent) -> str:
    """Find the tag as PyYAML's resolver does."""
    if event.tag is not None and event.tag != "!":
        return event.tag
    if not event.implicit[0]:
        return _STRING
    text = event.value
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return tag
    return _STRING
