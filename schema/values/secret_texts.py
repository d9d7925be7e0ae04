"""SecretTexts: what to look for, and what to write instead, for the secrets of one run."""

from collections.abc import Mapping
from functools import cached_property

from schema.values.encoding import encode
from schema.values.replacing import JsonReplacer, Replacer
from schema.values.sealed import NONCE_FORM, secret_token
from schema.values.secret_forms import secret_forms
from schema.values.secret_ref import mask


class SecretTexts:
    """Replacers for every kind of text that a secret may be in, each made when it is needed.

    Args:
        values: The secrets by name.
        nonce: What the run's tokens begin with.

    Example:
        >>> texts = SecretTexts({"env.KEY": "sk-0123456789"}, "0" * 32)
        >>> texts.masking.replace("Bearer sk-0123456789")
        'Bearer sk-012************89'
        >>> sealed = texts.sealing_json.replace(b'"Bearer sk-0123456789"')
        >>> texts.opening_json.replace(sealed)
        b'"Bearer sk-0123456789"'
    """

    def __init__(self, values: Mapping[str, str], nonce: str) -> None:
        self._values = values
        self._nonce = nonce

    @cached_property
    def masking(self) -> Replacer[str]:
        """Puts masks in the place of secrets, in text."""
        return Replacer({text: shown for text, (_, shown) in self._forms.items()}, "")

    @cached_property
    def sealing_json(self) -> JsonReplacer:
        """Puts tokens in the place of secrets, in encoded text."""
        forms = self._forms.items()
        return JsonReplacer({_in_json(text): token.encode() for text, (token, _) in forms})

    @cached_property
    def sealing_bytes(self) -> Replacer[bytes]:
        """Puts tokens in the place of secrets, in the raw content of a file."""
        forms = self._forms.items()
        return Replacer({_in_utf8(text): token.encode() for text, (token, _) in forms}, b"")

    @cached_property
    def opening_json(self) -> Replacer[bytes]:
        """Puts secrets in the place of tokens, in encoded text."""
        forms = self._forms.items()
        return Replacer({token.encode(): _in_json(text) for text, (token, _) in forms}, b"")

    @cached_property
    def opening_bytes(self) -> Replacer[bytes]:
        """Puts secrets in the place of tokens, in the raw content of a file."""
        forms = self._forms.items()
        return Replacer({token.encode(): _in_utf8(text) for text, (token, _) in forms}, b"")

    @cached_property
    def _forms(self) -> Mapping[str, tuple[str, str]]:
        """Spelling of a secret to its token and its mask."""
        forms: dict[str, tuple[str, str]] = {}
        for name, value in self._values.items():
            shown = mask(value)
            for form, text in secret_forms(value).items():
                forms.setdefault(text, (secret_token(self._nonce, form, name, shown), shown))
        if self._nonce:
            # What looks like a token was written by somebody: it has to come back as text.
            token = secret_token(self._nonce, NONCE_FORM, "", "")
            forms.setdefault(self._nonce, (token, self._nonce))
        return forms


def _in_json(text: str) -> bytes:
    return encode(text)[1:-1].encode()


def _in_utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
