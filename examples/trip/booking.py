"""A hotel and a ferry on loopback, for the export beside this file.

`python -m examples.trip.booking` serves until Ctrl-C and prints its address. As a careful peer
does, the ferry remembers the `Idempotency-Key` of a booking: who asks twice under one key gets the
ticket that the first call got.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOM_PRICE = 82.5
FERRY_PRICE = 48
_LONGEST_WAIT_SECONDS = 120.0


class Booking(ThreadingHTTPServer):
    """The peer, and what it was asked.

    Args:
        port: Where to listen on loopback; 0 takes a free port.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.calls: list[str] = []
        """Paths, in the order in which they were asked."""
        self.tickets: dict[str, str] = {}
        """Tickets that were sold, by idempotency key."""
        self.ferry_was_asked = threading.Event()
        self.ferry_answers = threading.Event()
        """Cleared, it lets callers wait for their tickets."""
        self.ferry_answers.set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def sell(self, key: str) -> str:
        """Sell one ticket a key."""
        with self._lock:
            return self.tickets.setdefault(key, f"F-{len(self.tickets) + 1:03}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Booking

    def do_GET(self) -> None:
        """Say what a night costs."""
        self.server.calls.append("/rooms")
        self._answer({"price": ROOM_PRICE})

    def do_POST(self) -> None:
        """Sell a ticket, as soon as the ferry answers."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls.append("/ferry")
        ticket = self.server.sell(self.headers.get("Idempotency-Key", ""))
        self.server.ferry_was_asked.set()
        self.server.ferry_answers.wait(_LONGEST_WAIT_SECONDS)
        self._answer({"price": FERRY_PRICE, "ticket": ticket})

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet: whoever started the peer shows what it was asked."""

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        # A caller that was killed meanwhile takes no answer.
        with contextlib.suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[Booking]:
    """Serve for as long as the block."""
    with Booking() as booking:
        thread = threading.Thread(target=booking.serve_forever, daemon=True)
        thread.start()
        try:
            yield booking
        finally:
            booking.shutdown()
            thread.join()


if __name__ == "__main__":
    with Booking(port=8090) as peer, contextlib.suppress(KeyboardInterrupt):
        print(f"hotel and ferry answer at {peer.url}; Ctrl-C ends them", flush=True)  # noqa: T201
        peer.serve_forever()
