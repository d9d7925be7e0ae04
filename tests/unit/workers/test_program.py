import asyncio
import sys
from pathlib import Path

import pytest

from tests.waiting import until
from workers.program import run_program
from workers.server_process import command_line


@pytest.mark.anyio
async def test_output_of_both_streams_and_the_status_are_kept() -> None:
    script = "import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(3)"
    seen: list[str] = []

    ended = await run_program([sys.executable, "-c", script], 20, watch=seen.append)

    assert ended.status == 3
    assert ended.last_line == "b"
    assert seen == ["a", "b"]


@pytest.mark.anyio
async def test_a_program_that_takes_too_long_is_killed_and_that_is_said() -> None:
    ended = await run_program(["sleep", "60"], 0.1)

    assert ended.status < 0
    assert ended.last_line == "sleep took longer than 0.1 s"


@pytest.mark.anyio
async def test_a_program_that_does_not_exist_is_named() -> None:
    ended = await run_program(["/no/such/program"], 1)

    assert ended.last_line == "/no/such/program: No such file or directory"


@pytest.mark.anyio
async def test_cancelling_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 61 & echo $! $$ > {pids}; wait"
    task = asyncio.create_task(run_program(["sh", "-c", script], 60))
    await until(lambda: pids.exists() and pids.read_text().strip())

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(lambda: not any(command_line(int(pid)) for pid in pids.read_text().split()))
