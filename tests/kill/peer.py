"""A loopback peer that counts calls by their idempotency key and answers when it is told to."""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.command_line import until

ANSWER_SECONDS = 120.0
"""Longest that a call is held."""


class Peer:
    """Answers `POST /NAME` with a text that says its name, whoever asks and how often."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._keys: dict[str, list[str]] = defaultdict(list)
        self.answers = threading.Event()
        """While it is not set, calls wait."""
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def calls(self) -> Mapping[str, Counter[str]]:
        """How often each key came, by name of the call."""
        with self._lock:
            return {name: Counter(keys) for name, keys in self._keys.items()}

    @property
    def arrived(self) -> int:
        """How many calls have come."""
        with self._lock:
            return sum(map(len, self._keys.values()))

    def take(self, name: str, key: str) -> bytes:
        """Count a call, hold it while calls wait, and give its answer."""
        with self._lock:
            self._keys[name].append(key)
        assert self.answers.wait(ANSWER_SECONDS)
        return json.dumps({"said": name}).encode()

    def until_arrived(self, count: int, seconds: float) -> None:
        """Wait until so many calls have come."""
        until(lambda: self.arrived >= count, seconds)


@contextmanager
def a_peer() -> Iterator[Peer]:
    """Serve for as long as the block."""
    peer: Peer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = peer.take(self.path.strip("/"), self.headers["Idempotency-Key"])
            # No date and no server's name: two runs must get the same answer.
            self.send_response_only(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # whoever asked is gone

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer = Peer(server)
    thread = threading.Thread(target=server.serve_forever, name="peer", daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.answers.set()
        server.shutdown()
        server.server_close()
