"""In which spellings a secret may stand in a text, so that it is found in all of them.

Verbatim, escaped as JSON does (once and twice), escaped as URLs do, and inside text that is base64.
A form is exact: whoever knows the secret and the name of the form can write it again.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

MIN_SECRET_CHARACTERS = 6
"""A shorter secret is not searched for: it would be found in texts that have nothing to do with it
(decision 0023)."""

_HEX_PAIR = re.compile(r"%[0-9A-F]{2}")
_GROUP_BITS = 6
"""Bits that one character of base64 has."""


def secret_forms(secret: str) -> Mapping[str, str]:
    """Give the spellings of a secret by the name of their form, each spelling once.

    Example:
        >>> dict(secret_forms("pass/word"))["Q"], sorted(secret_forms("abcdef"))
        ('pass%2Fword', ['b0', 'b1', 'b2', 'v'])
        >>> secret_forms("short")
        {}
    """
    if len(secret) < MIN_SECRET_CHARACTERS:
        return {}
    found: dict[str, str] = {}
    for name, text in _spellings(secret):
        if text not in found.values():
            found[name] = text
    return found


def _spellings(secret: str) -> Iterator[tuple[str, str]]:
    yield "v", secret
    for name, is_ascii in (("j", True), ("J", False)):
        escaped = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        yield name, escaped
        # JSON as text inside of JSON, as peers that say back a body have it.
        yield name + "j", json.dumps(escaped, ensure_ascii=is_ascii)[1:-1]
    for name, text in _url_spellings(secret):
        yield name, text
        # Some clients write hexadecimal digits in lower case.
        yield name + "l", _HEX_PAIR.sub(lambda pair: pair[0].lower(), text)
    data = secret.encode("utf-8", "surrogatepass")
    for offset in range(3):
        text = _inside_base64(data, offset)
        yield f"b{offset}", text
        yield f"s{offset}", text.replace("+", "-").replace("/", "_")


def _url_spellings(secret: str) -> Iterator[tuple[str, str]]:
    yield "q", quote(secret, errors="surrogatepass")
    yield "Q", quote(secret, safe="", errors="surrogatepass")
    yield "p", quote_plus(secret, errors="surrogatepass")


def _inside_base64(data: bytes, offset: int) -> str:
    """Give the characters that the bytes alone decide, `offset` bytes after a multiple of three."""
    text = base64.b64encode(b"\0" * offset + data).decode()
    first = -(-8 * offset // _GROUP_BITS)
    last = 8 * (offset + len(data)) // _GROUP_BITS
    return text[first:last]
