"""Fork servers come when they are needed, go when they are not, and may die at any time."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST, Isolation
from activities.sandbox.server_process import KILL_SECONDS
from schema.errors import IsolationMissing, SandboxUnavailable
from tests.integration.sandbox.running import (
    TENANT,
    allowed,
    find,
    opened,
    options,
    source_job,
)

pytestmark = pytest.mark.anyio

ANY = (*STRONGEST_FIRST, LIMITS_ONLY)
ROOT = Path(__file__).parents[3]


async def happens(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until a condition holds; False if it never did."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True


def is_alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def descendants(process: int) -> set[int]:
    """Every process below one, by the parents that the kernel tells."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found: set[int] = set()
    waiting = [process]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


async def test_no_server_is_started_before_the_first_job() -> None:
    async with opened(options(*ANY)) as sandbox:
        await sandbox.wait_until_available()

        assert sandbox.server_process_ids() == {}


async def test_each_tenant_has_a_server_of_its_own() -> None:
    async with opened(options(*ANY)) as sandbox:
        for tenant in ("one", "other", "one"):
            async with sandbox.run(tenant, source_job("pass")):
                pass

        servers = sandbox.server_process_ids()

    assert set(servers) == {"one", "other"}
    assert len(set(servers.values())) == 2


async def test_lost_server_is_an_outage_for_its_jobs_and_replaced_for_the_next(
    sandbox: ForkServerSandbox,
) -> None:
    await find(sandbox, "pass")
    server = sandbox.server_process_ids()[TENANT]
    forked = asyncio.create_task(find(sandbox, "while True: pass"))
    await find(sandbox, "pass")
    family = descendants(server)

    os.kill(server, signal.SIGKILL)

    with pytest.raises(SandboxUnavailable):
        await forked
    assert await happens(lambda: not any(map(is_alive, family)))
    assert await find(sandbox, "found['next'] = 1") == {"next": 1}
    assert sandbox.server_process_ids()[TENANT] != server


async def test_server_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.sandbox.server_process.START_SECONDS", 0.3)
    async with opened(options(LIMITS_ONLY)) as sandbox:
        await find(sandbox, "pass")
        server = sandbox.server_process_ids()[TENANT]
        os.kill(server, signal.SIGSTOP)

        with pytest.raises(SandboxUnavailable):
            await find(sandbox, "pass")

        assert await find(sandbox, "found['next'] = 1") == {"next": 1}
        assert await happens(lambda: not is_alive(server))


async def test_nothing_outlives_a_killed_worker(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(
        textwrap.dedent("""
        import asyncio, sys
        from activities.sandbox.fork_server_sandbox import ForkServerSandbox
        from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
        from tests.integration.sandbox.running import find, options

        async def main():
            sandbox = ForkServerSandbox(options(*STRONGEST_FIRST, LIMITS_ONLY))
            await find(sandbox, "pass")
            loop = asyncio.create_task(find(sandbox, "while True: pass"))
            await find(sandbox, "pass")
            print("working", flush=True)
            await loop

        asyncio.run(main())
        """)
    )
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, script),
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"working\n"
    family = descendants(worker.pid)

    worker.kill()
    await worker.wait()

    assert len(family) >= 2
    assert await happens(lambda: not any(map(is_alive, family)))


async def test_closing_ends_every_process() -> None:
    sandbox = ForkServerSandbox(options(*ANY))
    loop = asyncio.create_task(find(sandbox, "while True: pass"))
    await find(sandbox, "pass")
    family = set(sandbox.server_process_ids().values())
    family |= {each for server in family for each in descendants(server)}

    await sandbox.close()

    with pytest.raises(SandboxUnavailable):
        await loop
    assert await happens(lambda: not any(map(is_alive, family)))
    with pytest.raises(SandboxUnavailable, match="closed"):
        await find(sandbox, "pass")


async def test_idle_server_ends() -> None:
    async with opened(options(*ANY, idle_seconds=0.1)) as sandbox:
        await find(sandbox, "pass")
        server = sandbox.server_process_ids()[TENANT]

        assert await happens(lambda: not is_alive(server))
        assert await find(sandbox, "found['next'] = 1") == {"next": 1}


async def test_longest_idle_server_makes_room_for_another_tenant() -> None:
    async with opened(options(*ANY, jobs=1, servers=2)) as sandbox:
        for tenant in ("first", "second", "first", "third"):
            async with sandbox.run(tenant, source_job("pass")):
                pass

        assert set(sandbox.server_process_ids()) == {"first", "third"}


