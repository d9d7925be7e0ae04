"""References to secret values, and the mask that people see instead (dify-nodes 3.8).

Outside an activity a secret is only its name (invariant 17); activities resolve it per attempt.
"""

from dataclasses import dataclass

_SHORT = 8


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret by its name, with the mask to show wherever its value would be shown.

    Example:
        >>> SecretRef("OPENAI_KEY", mask("sk-0123456789")).masked
        'sk-012************89'
    """

    name: str
    """Name under which the run's secrets are stored."""
    masked: str = ""
    """Dify's mask of the value; empty when the value is empty or not known here."""


def environment_secret(variable: str) -> str:
    """Name the secret that is the value of an environment variable.

    Example:
        >>> environment_secret("OPENAI_KEY")
        'env.OPENAI_KEY'
    """
    return f"env.{variable}"


def mask(plaintext: str) -> str:
    """Hide a secret as Dify's logs do.

    Example:
        >>> mask(""), mask("short"), mask("sk-0123456789")
        ('', '********************', 'sk-012************89')
    """
    if not plaintext:
        return ""
    if len(plaintext) <= _SHORT:
        return "*" * 20
    return plaintext[:6] + "*" * 12 + plaintext[-2:]
