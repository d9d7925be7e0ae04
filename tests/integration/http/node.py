"""Runs the activity of http-request nodes as the wrapper does, without Temporal or records."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from activities.base import Work
from activities.http_request import HttpRequestActivities
from activities.secrets import CallSecrets
from activities.tools.http_client import HttpClient
from activities.tools.remote_files import GuardedFiles
from activities.values import SpooledValue, ValueReader
from schema.activities import NodeInput, NodeOutput
from schema.db.artifacts import ArtifactFiles
from schema.limits import LimitsProfile
from schema.nodes import parse_node_data
from schema.plan import PlanNode
from schema.runs import RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import decode, from_wire, to_wire
from schema.values.files import File
from schema.values.large_values import reference_large
from schema.values.segments import Segment, SegmentType

KEY = "4b0cf8d2-0000-5000-8000-000000000001"
"""The idempotency key of every try."""
TENANT = "tenant"


@dataclass(frozen=True)
class Answered:
    """What a node gave."""

    outputs: Mapping[str, Any]
    log: str

    @property
    def file(self) -> File:
        (file,) = self.outputs["files"]
        assert isinstance(file, File)
        return file


class NodeRunner:
    """Executes nodes over variables of the node `n`."""

    def __init__(self, client: HttpClient, artifacts: ArtifactFiles) -> None:
        self.artifacts = artifacts
        self._activities = HttpRequestActivities(client, artifacts)
        self._remote_files = GuardedFiles(client)

    async def run(
        self,
        variables: Mapping[str, Any] | None = None,
        limits: LimitsProfile = LimitsProfile.DIFY,
        **data: Any,
    ) -> Answered:
        """Run a node; large variables are in the store, as in a run."""
        output = await self.send(variables, limits, **data)
        assert output.process_data is not None
        read = {name: await self._value(wire) for name, wire in output.outputs.items()}
        return Answered(read, from_wire(output.process_data["request"]))

    async def send(
        self,
        variables: Mapping[str, Any] | None = None,
        limits: LimitsProfile = LimitsProfile.DIFY,
        **data: Any,
    ) -> NodeOutput:
        """Give what the activity itself returned."""
        segments = {name: Segment.infer(value) for name, value in (variables or {}).items()}
        wires = tuple(
            [
                ("n", name, to_wire(await reference_large(segment, self.artifacts, TENANT)))
                for name, segment in segments.items()
            ]
        )
        node = PlanNode(id="http", public_id="http", data=parse_node_data(node_data(**data)))
        run = RunRef(run_id="run", tenant_id=TENANT)
        work = Work(
            run,
            1,
            ValueReader(self.artifacts, TENANT, remote_files=self._remote_files),
            CallSecrets(),
            KEY,
        )
        return await self._activities.send(
            NodeInput(node=node, variables=wires, limits=limits), work
        )

    async def stored(self, content: bytes, **fields: Any) -> File:
        """Put the content of a file into the store."""
        ref = await self.artifacts.put(TENANT, content, "x/y", "file", "")
        given = {"type": "custom", "transfer_method": "tool_file", **fields}
        return File.from_dict({"reference": ref.sha256, "size": len(content), **given})

    async def content(self, file: File) -> bytes:
        """Read a file back."""
        ref = ArtifactRef(file.reference or "", file.size, "", "file")
        return await self.artifacts.get(TENANT, ref)

    async def _value(self, wire: Any) -> Any:
        if isinstance(wire, SpooledValue):
            assert wire.type is SegmentType.STRING
            text = await asyncio.to_thread(wire.path.read_bytes)
            wire.path.unlink()
            return decode(text)
        segment = from_wire(wire)
        assert isinstance(segment, Segment)
        return segment.value


def node_data(**data: Any) -> dict[str, Any]:
    """A node's data as the editor writes it, but for what is given."""
    return {
        "type": "http-request",
        "title": "HTTP",
        "method": "get",
        "headers": "",
        "params": "",
        "authorization": {"type": "no-auth", "config": None},
        "body": {"type": "none", "data": []},
        "timeout": {"max_connect_timeout": 0, "max_read_timeout": 0, "max_write_timeout": 0},
        **data,
    }


def api_key(kind: str, key: str, header: str = "") -> dict[str, Any]:
    return {"type": "api-key", "config": {"type": kind, "api_key": key, "header": header}}


def body(kind: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "data": list(items)}


def text(value: str, key: str = "") -> dict[str, Any]:
    return {"id": "key-value-1", "key": key, "type": "text", "value": value}


def file(name: str, key: str = "") -> dict[str, Any]:
    return {"key": key, "type": "file", "value": "", "file": ["n", name]}


def secret(plaintext: str) -> Segment:
    return Segment(SegmentType.SECRET, plaintext)
