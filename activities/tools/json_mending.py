"""Reads JSON as authors write it around their variables: mended where it is broken, as Dify does.

Mending takes quadratic time, and more, on texts made for it. So what is not small is mended in a
process of its own, which ends within its limits.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from json_repair import repair_json

from schema.errors import HoldfastError
from schema.values.json_text import parse_json

Mend: TypeAlias = Callable[[str], Awaitable[Any]]

_SMALL_CHARACTERS = 2_000
"""Mended here: it takes at most a few tens of milliseconds."""
_SECONDS = 20
_MEMORY_BYTES = 2 * 1024**3
_PROGRAM = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({_SECONDS}, {_SECONDS}))
try:
    resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY_BYTES}, {_MEMORY_BYTES}))
except (ValueError, OSError):
    pass  # macOS does not bound it
from json_repair import repair_json
sys.stdout.buffer.write(repair_json(sys.stdin.buffer.read().decode()).encode())
"""


class NotJson(Exception):
    """The text is no JSON, and cannot be made any."""


async def mend_json(text: str, seconds: float = _SECONDS) -> Any:
    """Read a text as JSON, mending it if need be.

    Args:
        text: What the author wrote, rendered.
        seconds: How long the mending of a long text may take.

    Raises:
        NotJson: If it cannot be mended within the limits.
    """
    if len(text) <= _SMALL_CHARACTERS:
        return _parsed(text, lambda: repair_json(text))
    try:
        return await asyncio.to_thread(_parse, text)
    except NotJson:
        mended = await _mend_elsewhere(text, seconds)
        return await asyncio.to_thread(_parse, mended)


def _parsed(text: str, mend: Callable[[], str]) -> Any:
    try:
        return _parse(text)
    except NotJson:
        pass
    try:
        mended = mend()
    except (ValueError, RecursionError) as error:
        raise NotJson from error
    return _parse(mended)


def _parse(text: str) -> Any:
    try:
        return parse_json(text)
    except (json.JSONDecodeError, HoldfastError) as error:
        raise NotJson from error


async def _mend_elsewhere(text: str, seconds: float) -> str:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(seconds):
            mended, _ = await child.communicate(text.encode())
    except (TimeoutError, UnicodeEncodeError) as error:
        raise NotJson from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        raise NotJson
    return mended.decode()
