"""Heartbeats of an attempt, as long as it lives: also while it only waits (invariant 11)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from temporalio import activity

HEARTBEAT_SECONDS = 0.4
"""Well below the 10 s time-out; a stop comes in a heartbeat's answer (temporal-notes 8.3)."""


@contextlib.asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Heartbeat in the background as long as the block."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        activity.heartbeat()
