"""Wait for a condition with a bound; tests never sleep for a fixed time."""

import asyncio
import time
from collections.abc import Callable

POLL_SECONDS = 0.02


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Return as soon as the condition is true; fail when it is not within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {condition}"
        await asyncio.sleep(POLL_SECONDS)
