"""What all tables share: the metadata, names of constraints, and the types of their columns.

Rows have no behaviour and there is no ORM: statements are SQLAlchemy Core. Text that is not ours
(node ids, titles, messages) may hold NUL and lone surrogates, which PostgreSQL and SQLite refuse or
cut; these types store an escaped form and give the text back unchanged (invariants 16 and 18).
"""

import hashlib
import re
from typing import Any

from sqlalchemy import MetaData, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of the records; Alembic compares it with the database."""

MAX_KEY_CHARACTERS = 300
"""Longest key stored as it is; a B-tree entry of PostgreSQL holds 2,704 bytes."""

_REFUSED = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(?:\\|u([0-9a-f]{4}))")


def escape(text: str) -> str:
    """Give a text that every database stores; equal only for equal texts.

    Example:
        >>> len(escape("a" + chr(0) + "b"))
        8
        >>> escape("node_1")
        'node_1'
    """
    if text.isascii() and "\\" not in text and "\0" not in text:
        return text  # nearly every text; much faster than asking the pattern
    if _REFUSED.search(text) is None:
        return text
    return _REFUSED.sub(_escape_character, text)


def unescape(stored: str) -> str:
    """Give back what `escape` was given.

    Example:
        >>> unescape(escape(chr(0xD800) + chr(92))) == chr(0xD800) + chr(92)
        True
    """
    return _ESCAPED.sub(_unescape_character, stored) if "\\" in stored else stored


def bounded_key(text: str) -> str:
    """Give the stored form of a key: escaped, and a long one cut and completed by its hash.

    Example:
        >>> len(bounded_key("n" * 10_000))
        165
    """
    stored = escape(text)
    if len(stored) <= MAX_KEY_CHARACTERS:
        return stored
    return f"{stored[:100]}#{hashlib.sha256(stored.encode()).hexdigest()}"


class AuthorText(TypeDecorator[str]):
    """Text of any characters."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape on the way in."""
        return None if value is None else escape(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape(value)


class KeyText(TypeDecorator[str]):
    """Text of any characters and length that rows are found by; a long one comes back cut."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Bound on the way in."""
        return None if value is None else bounded_key(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape(value)


def _escape_character(match: re.Match[str]) -> str:
    character = match.group()
    return "\\\\" if character == "\\" else f"\\u{ord(character):04x}"


def _unescape_character(match: re.Match[str]) -> str:
    digits = match.group(1)
    return "\\" if digits is None else chr(int(digits, 16))
