"""A user of a data directory, as a process of its own: `python user_process.py HOME IDLE_SECONDS`.

Prints the addresses when the stack is open and closes it when standard input ends.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from schema.settings import Settings
from workers.stack import open_stack


async def main() -> None:
    home, idle_seconds = sys.argv[1:]
    settings = Settings(
        home=Path(home), keeper_idle_seconds=float(idle_seconds), temporal_address=None
    )
    async with open_stack(settings) as stack:
        sys.stdout.write(json.dumps({"temporal_address": stack.temporal_address}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
    # The SDK's threads may abort an interpreter that ends right after a call (its issue 300).
    os._exit(0)
