"""Every job ends within its limits, whatever it does, and says which one ended it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from activities.sandbox.frames import PRINTED_BYTES, Kind
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from activities.sandbox.job import Job, JobLimits, JobPart
from schema.errors import JobKilled
from tests.integration.sandbox.running import (
    TENANT,
    allowed,
    find,
    opened,
    options,
    source_job,
)

pytestmark = pytest.mark.anyio

MIB = 1024**2
PROMPT_SECONDS = 10.0
"""Far above what it takes, far below what would be without a limit."""


async def test_inv_19_fork_bomb_makes_no_process(sandbox: ForkServerSandbox) -> None:
    source = """
    import ctypes, multiprocessing, os, subprocess
    libc = ctypes.CDLL(None, use_errno=True)
    for _ in range(1000):
        attempt("fork", os.fork)
    attempt("vfork", lambda: 1 / (libc.vfork() + 1))
    attempt("program", subprocess.run, ["/bin/true"])
    attempt("interpreter", multiprocessing.Process(target=print).start)
    """

    found = await find(sandbox, source)

    assert len(found) == 4
    assert not allowed(found)
    assert await find(sandbox, "found['next'] = 1") == {"next": 1}


async def test_inv_19_threads_are_bounded(sandbox: ForkServerSandbox) -> None:
    source = """
    import threading
    threading.stack_size(32768)
    stop = threading.Event()
    found["threads"] = 0
    try:
        while found["threads"] < 20_000:
            threading.Thread(target=stop.wait, daemon=True).start()
            found["threads"] += 1
    except (RuntimeError, MemoryError) as error:
        found["error"] = str(error)
    """

    found = await find(sandbox, source)

    assert found["threads"] < 5000
    assert "thread" in found["error"]
    assert await find(sandbox, "found['next'] = 1") == {"next": 1}


@pytest.mark.parametrize(
    "source",
    [
        "hoard = []\nwhile True: hoard.append(bytearray(1024 ** 2))",
        "b'x' * 10 ** 10",
        "import mmap\nhoard = [mmap.mmap(-1, 1024 ** 2) for _ in range(10 ** 6)]",
    ],
)
async def test_inv_19_memory_is_bounded(sandbox: ForkServerSandbox, source: str) -> None:
    limits = JobLimits(seconds=30, memory_bytes=100 * MIB)

    with pytest.raises(JobKilled) as caught:
        await find(sandbox, source, limits)

    # mmap speaks of its own error where Python's allocator has a MemoryError.
    assert "its limit of 100 MiB" in str(caught.value) or "Cannot allocate" in str(caught.value)


async def test_inv_19_memory_below_the_limit_is_there(sandbox: ForkServerSandbox) -> None:
    limits = JobLimits(seconds=30, memory_bytes=100 * MIB)

    found = await find(sandbox, "found['size'] = len(bytearray(80 * 1024 ** 2))", limits)

    assert found == {"size": 80 * MIB}


async def test_inv_19_printed_output_is_bounded(sandbox: ForkServerSandbox) -> None:
    source = """
    import os, sys
    block = "x" * (1024 ** 2 - 1)
    for _ in range(1024):
        print(block)
        sys.stderr.write("")
    os.write(1, b"into nothing")
    print("the end")
    """

    async with sandbox.run(TENANT, source_job(source)) as result:
        assert result.printed.endswith("x\nthe end\n")
        assert len(result.printed) <= PRINTED_BYTES


async def test_inv_19_result_is_bounded(sandbox: ForkServerSandbox) -> None:
    source = """
    result.begin({})
    piece = bytes(1024 ** 2)
    result.part("huge", {}, (piece for _ in range(1024)))
    """
    limits = JobLimits(seconds=30, output_bytes=16 * MIB)

    with pytest.raises(JobKilled, match="its result is larger than its limit of 16 MiB"):
        await find(sandbox, source, limits)


async def test_inv_19_gigabyte_of_noise_is_no_result(sandbox: ForkServerSandbox) -> None:
    source = """
    import os
    for _ in range(1024):
        os.write(3, bytes(1024 ** 2))
    """

    with pytest.raises(JobKilled, match="is no result: there are no frames of kind 0"):
        await find(sandbox, source)


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        """
        import signal
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
        """
        import threading
        for _ in range(8):
            attempt("thread", threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start)
        [None for _ in iter(int, 1)]
        """,
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
        "import re\nre.match('(a+)+$', 'a' * 64 + 'b')",
        "import time\ntime.sleep(3600)",
    ],
)
async def test_inv_19_time_is_bounded(sandbox: ForkServerSandbox, source: str) -> None:
    begun = time.monotonic()

    with pytest.raises(JobKilled, match=r"it ran longer than its limit of 0\.3 s"):
        await find(sandbox, source, JobLimits(seconds=0.3))

    assert time.monotonic() - begun < PROMPT_SECONDS


