r"""Sealed: a value with secrets in it, each replaced by a token (decision 0022).

A token is text that only the wrapper of one run can make, because it begins with that run's nonce.
It means something only inside a `Sealed` or a sealed artifact, which name the nonce: the same
characters in any other value are the author's text. `activities/secrets.py` makes and opens them;
here is how a token is written, and what people see in its place.
"""

import base64
import json
import re
from dataclasses import dataclass
from functools import lru_cache

NONCE_CHARACTERS = 32
NONCE_FORM = "n"
"""Form of the token that stands for the nonce itself, where somebody wrote it."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value whose encoded text has tokens in the place of secrets.

    Example:
        >>> token = secret_token("0" * 32, "v", "env.KEY", "sk-012************89")
        >>> Sealed("0" * 32, f'"Bearer {token}"', "string").masked_text
        '"Bearer sk-012************89"'
    """

    nonce: str
    """Whose tokens count in the text; everything else in it is the value's own."""
    text: str
    """Encoded wire form of the value (`schema/values/encoding.py`), with tokens in its strings."""
    kind: str
    """Segment type of the value."""

    @property
    def masked_text(self) -> str:
        """The encoded text with masks in the place of tokens."""
        return mask_tokens(self.text, self.nonce)


def secret_token(nonce: str, form: str, name: str, masked: str) -> str:
    """Write a token: printable, and the same in JSON text as outside of it.

    Args:
        nonce: The run's.
        form: How the secret was written there (`secret_forms.py`).
        name: Of the secret.
        masked: What people see instead.

    Example:
        >>> secret_token("0" * 32, "v", "env.K", "****")
        '~00000000000000000000000000000000.v.ZW52Lks.KioqKg~'
    """
    return f"~{nonce}.{form}.{_to_plain(name)}.{_to_plain(masked)}~"


def mask_tokens(text: str, nonce: str) -> str:
    """Put masks in the place of tokens in encoded text; tokens of other runs are text.

    Example:
        >>> mask_tokens('"~1.v.ZQ.Kg~"', "0" * 32)
        '"~1.v.ZQ.Kg~"'
    """
    return _pattern(nonce).sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    nonce, form, masked = match[1], match[2], match[3]
    return nonce if form == NONCE_FORM else json.dumps(_from_plain(masked))[1:-1]


@lru_cache(maxsize=64)
def _pattern(nonce: str) -> re.Pattern[str]:
    return re.compile(
        rf"~({re.escape(nonce)})\.([a-zA-Z0-9]+)\.[a-zA-Z0-9_-]*\.((?:[a-zA-Z0-9_-]{{4}})*"
        r"(?:[a-zA-Z0-9_-]{2,3})?)~"
    )


def _to_plain(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_plain(plain: str) -> str:
    data = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    return data.decode("utf-8", "replace")
