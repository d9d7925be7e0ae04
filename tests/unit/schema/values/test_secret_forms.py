"""A secret is found in every spelling that it may have."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.values.secret_forms import MIN_SECRET_CHARACTERS, secret_forms

SECRETS = st.text(min_size=MIN_SECRET_CHARACTERS, max_size=40)


@given(SECRETS, st.binary(max_size=7), st.binary(max_size=7))
def test_every_spelling_has_a_form(secret: str, before: bytes, after: bytes) -> None:
    data = secret.encode("utf-8", "surrogatepass")
    spellings = [
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        quote(secret, errors="surrogatepass"),
        quote(secret, safe="", errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
        base64.b64encode(before + data + after).decode(),
        base64.urlsafe_b64encode(before + data + after).decode(),
    ]
    forms = secret_forms(secret).values()

    for spelling in spellings:
        assert any(form in spelling for form in forms), spelling


def test_hexadecimal_digits_of_urls_may_be_small() -> None:
    assert "pass%2fword" in secret_forms("pass/word").values()


@pytest.mark.parametrize("secret", ["", "12345"])
def test_a_short_secret_is_not_searched_for(secret: str) -> None:
    assert not secret_forms(secret)


@given(SECRETS)
def test_forms_are_different_and_none_is_short(secret: str) -> None:
    forms = list(secret_forms(secret).values())

    assert len(set(forms)) == len(forms)
    assert min(map(len, forms)) >= MIN_SECRET_CHARACTERS
