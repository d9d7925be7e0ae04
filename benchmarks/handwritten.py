"""The yardstick: what a Temporal engineer would write by hand for the graphs of `graphs.py`."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.handwritten_rows import Step, Task

_LIMIT = timedelta(seconds=5)
_WAIT = timedelta(seconds=60)


@workflow.defn
class HandWritten:
    """The graphs as plain code; rows of nodes and the terminal row in one local activity."""

    @workflow.run
    async def run(self, task: Task) -> str:
        """Run one graph and give its output."""
        if task.activities:
            await workflow.execute_local_activity(
                "begin", args=[task.run_id, task.text], start_to_close_timeout=_LIMIT
            )
        steps = [_step("start", task.text)]
        for number in range(task.activities):
            text = await workflow.execute_activity("work", task.text, start_to_close_timeout=_LIMIT)
            steps.append(_step(f"activity {number}", text))
        for number in range(task.size if task.shape == "http" else 0):
            text = await workflow.execute_activity(
                "request", args=[task.run_id, number, task.url], start_to_close_timeout=_WAIT
            )
            steps.append(_step(f"http {number}", text))
        output = _SHAPES[task.shape](task, steps)
        steps.append(_step("end", output))
        await workflow.execute_local_activity(
            "finish", args=[task.run_id, steps, output], start_to_close_timeout=_LIMIT
        )
        return output


@workflow.defn
class Bare:
    """Two activities without any effect: what server and SDK cost alone on this machine."""

    @workflow.run
    async def run(self) -> str:
        """Ask twice for nothing."""
        text = ""
        for _ in range(2):
            text = await workflow.execute_activity("work", text, start_to_close_timeout=_LIMIT)
        return text


def _step(name: str, output: str) -> Step:
    now = workflow.time()
    return Step(name, output, now, now)


def _branch(task: Task, steps: list[Step]) -> str:
    chosen = "contains" if "bench" in task.text else "else"
    steps.append(_step("if-else", chosen))
    steps.append(_step("aggregator", task.text))
    return task.text


def _chain(task: Task, steps: list[Step]) -> str:
    text = task.text
    for number in range(task.size):
        text = f"{text}"
        steps.append(_step(f"template {number}", text))
    return text


def _parallel(task: Task, steps: list[Step]) -> str:
    texts = [f"{number}{task.text}" for number in range(task.size)]
    steps += [_step(f"template {number}", text) for number, text in enumerate(texts)]
    return "".join(texts)


_SHAPES: dict[str, Callable[[Task, list[Step]], str]] = {
    "branch": _branch,
    "chain": _chain,
    "parallel": _parallel,
    "empty": lambda task, _steps: task.text,
    "http": lambda _task, steps: steps[-1].output,
}
