"""The keeper and its server under crashes of everybody, with the real Temporal dev server."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.service import ConnectConfig, RPCError, ServiceClient

from schema.errors import DataDirectoryInUse, DevServerUnavailable
from schema.search_attributes import SEARCH_ATTRIBUTES
from schema.settings import Settings
from tests.integration.stack.processes import User, census, describe_namespace, openers
from tests.waiting import until
from workers.data_directory import DataDirectory, join
from workers.file_lock import is_locked
from workers.server_process import STOP_SECONDS, ServerProcess
from workers.server_record import read_record
from workers.stack import open_stack

IDLE_SECONDS = 0.4
LEFT_SECONDS = IDLE_SECONDS + 3 * STOP_SECONDS
"""After this, nothing of a data directory may live any more, however busy the machine is: a server
has `STOP_SECONDS` to end by itself before it is killed."""

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data directory to be; what still lives in it at the end is killed and reported."""
    home = tmp_path / "home"
    yield home
    left = census(home)
    kill(left.keepers | left.servers)
    assert left.is_empty


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home, keeper_idle_seconds=IDLE_SECONDS, temporal_address=None)


@contextlib.asynccontextmanager
async def one_opener(home: Path) -> AsyncIterator[None]:
    """Check again and again that at most one server has the file open.

    On a busy machine a short block may end between two looks: it looks by itself, too.
    """
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(await asyncio.to_thread(openers, home)))
            await asyncio.sleep(0.05)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
    assert most <= 1