async def test_inv_19_files_of_a_job_are_bounded(sandbox: ForkServerSandbox) -> None:
    source = """
    import os
    size = 0
    try:
        with open("large", "wb") as file:
            for _ in range(200):
                size += file.write(bytes(1024 ** 2))
    except OSError as error:
        found["error"] = error.strerror
    found["size"] = size
    found["open"] = 0
    files = []
    try:
        while True:
            files.append(open(str(len(files)), "w"))
    except OSError as error:
        found["too many"] = error.strerror
    """

    found = await find(sandbox, source)

    assert found["error"] in {"File too large", "No space left on device"}
    assert found["size"] <= 64 * MIB
    assert found["too many"] == "Too many open files"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\nos._exit(3)", "with status 3 before it gave a result"),
        ("import sys\nsys.exit(4)", "before it gave a result: SystemExit: 4"),
        ("import ctypes\nctypes.string_at(1)", "ended by SIGSEGV"),
        ("import os\nos.abort()", "ended by SIG"),
        ("import os\nos.close(3)", "before it gave a result"),
        ("import os\nos.closerange(0, 100)\nwhile True: pass", "before it gave a result"),
        ("import os, socket\nsocket.socket(fileno=3).shutdown(2)", "before it gave a result"),
        ("result.end('no header')", "is no result: it has no header"),
        ("result.begin({})\nresult.begin({})", "is no result: it has two headers"),
        ("raise Exception('x' * 10000 + 'end')", "before it gave a result: Exception: xxx"),
    ],
)
async def test_code_that_ends_itself_is_told_how(
    sandbox: ForkServerSandbox, source: str, message: str
) -> None:
    with pytest.raises(JobKilled) as caught:
        await find(sandbox, source)

    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "payload", [b"[" * 60000, b"\xff\xfe", b"[]", b'{"a":' * 10000, b"1" * 60000, b""]
)
async def test_header_that_is_no_object_harms_nobody(
    strongest: ForkServerSandbox, payload: bytes
) -> None:
    source = """
    import os, struct
    payload = bytes.fromhex(given["payload"])
    os.write(3, struct.pack("!BI", given["kind"], len(payload)) + payload)
    """

    with pytest.raises(JobKilled, match="is no result"):
        await find(strongest, source, payload=payload.hex(), kind=Kind.HEADER)


async def test_forged_result_is_taken_as_any_other_and_ends_the_job(
    sandbox: ForkServerSandbox,
) -> None:
    source = """
    import time
    result.begin({"forged": True})
    result.end("")
    time.sleep(3600)
    """

    assert await find(sandbox, source) == {"forged": True}


async def test_cancelled_job_is_gone_at_once() -> None:
    async with opened(options(*STRONGEST_FIRST, LIMITS_ONLY, jobs=1)) as sandbox:
        await find(sandbox, "pass")
        loop = asyncio.create_task(find(sandbox, "while True: pass"))
        await asyncio.sleep(0.2)

        loop.cancel()
        # There is one slot, which is free when the fork is gone.
        begun = time.monotonic()
        await find(sandbox, "pass")

        assert time.monotonic() - begun < 1
        assert loop.cancelled()


async def test_no_more_jobs_run_than_may() -> None:
    source = """
    import time
    found["from"] = time.monotonic()
    time.sleep(0.1)
    found["to"] = time.monotonic()
    """
    async with opened(options(*STRONGEST_FIRST, LIMITS_ONLY, jobs=2)) as sandbox:
        spans = await asyncio.gather(*(find(sandbox, source) for _ in range(7)))

    moments = sorted([(span["from"], 1) for span in spans] + [(span["to"], -1) for span in spans])
    living = [sum(change for _, change in moments[: index + 1]) for index in range(len(moments))]
    assert max(living) == 2


async def test_time_that_a_source_takes_is_not_the_jobs(strongest: ForkServerSandbox) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.2)
            yield b"x"

    job = source_job("found['parts'] = [len(content) for _, content in job.parts()]")
    limits = JobLimits(seconds=0.6)

    async with strongest.run(TENANT, with_part(job, slow(), limits)) as result:
        assert result.header == {"parts": [4]}


def with_part(job: Job, content: bytes | AsyncIterator[bytes], limits: JobLimits) -> Job:
    return replace(job, parts=[JobPart("part", content)], limits=limits)
