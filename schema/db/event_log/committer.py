"""Groups a process's commits: requests that wait at the same time share one transaction.

One transaction runs at a time; what arrives meanwhile is the next group. Inside a group the
requests are in order of run id, so that two processes lock rows in the same order.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from schema.db.engine import Database, Job, is_deadlock
from schema.errors import DatabaseUnavailable

T = TypeVar("T")

MAX_GROUP = 64
"""Requests in one transaction."""
MAX_DEADLOCK_RETRIES = 5


@dataclass(frozen=True, slots=True)
class _Committed:
    result: Any


@dataclass(frozen=True, slots=True)
class _Request:
    run_id: str
    job: Job[Any]
    answer: "asyncio.Future[_Committed | None]"
    """None: the group failed, and the caller is to run its job alone."""


class GroupCommitter:
    """Runs jobs of many callers in shared transactions.

    Args:
        database: Where to.
        committed: Called with the run ids of each committed group, before its callers go on.
    """

    def __init__(self, database: Database, committed: Callable[[Sequence[str]], None]) -> None:
        self._database = database
        self._committed = committed
        self._waiting: deque[_Request] = deque()
        self._drainer: asyncio.Task[None] | None = None

    async def commit(self, run_id: str, job: Job[T]) -> T:
        """Run a job of one run and wait until it is committed.

        A job may run again if its group failed, so it must have no effect outside the transaction.

        Raises:
            DatabaseUnavailable: If the database is away; then it is unknown whether it was
            committed.
        """
        answer: asyncio.Future[_Committed | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(run_id, job, answer))
        if self._drainer is None:
            self._drainer = asyncio.create_task(self._drain())
        committed = await answer
        if committed is None:
            return await self.commit_alone(run_id, job)
        result: T = committed.result
        return result

    async def commit_alone(self, run_id: str, job: Job[T]) -> T:
        """Run a job of one run in a transaction of its own.

        For jobs that lock rows that runs share: in a group they would hold the locks of other runs
        meanwhile, and two groups could wait for each other.

        Raises:
            DatabaseUnavailable: If the database is away.
        """
        for _ in range(MAX_DEADLOCK_RETRIES):
            try:
                result = await self._database.write(job)
            except DBAPIError as error:
                if not is_deadlock(error):
                    raise
            else:
                self._committed([run_id])
                return result
        raise DatabaseUnavailable(f"{MAX_DEADLOCK_RETRIES} deadlocks in a row.")

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._commit_group(self._take())
        finally:
            self._drainer = None
            for request in self._waiting:
                request.answer.cancel()
            self._waiting.clear()

    def _take(self) -> list[_Request]:
        group: list[_Request] = []
        while self._waiting and len(group) < MAX_GROUP:
            request = self._waiting.popleft()
            if not request.answer.done():
                group.append(request)
        group.sort(key=attrgetter("run_id"))
        return group

    async def _commit_group(self, group: list[_Request]) -> None:
        if not group:
            return
        # As a value: an error of one caller must neither end the drainer nor reach the others.
        writing = self._database.write(lambda connection: _run(group, connection))
        results = (await asyncio.gather(writing, return_exceptions=True))[0]
        if not isinstance(results, BaseException):
            self._committed([request.run_id for request in group])
            for request, result in zip(group, results, strict=True):
                _settle(request, _Committed(result))
        elif isinstance(results, DatabaseUnavailable) or (len(group) == 1 and not _lost(results)):
            for request in group:
                if not request.answer.done():
                    request.answer.set_exception(results)
        else:
            # Whose fault it was shows when each runs alone.
            for request in group:
                _settle(request, None)


def _run(group: Sequence[_Request], connection: Connection) -> list[Any]:
    return [request.job(connection) for request in group]


def _settle(request: _Request, committed: _Committed | None) -> None:
    if not request.answer.done():
        request.answer.set_result(committed)


def _lost(error: BaseException) -> bool:
    return isinstance(error, DBAPIError) and is_deadlock(error)
