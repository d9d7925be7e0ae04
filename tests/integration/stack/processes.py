"""Looks at the processes of a data directory from outside, and makes users of it."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
)
from temporalio.service import ConnectConfig, ServiceClient

from tests.sources import ROOT

USER = Path(__file__).with_name("user_process.py")


@dataclass(frozen=True)
class Census:
    """Who lives in a data directory."""

    keepers: frozenset[int]
    servers: frozenset[int]

    @property
    def is_empty(self) -> bool:
        return not self.keepers and not self.servers


def census(home: Path) -> Census:
    """Count the keepers of a home, and the processes that have its Temporal file open."""
    shown = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=,command="], capture_output=True, text=True, check=True
    )
    keepers, servers = set(), set()
    for line in shown.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        if f"workers.keeper --home {home} " in command and "/bin/sh" not in command:
            keepers.add(int(pid))
        elif f"--db-filename {home / 'temporal.db'}" in command and "/bin/sh" not in command:
            servers.add(int(pid))
    return Census(frozenset(keepers), frozenset(servers))


def openers(home: Path) -> frozenset[int]:
    """Find the servers of a home that have its SQLite file open right now."""
    return frozenset(pid for pid in census(home).servers if _has_open(pid, home / "temporal.db"))


async def describe_namespace(address: str) -> DescribeNamespaceResponse:
    """Ask the server at an address for its namespace."""
    client = await ServiceClient.connect(ConnectConfig(address))
    return await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )


class User:
    """Another process that has the stack open."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, home: Path, idle_seconds: float) -> "User":
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(USER), str(home), str(idle_seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**dict(os.environ), "PYTHONPATH": str(ROOT)},  # noqa: TID251 - for a child
        )
        return cls(process)

    async def address(self) -> str:
        """Wait until the stack is open."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        return str(json.loads(line)["temporal_address"])

    async def close(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), 30) == 0

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.process.wait()


def _has_open(pid: int, file: Path) -> bool:
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
        return any(os.path.realpath(entry) == str(file) for entry in entries)
    except OSError:
        return False