@pytest.mark.parametrize("cancelled_after", [0.0, 0.001, 0.01, 0.05])
async def test_cancelled_start_leaves_the_tenant_usable(cancelled_after: float) -> None:
    async with opened(options(*ANY, jobs=1)) as sandbox:
        starting = asyncio.create_task(find(sandbox, "pass"))
        await asyncio.sleep(cancelled_after)
        starting.cancel()
        await asyncio.wait({starting})

        assert await find(sandbox, "found['next'] = 1") == {"next": 1}


async def test_no_acceptable_way_to_isolate_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    nothing = SandboxOptions(ways=STRONGEST_FIRST[:2])

    async with opened(nothing) as sandbox:
        with pytest.raises(IsolationMissing) as caught:
            await sandbox.wait_until_available()

    assert "bubblewrap is not installed" in str(caught.value)
    assert "To do: install bubblewrap" in str(caught.value)


async def test_bubblewrap_that_does_not_work_gives_way_to_what_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no permission >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    async with opened(options(*ANY)) as sandbox:
        assert (await sandbox.wait_until_available()).shell != "bubblewrap"

    async with opened(options(*STRONGEST_FIRST[:1])) as sandbox:
        with pytest.raises(IsolationMissing, match="no permission"):
            await sandbox.wait_until_available()


async def test_jobs_never_meet_an_infrastructure_error() -> None:
    """A tenth of what `make faults` runs."""
    await run_many(1000)


async def run_many(count: int) -> None:
    async with opened(options(*ANY)) as sandbox:
        numbers = iter(range(count))

        async def work() -> int:
            done = 0
            for number in numbers:
                found = await find(sandbox, "found['square'] = given['n'] ** 2", n=number)
                assert found == {"square": number**2}
                done += 1
            return done

        done = await asyncio.gather(*(work() for _ in range(8)))

    assert sum(done) == count


@pytest.mark.parametrize("way", STRONGEST_FIRST, ids=lambda way: way.name)
@pytest.mark.skipif(os.geteuid() != 0, reason="every other test runs as a plain user here")
def test_worker_of_a_plain_user_isolates_in_the_same_ways(way: Isolation) -> None:
    python = next(filter(is_open_to_all, ("/usr/local/bin/python3", "/usr/bin/python3")), None)
    if python is None:
        pytest.skip("no Python from 3.11 on that every user may run")
    script = textwrap.dedent("""
        import asyncio, json, sys
        sys.path.insert(0, sys.argv[1])
        from activities.sandbox.isolation import STRONGEST_FIRST
        from schema.errors import IsolationMissing
        from tests.integration.sandbox.running import find, opened, options

        SOURCE = '''
        import os
        attempt("passwd", open, "/etc/passwd")
        attempt("parent", os.kill, os.getppid() or 2, 0)
        attempt("fork", os.fork)
        '''

        async def main():
            way = STRONGEST_FIRST[int(sys.argv[2])]
            async with opened(options(way)) as sandbox:
                try:
                    print(json.dumps(await find(sandbox, SOURCE)))
                except IsolationMissing as error:
                    print(json.dumps({"missing": str(error)}))

        asyncio.run(main())
    """)

    ended = subprocess.run(
        [python, "-c", script, ROOT, str(STRONGEST_FIRST.index(way))],
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        env={"TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    if "missing" in found:
        pytest.skip(found["missing"])
    assert len(found) == 3
    assert not allowed(found)


def is_open_to_all(python: str) -> bool:
    """Whether a plain user could run our sources with it."""
    if not Path(python).exists():
        return False
    check = "import sys; sys.exit(sys.version_info < (3, 11) or open(sys.argv[1]).close())"
    command = [python, "-c", check, str(ROOT / "activities/__init__.py")]
    return subprocess.run(command, user=65534, capture_output=True, check=False).returncode == 0


async def test_an_event_loop_that_stood_still_does_not_cost_the_server(
    strongest: ForkServerSandbox,
) -> None:
    await find(strongest, "")
    before = strongest.server_process_ids()
    await find(strongest, "")  # its process is being ended
    time.sleep(KILL_SECONDS + 0.5)  # noqa: ASYNC251 # what a large value does
    await find(strongest, "")

    assert strongest.server_process_ids() == before
