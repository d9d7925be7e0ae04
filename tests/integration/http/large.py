"""Moves 100 MB through one node and prints by how many bytes the process grew: a program."""

import asyncio
import resource
import sys
from pathlib import Path

from activities.tools.address_guard import AddressGuard
from activities.tools.http_client import HttpClient
from activities.values import SpooledValue
from schema.addresses import AddressList
from schema.db.artifacts import ArtifactFiles
from schema.limits import LimitsProfile
from schema.values.segments import Segment, SegmentType
from tests.http_peer import answering, http_peer, streaming
from tests.integration.http.node import TENANT, NodeRunner, body, text

BYTES = 100 * 1000 * 1000


async def main(direction: str, folder: Path) -> int:
    client = HttpClient(AddressGuard(AddressList.parse(["127.0.0.1"])))
    node = NodeRunner(client, ArtifactFiles(str(folder / "artifacts")))
    async with http_peer() as peer:
        peer.keeps_bodies = False
        peer.answers["/small"] = answering("ok")
        peer.answers["/text"] = streaming(BYTES, "text/plain")
        peer.answers["/file"] = streaming(BYTES, "image/png")
        # What every request loads is not what the large one costs.
        await node.run(url=f"{peer.url}/small", method="post", body=body("raw-text", text("x")))
        large = await stored_text(node, folder)
        before = peak()
        match direction:
            case "text there":
                await send(node, large, f"{peer.url}/small")
                assert peer.requests[-1].length == BYTES
            case "text back":
                output = await node.send(limits=LimitsProfile.GENEROUS, url=f"{peer.url}/text")
                spooled = output.outputs["body"]
                assert isinstance(spooled, SpooledValue)
                assert spooled.path.stat().st_size == BYTES + 2
                spooled.path.unlink()
            case "file back":
                given = await node.run(limits=LimitsProfile.GENEROUS, url=f"{peer.url}/file")
                assert given.file.size == BYTES
        grown = peak() - before
    await client.aclose()
    return grown


async def stored_text(node: NodeRunner, folder: Path) -> Segment:
    """Put the encoded text of a string into the store, without ever holding it."""
    path = folder / "encoded"
    with path.open("wb") as file:
        file.write(b'"')
        for _ in range(100):
            file.write(b"x" * (BYTES // 100))
        file.write(b'"')
    ref = await node.artifacts.put_file(TENANT, path, "application/json", "string", "")
    return Segment(SegmentType.STRING, ref)


async def send(node: NodeRunner, value: Segment, url: str) -> None:
    await node.run({"v": value}, url=url, method="post", body=body("raw-text", text("{{#n.v#}}")))


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201 (for the test)