def kill(pids: Iterable[int]) -> None:
    """End processes as a crash would."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def until_it_answers(address: str) -> None:
    """Wait for a server that has its file open, but may not listen yet."""
    async with asyncio.timeout(LEFT_SECONDS):
        while True:
            with contextlib.suppress(RuntimeError, RPCError):
                await describe_namespace(address)
                return
            await asyncio.sleep(0.05)


async def nothing_left(home: Path) -> None:
    await until(lambda: census(home).is_empty, LEFT_SECONDS)


async def test_two_users_share_one_server_and_nothing_is_left_after_them(
    settings: Settings,
) -> None:
    async with open_stack(settings) as one, open_stack(settings) as two:
        assert one == two
        assert one.is_embedded
        living = census(settings.home)

    assert (len(living.keepers), len(living.servers)) == (1, 1)
    await nothing_left(settings.home)


async def test_retention_and_search_attributes_are_set_when_the_stack_is_open(
    settings: Settings,
) -> None:
    async with open_stack(settings) as stack:
        namespace = await describe_namespace(stack.temporal_address)
        client = await ServiceClient.connect(ConnectConfig(stack.temporal_address))
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=stack.namespace)
        )

    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta().days == 30
    assert known.custom_attributes.keys() >= SEARCH_ATTRIBUTES.keys()
    await nothing_left(settings.home)


async def test_addresses_survive_a_restart_on_the_same_file(settings: Settings) -> None:
    async with open_stack(settings) as before:
        identity = (await describe_namespace(before.temporal_address)).namespace_info.id
    await nothing_left(settings.home)

    async with open_stack(settings) as after:
        assert after == before
        assert (await describe_namespace(after.temporal_address)).namespace_info.id == identity
    await nothing_left(settings.home)


async def test_a_killed_server_is_started_again_at_the_same_address(settings: Settings) -> None:
    file = DataDirectory(settings.home).server_file
    async with one_opener(settings.home), open_stack(settings) as stack:
        (server,) = census(settings.home).servers

        os.kill(server, signal.SIGKILL)

        await until(lambda: (record := read_record(file)) and record.pid not in (None, server))
        record = read_record(file)
        assert record is not None
        assert record.address == stack.temporal_address
        assert openers(settings.home) == {record.pid}
        await describe_namespace(stack.temporal_address)
    await nothing_left(settings.home)


async def test_a_killed_keeper_is_replaced_by_one_that_takes_the_server_over(
    settings: Settings,
) -> None:
    async with one_opener(settings.home), open_stack(settings) as stack:
        before = census(settings.home)
        (keeper,) = before.keepers

        os.kill(keeper, signal.SIGKILL)

        await until(lambda: census(settings.home).keepers - before.keepers)
        assert openers(settings.home) == census(settings.home).servers == before.servers
        await describe_namespace(stack.temporal_address)
    await nothing_left(settings.home)


async def test_an_orphan_of_killed_owners_is_taken_over_by_the_next_command(
    settings: Settings,
) -> None:
    user = await User.start(settings.home, idle_seconds=60)
    address = await user.address()
    before = census(settings.home)
    await user.kill()  # first: it would replace the keeper
    kill(before.keepers)

    async with one_opener(settings.home), open_stack(settings) as stack:
        assert stack.temporal_address == address
        assert openers(settings.home) == census(settings.home).servers == before.servers
    await nothing_left(settings.home)


async def test_a_user_that_ends_just_after_the_keeper_was_killed_leaves_nothing(
    settings: Settings,
) -> None:
    keeper_lock = DataDirectory(settings.home).lock_file("keeper")
    async with open_stack(settings), open_stack(settings):
        kill(census(settings.home).keepers)
        await until(lambda: not is_locked(keeper_lock))

    await nothing_left(settings.home)


async def test_everything_killed_at_once_blocks_nothing(settings: Settings) -> None:
    user = await User.start(settings.home, idle_seconds=60)
    address = await user.address()
    before = census(settings.home)
    kill({user.process.pid})  # first: it would replace the keeper
    kill(before.keepers | before.servers)
    await user.process.wait()

    async with open_stack(settings) as stack:
        assert stack.temporal_address == address
        assert not census(settings.home).servers & before.servers
    await nothing_left(settings.home)


async def test_users_survive_random_kills_of_keeper_server_and_each_other(
    settings: Settings,
) -> None:
    dice = random.Random(3)
    async with one_opener(settings.home):
        users = [await User.start(settings.home, IDLE_SECONDS) for _ in range(6)]
        addresses = {await user.address() for user in users}
        victims = dice.sample(users, 2)
        for _ in range(3):
            living = census(settings.home)
            kill(dice.sample(sorted(living.keepers | living.servers), 1))
            await asyncio.gather(*(user.kill() for user in victims[:1]))
            del victims[:1]
            await until(lambda: census(settings.home).keepers and openers(settings.home))
        (address,) = addresses
        await until_it_answers(address)
        for user in users:
            if user.process.returncode is None:
                await user.close()
    await nothing_left(settings.home)


async def test_a_foreign_process_with_a_recorded_pid_is_neither_used_nor_ended(
    settings: Settings,
) -> None:
    directory = DataDirectory(settings.home)
    directory.create()
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    directory.lock_file("server").write_text(f"{stranger.pid}\n")
    directory.server_file.write_text(
        f'{{"version": "0.1.0", "port": 1, "ui_port": 2, "http_port": 3, "pid": {stranger.pid}}}'
    )
    lock = directory.lock("server")
    assert lock.try_exclusive()

    assert ServerProcess.find(directory) is None
    ServerProcess(directory, stranger.pid).stop()
    lock.release()
    directory.server_file.unlink()
    async with open_stack(settings) as stack:
        await describe_namespace(stack.temporal_address)

    await nothing_left(settings.home)
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_another_version_is_refused_while_the_directory_is_in_use(
    settings: Settings,
) -> None:
    async with open_stack(settings):
        with pytest.raises(DataDirectoryInUse):
            await join(DataDirectory(settings.home), "0.0.1")
    await nothing_left(settings.home)


async def test_the_keeper_of_another_version_makes_way_at_once(home: Path) -> None:
    async with open_stack(Settings(home=home, keeper_idle_seconds=60, temporal_address=None)):
        pass

    (await join(DataDirectory(home), "0.0.1")).release()

    await nothing_left(home)


async def test_a_deleted_data_directory_takes_its_server_with_it(settings: Settings) -> None:
    async with open_stack(settings):
        before = census(settings.home)
        shutil.rmtree(settings.home)
        await until(lambda: not census(settings.home).servers & before.servers)
    await nothing_left(settings.home)


async def test_a_server_that_cannot_start_is_reported_with_what_it_said(
    settings: Settings,
) -> None:
    directory = DataDirectory(settings.home)
    directory.create()
    directory.temporal_file.write_bytes(b"this is no database" * 1000)

    with pytest.raises(DevServerUnavailable, match="file is not a database") as raised:
        async with open_stack(settings):
            pass

    assert str(directory.server_log) in raised.value.remedy
    directory.temporal_file.unlink()
    async with open_stack(settings):
        pass
    await nothing_left(settings.home)


async def test_an_address_starts_nothing(home: Path) -> None:
    settings = Settings(home=home, temporal_address="temporal.example:7233")

    async with open_stack(settings) as stack:
        assert stack.temporal_address == "temporal.example:7233"
        assert not stack.is_embedded
        assert stack.run_url("run-1") is None

    assert census(home).is_empty


async def test_a_terminated_keeper_takes_its_server_along(settings: Settings) -> None:
    user = await User.start(settings.home, idle_seconds=60)
    await user.address()
    await user.kill()
    (keeper,) = census(settings.home).keepers

    os.kill(keeper, signal.SIGTERM)

    await nothing_left(settings.home)
