"""The `holdfast` command with a node type that calls a loopback peer.

`python -m tests.kill.holdfast` stands in for `python -m workers.cli` where a run needs an effect
outside. The node is written as an `http-request` of Dify's; once this version runs that type
itself, `install` is superfluous and everything else stays.
"""

import asyncio
from collections.abc import Iterable, MutableMapping
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from activities import registry
from activities.base import Work, implements
from schema.activities import NodeInput, NodeOutput
from schema.contracts import ActivityContract, Role
from schema.errors import InvalidNodeInput
from schema.nodes import NODE_DATA
from schema.nodes.base import NodeData
from schema.selectors import Selector
from schema.values.encoding import to_wire
from schema.values.segments import Segment
from schema.values.templates import Template
from workers.cli.process import main
from workflows.nodes import EXECUTORS
from workflows.nodes.base import Executor

HTTP_REQUEST = ActivityContract(
    name="http-request",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.IO,
    start_to_close=timedelta(hours=1, minutes=5),
)


class RequestData(NodeData):
    """As much of an http-request node as a call of the peer needs."""

    url: str

    def selectors(self) -> Iterable[Selector]:
        """Variables in the address."""
        return Template.parse(self.url).selectors


class RequestActivities:
    """Calls the peer."""

    @implements(HTTP_REQUEST)
    async def request(self, params: NodeInput, work: Work) -> NodeOutput:
        """Post to the address and give the answer's body."""
        data = params.node.data
        assert isinstance(data, RequestData)
        variables = await work.values.variables(params)
        body = await _post(Template.parse(data.url).render(variables), work.idempotency_key)
        return NodeOutput(outputs={"body": to_wire(Segment.infer(body))})


async def _post(url: str, key: str) -> str:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        head = (
            f"POST {address.path} HTTP/1.0\r\nIdempotency-Key: {key}\r\nContent-Length: 0\r\n\r\n"
        )
        writer.write(head.encode())
        answer = (await reader.read()).decode()
    finally:
        writer.close()
    status, _, body = answer.partition("\r\n\r\n")
    if " 200 " not in status.partition("\r\n")[0] + " ":
        raise InvalidNodeInput(f"the peer answered {status[:80]!r}")
    return body


def install() -> None:
    """Register the node type for the rest of this process."""
    if HTTP_REQUEST.name in EXECUTORS:
        return
    cast(MutableMapping[str, type[NodeData]], NODE_DATA)[HTTP_REQUEST.name] = RequestData
    table = cast(MutableMapping[str, Executor], EXECUTORS)
    table[HTTP_REQUEST.name] = lambda _data, ctx: ctx.execute(HTTP_REQUEST)
    registry.BARE.append(RequestActivities().request)


if __name__ == "__main__":
    install()
    main()
