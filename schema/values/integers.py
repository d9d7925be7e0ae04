"""Decimal text of integers of any length that a value may have.

Python refuses to convert more than 4,300 digits. That limit is a switch of the whole process, it
guards every other parser in it, and it may be set differently in another worker, so it is left
alone: longer numbers are cut into pieces below it. For long numbers this is also the faster way
(100,000 digits: 90 ms to text, 20 ms from it; beyond that a value is refused).
"""

from schema.errors import PayloadTooLarge

MAX_DIGITS = 100_000
"""Longest integer that a value may hold, in decimal digits."""
_PIECE = 600
"""Digits converted at once: below the lowest limit (640) that Python lets a process set."""
SHORT = 10**_PIECE
"""Integers between `-SHORT` and `SHORT` convert natively under any setting of the process."""
_MAX_BITS = int(MAX_DIGITS * 3.3219280948873626)
"""Integers of at most this many bits have at most `MAX_DIGITS` digits."""


def check_length(value: int) -> int:
    """Return the integer if it is short enough to be a value.

    Raises:
        PayloadTooLarge: If it has more than `MAX_DIGITS` digits.
    """
    if value.bit_length() > _MAX_BITS and abs(value) >= 10**MAX_DIGITS:
        raise _too_long()
    return value


def to_text(value: int) -> str:
    """Write an integer as `str` would, without the process's digit limit.

    Raises:
        PayloadTooLarge: If it has more than `MAX_DIGITS` digits.

    Example:
        >>> to_text(-12), len(to_text(10**5000))
        ('-12', 5001)
    """
    if -SHORT < value < SHORT:
        return str(value)
    check_length(value)
    magnitude = abs(value)
    width = int(magnitude.bit_length() * 0.30103) + 1
    digits = _digits(magnitude, width).lstrip("0")
    return f"-{digits}" if value < 0 else digits


def parse(text: str) -> int:
    """Read decimal text as `int` would, without the process's digit limit.

    Raises:
        ValueError: If the text is not an integer; the message is Python's own.
        PayloadTooLarge: If it has more than `MAX_DIGITS` digits.

    Example:
        >>> parse(" -7 "), parse("1" + "0" * 5000) == 10**5000
        (-7, True)
    """
    if len(text) <= _PIECE:
        return int(text)
    digits = text.strip()
    sign = digits[:1]
    if sign in ("-", "+"):
        digits = digits[1:]
    if not (digits.isascii() and digits.isdigit()):
        # Separators and other alphabets, or no number at all: Python decides, and words the error.
        return int(text)
    if len(digits) > MAX_DIGITS:
        raise _too_long()
    magnitude = _from_digits(digits)
    return -magnitude if sign == "-" else magnitude


def _too_long() -> PayloadTooLarge:
    return PayloadTooLarge(f"An integer has more than {MAX_DIGITS} digits.")


def _digits(value: int, width: int) -> str:
    if width <= _PIECE:
        return str(value).zfill(width)
    low = width // 2
    head, tail = divmod(value, 10**low)
    return _digits(head, width - low) + _digits(tail, low)


def _from_digits(digits: str) -> int:
    if len(digits) <= _PIECE:
        return int(digits)
    low = len(digits) // 2
    power: int = 10**low
    return _from_digits(digits[:-low]) * power + _from_digits(digits[-low:])
