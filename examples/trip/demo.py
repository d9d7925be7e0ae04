"""`make demo`: run the export, kill its worker in the middle, and see what that costs: nothing.

The worker dies by SIGKILL while the ferry's answer is under way. Another process takes the run
over; what had finished is not done again, and the ferry sells one ticket.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from examples.trip.booking import Booking, serving

EXPORT = Path("examples/trip/trip.yml")
BUILD_SECONDS = 600.0
"""The first run may have to build a Temporal server."""
NODE_SECONDS = 30.0
END_SECONDS = 120.0
"""A lost worker is noticed when its heartbeats have been missing for 10 s."""
POLL_SECONDS = 0.2


class DemoFailed(Exception):
    """Something is not as this demo promises."""


def main() -> None:
    """Play it.

    Raises:
        DemoFailed: If the run does not end as if nothing had happened.
    """
    with serving() as booking:
        booking.ferry_answers.clear()
        holdfast = _Command(booking)
        worker = holdfast.start_run()
        _say(f"The run and its worker are process {worker.pid}; hotel and ferry are {booking.url}")
        _wait_for_ferry(booking, worker)
        run_id = holdfast.run_id()
        holdfast.wait_until_finished(run_id, "Ask for a room")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        _say(f"kill -9 {worker.pid}, while the ferry's answer is under way")
        booking.ferry_answers.set()
        _say(f"holdfast attach {run_id}")
        holdfast.attach(run_id)
        _report(holdfast.show(run_id), booking)


class _Command:
    """`holdfast` as a user calls it, with a peer on loopback that its guard lets pass."""

    def __init__(self, booking: Booking) -> None:
        self._booking = booking
        self._environment = {
            **os.environ,  # noqa: TID251 for child processes
            "HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.1/32",
        }

    def start_run(self) -> "subprocess.Popen[bytes]":
        inputs = ["-i", "name=Ada", "-i", "nights=3", "-i", "budget=300"]
        query = ["--query", "Can we go?", "--env", f"BOOKING_URL={self._booking.url}"]
        return subprocess.Popen(
            [*self._program("run"), str(EXPORT), *inputs, *query], env=self._environment
        )

    def run_id(self) -> str:
        return str(self._json("runs", "--limit", "1")["run_id"])

    def show(self, run_id: str) -> dict[str, Any]:
        return self._json("show", run_id)

    def wait_until_finished(self, run_id: str, title: str) -> None:
        deadline = time.monotonic() + NODE_SECONDS
        while time.monotonic() < deadline:
            nodes = self.show(run_id)["nodes"]
            if any(n["title"] == title and n["status"] == "succeeded" for n in nodes):
                return
            time.sleep(POLL_SECONDS)
        raise DemoFailed(f"{title!r} did not finish within {NODE_SECONDS:g} s.")

    def attach(self, run_id: str) -> None:
        code = subprocess.run(
            [*self._program("attach"), run_id], env=self._environment, timeout=END_SECONDS
        ).returncode
        if code != 0:
            raise DemoFailed(f"The run did not succeed: exit status {code}.")

    def _json(self, *arguments: str) -> dict[str, Any]:
        finished = subprocess.run(
            [*self._program(*arguments), "--json"],
            env=self._environment,
            stdout=subprocess.PIPE,
            timeout=END_SECONDS,
            check=True,
        )
        answer: dict[str, Any] = json.loads(finished.stdout)
        return answer

    def _program(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("holdfast")), *arguments]


def _wait_for_ferry(booking: Booking, worker: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + BUILD_SECONDS
    while not booking.ferry_was_asked.wait(POLL_SECONDS):
        if worker.poll() is not None:
            raise DemoFailed(f"The run ended early, with exit status {worker.returncode}.")
        if time.monotonic() > deadline:
            raise DemoFailed(f"The ferry was not asked within {BUILD_SECONDS:g} s.")


def _report(result: dict[str, Any], booking: Booking) -> None:
    """Show how often each node was started, and fail if something was done twice."""
    _say("How often each node began:")
    for node in result["nodes"]:
        began = max(node["effect_starts"], 1)
        _print(f"      {node['title']:<20}{node['node_type']:<22}{began}")
    rooms, ferries = booking.calls.count("/rooms"), booking.calls.count("/ferry")
    _print(f"    The hotel was asked {_times(rooms)}, the ferry {_times(ferries)}.")
    _print(f"    Tickets sold: {len(booking.tickets)}, as both calls had one idempotency key.")
    again = [n["title"] for n in result["nodes"] if n["effect_starts"] > 1]
    if again != ["Book the ferry"] or rooms != 1 or len(booking.tickets) != 1:
        raise DemoFailed(f"Something was done twice: {again}, {booking.calls}")
    _say("The worker died, the run did not: only what was in flight began again.")


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _say(text: str) -> None:
    _print(f"==> {text}")


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 this is a command


if __name__ == "__main__":
    try:
        main()
    except DemoFailed as failure:
        sys.exit(f"error: {failure}")
