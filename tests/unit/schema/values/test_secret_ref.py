import pytest

from schema.values.secret_ref import mask


@pytest.mark.parametrize(
    ("plaintext", "masked"),
    [
        ("", ""),
        ("a", "*" * 20),
        ("12345678", "*" * 20),
        ("123456789", "123456" + "*" * 12 + "89"),
        ("sk-0123456789", "sk-012" + "*" * 12 + "89"),
    ],
)
def test_secret_is_masked_as_dify_masks_it(plaintext: str, masked: str) -> None:
    assert mask(plaintext) == masked
