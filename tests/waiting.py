"""Wait for a condition with a bound; tests never sleep for a fixed time."""

import asyncio
import time
from collections.abc import Callable

POLL_SECONDS = 0.02
BOUND_SECONDS = 30.0
"""Ample: a busy machine shall not fail a test whose condition comes true."""


async def until(condition: Callable[[], object], seconds: float = BOUND_SECONDS) -> None:
    """Return as soon as the condition is true; fail when it is not within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {condition}"
        await asyncio.sleep(POLL_SECONDS)
