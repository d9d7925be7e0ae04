"""JSON text for values: the standard library's, also for integers beyond Python's digit limit.

`encoding.py` writes payloads and text columns with it, `segments.py` the text of objects.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schema.values import integers
from schema.values.trees import MAX_DEPTH, nested_too_deeply

_MAX_WIRE_DEPTH = 3 * MAX_DEPTH
"""A value's own levels, and at most two of ours around each."""


class JsonWriter:
    r"""Writes one style of JSON text.

    Example:
        >>> JsonWriter(ascii_only=True, separators=(",", ":")).write({"é": [1, 1.0]})
        '{"\\u00e9":[1,1.0]}'
    """

    def __init__(
        self,
        *,
        ascii_only: bool,
        separators: tuple[str, str],
        indent: int | None = None,
        default: Callable[[Any], Any] | None = None,
    ) -> None:
        self._item_separator, self._key_separator = separators
        self._indent = indent
        self._default = default
        self._encode = _encoder(ascii_only, separators, indent, default)

    def write(self, value: Any) -> str:
        """Write a value.

        Raises:
            InvalidNodeInput: If the value is nested too deeply for Python.
            PayloadTooLarge: If an integer has too many digits.
        """
        try:
            return self._encode(value)
        except ValueError:
            # With these options the encoder refuses nothing but a number beyond the digit limit.
            return "".join(self._pieces(value))
        except RecursionError:
            raise nested_too_deeply() from None

    def _pieces(self, value: Any) -> Iterator[str]:
        pending: list[str | tuple[Any, int]] = [(value, 1)]
        while pending:
            piece = pending.pop()
            if isinstance(piece, str):
                yield piece
            else:
                pending.extend(reversed(list(self._expand(*piece))))

    def _expand(self, value: Any, level: int) -> Iterator[str | tuple[Any, int]]:
        """Give the text of a value, its items not yet written."""
        if isinstance(value, int) and not isinstance(value, bool):
            yield integers.to_text(value)
        elif isinstance(value, dict):
            labels = [self._encode(key) + self._key_separator for key in value]
            yield from self._container("{", labels, list(value.values()), "}", level)
        elif isinstance(value, list | tuple):
            yield from self._container("[", [""] * len(value), value, "]", level)
        elif value is None or isinstance(value, str | float | bool) or self._default is None:
            yield self._encode(value)
        else:
            yield self._default(value), level

    def _container(
        self, opening: str, labels: list[str], items: Sequence[Any], closing: str, level: int
    ) -> Iterator[str | tuple[Any, int]]:
        if level > _MAX_WIRE_DEPTH:
            raise nested_too_deeply()
        inner, outer = ("", "") if self._indent is None else self._line_starts(level)
        yield opening + inner if items else opening
        for index, (label, item) in enumerate(zip(labels, items, strict=True)):
            yield self._item_separator + inner + label if index else label
            yield item, level + 1
        yield outer + closing if items else closing

    def _line_starts(self, level: int) -> tuple[str, str]:
        indent = " " * (self._indent or 0)
        return "\n" + indent * level, "\n" + indent * (level - 1)


def _encoder(
    ascii_only: bool,
    separators: tuple[str, str],
    indent: int | None,
    default: Callable[[Any], Any] | None,
) -> Callable[[Any], str]:
    """Build what writes JSON; the standard library's inner encoder is made once, not for each text.

    `json.JSONEncoder` makes it anew at every call, which costs more than writing a small value.
    """
    encoder = json.JSONEncoder(
        ensure_ascii=ascii_only,
        check_circular=False,
        separators=separators,
        indent=indent,
        default=default,
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None or indent is not None:
        return encoder.encode
    escape = json.encoder.encode_basestring_ascii if ascii_only else json.encoder.encode_basestring
    item_separator, key_separator = separators
    write = make(
        None, encoder.default, escape, None, key_separator, item_separator, False, False, True
    )

    def encode(value: Any) -> str:
        return "".join(write(value, 0))

    return encode


def parse_json(text: str | bytes) -> Any:
    r"""Read JSON text, with `NaN`, `Infinity` and `-Infinity` in Python's spelling.

    Raises:
        json.JSONDecodeError: If the text is not JSON.
        InvalidNodeInput: If it is nested too deeply for Python.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> parse_json('[1, 1.0, "\\ud800"]')
        [1, 1.0, '\ud800']
    """
    try:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("Not UTF-8", "", error.start) from error
        except ValueError:
            # An integer beyond the process's digit limit.
            return json.loads(text, parse_int=integers.parse)
    except RecursionError:
        raise nested_too_deeply() from None
