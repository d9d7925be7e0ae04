"""What a data directory remembers of its Temporal server: ports, and a pid while it answers.

Only the keeper writes the record; ports survive, so that addresses stay the same.
"""

import json
import os
import random
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

HOST = "127.0.0.1"

PORTS = range(20_000, 32_768)
"""Below the ports that Linux and macOS give to outgoing connections, which come and go."""


@dataclass(frozen=True)
class ServerRecord:
    """Addresses of an embedded server."""

    version: str
    """Version of Holdfast whose keeper started it."""
    port: int
    """Temporal's own protocol (gRPC)."""
    ui_port: int
    http_port: int
    """Temporal's HTTP API, by which the keeper asks whether the server is ready."""
    pid: int | None = None
    """Set while the server answers; None while it starts or is stopped."""

    @property
    def address(self) -> str:
        """What a Temporal client connects to."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str:
        """The Temporal Web UI."""
        return f"http://{HOST}:{self.ui_port}"

    @property
    def ports(self) -> tuple[int, int, int]:
        """All ports of the server."""
        return (self.port, self.ui_port, self.http_port)


def read_record(path: Path) -> ServerRecord | None:
    """Read the record; None without one, or if what stands there is not one."""
    try:
        fields = json.loads(path.read_text())
        return ServerRecord(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_record(path: Path, record: ServerRecord) -> None:
    """Replace the record in one step; a reader sees the old or the new one."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(asdict(record)) + "\n")
    os.replace(draft, path)


def choose_ports(version: str) -> ServerRecord:
    """Pick three ports that nobody listens on."""
    free: list[int] = []
    candidates = random.sample(PORTS, 200)
    while len(free) < 3:
        candidate = candidates.pop()
        if is_free(candidate):
            free.append(candidate)
    return ServerRecord(version, *free)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as listener:
        # Connections that have just ended do not keep a server from its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True
