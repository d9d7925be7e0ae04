"""Attempts as a worker makes them, and activities whose effects the tests control."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities.base import ActivityWrapper, Work
from schema.activities import NodeOutput, Nothing
from schema.contracts import ActivityContract, Role
from schema.envelope import ActivityCall, ActivityReturn
from schema.facts import NodeStarted
from schema.runs import RunRef
from schema.values.encoding import to_wire
from schema.values.segments import Segment
from tests.integration.db.facts import started

Effect = Callable[[Work], Awaitable[NodeOutput]]

NODE = ActivityContract(
    name="test-node",
    input_type=Nothing,
    output_type=NodeOutput,
    role=Role.IO,
    start_to_close=timedelta(minutes=1),
)


class Node:
    """An activity that executes a node; it counts how often its effect began."""

    def __init__(self, effect: Effect, contract: ActivityContract[Any, Any] = NODE) -> None:
        self._effect = effect
        self.starts: list[int] = []
        self.cancelled = 0
        self.contract = contract

    async def __call__(self, _params: Nothing, work: Work) -> NodeOutput:
        self.starts.append(work.start)
        try:
            return await self._effect(work)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Attempt:
    """One Temporal attempt on its way."""

    def __init__(self, wrapper: ActivityWrapper, node: Node, call: ActivityCall[Any]) -> None:
        self._environment = ActivityEnvironment()
        self._environment.info = dataclasses.replace(
            self._environment.info, activity_id="a1", workflow_run_id="T1"
        )
        self.task: asyncio.Future[ActivityReturn[Any]] = asyncio.ensure_future(
            self._environment.run(wrapper.wrap(node), call)
        )

    def cancel(self, **why: bool) -> None:
        """Cancel it as a worker does, with Temporal's reasons."""
        self._environment.cancel(ActivityCancellationDetails(**why))

    async def answer(self, seconds: float = 10) -> ActivityReturn[Any]:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(self.task)


def a_call(run: RunRef, **fields: Any) -> ActivityCall[Any]:
    node = started(run_id=run.run_id)
    assert isinstance(node, NodeStarted)
    return ActivityCall[Nothing](run=run, node=node, path="n", params=Nothing(), **fields)


def begin(wrapper: ActivityWrapper, node: Node, run: RunRef, **fields: Any) -> Attempt:
    return Attempt(wrapper, node, a_call(run, **fields))


async def attempt(
    wrapper: ActivityWrapper, node: Node, run: RunRef, **fields: Any
) -> ActivityReturn[Any]:
    """One attempt to its end."""
    return await begin(wrapper, node, run, **fields).answer(30)


def giving(value: Any) -> Effect:
    async def effect(_work: Work) -> NodeOutput:
        return NodeOutput(outputs={"v": to_wire(Segment.infer(value))})

    return effect


def raising(error: Exception) -> Effect:
    async def effect(_work: Work) -> NodeOutput:
        raise error

    return effect


class Gate:
    """An effect that begins, says so, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.open = asyncio.Event()

    async def effect(self, _work: Work) -> NodeOutput:
        self.begun.set()
        await self.open.wait()
        return NodeOutput(metadata={"done": True})

    async def until_begun(self) -> None:
        async with asyncio.timeout(10):
            await self.begun.wait()
