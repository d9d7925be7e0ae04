import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.errors import SetupError
from workers.file_lock import FileLock, is_locked
from workers.worker_lock import WorkerLock

HOLDER = """
import sys, time
from pathlib import Path
from workers.worker_lock import WorkerLock
lock = WorkerLock(Path(sys.argv[1]))
assert lock.try_acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_shared_holds_exclude_only_an_exclusive_one(tmp_path: Path) -> None:
    one, two, third = (FileLock(tmp_path / "lock") for _ in range(3))

    assert one.try_shared()
    assert two.try_shared()
    assert not third.try_exclusive()
    one.release()
    two.release()
    assert third.try_exclusive()
    assert not one.try_shared()


def test_looking_at_a_lock_does_not_take_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    lock = FileLock(path)
    lock.try_exclusive()

    assert is_locked(path)
    lock.release()
    assert not is_locked(path)


def test_a_child_that_inherits_the_descriptor_holds_the_lock_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = FileLock(path)
    assert lock.try_exclusive()

    child = subprocess.Popen(["sleep", "60"], stdin=lock.descriptor)
    lock.release()

    assert is_locked(path)
    child.kill()
    child.wait(10)
    assert not is_locked(path)


@pytest.mark.anyio
async def test_waiting_for_a_lock_is_bounded(tmp_path: Path) -> None:
    holder, waiter = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert holder.try_exclusive()

    with pytest.raises(SetupError, match="Another process holds"):
        await waiter.exclusive(0.1)
    assert not waiter.is_held


@pytest.fixture
def other_worker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is the worker of the directory."""
    (tmp_path / "locks").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


@pytest.mark.anyio
async def test_a_killed_worker_makes_way_for_the_one_that_waits(
    tmp_path: Path, other_worker: subprocess.Popen[str]
) -> None:
    lock = WorkerLock(tmp_path)
    assert not lock.try_acquire()

    os.kill(other_worker.pid, signal.SIGKILL)

    async with asyncio.timeout(10):
        await lock.acquire()
    assert lock.is_held
    lock.release()
