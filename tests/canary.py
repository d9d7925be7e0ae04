"""A run whose secrets go everywhere that values go, and a search for them in everything that stays.

The peer says them back in every spelling. What is searched for is written here by hand and not by
the product's own list of spellings.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from tests.documents import a_document
from tests.factories import a_branch, a_node, a_start, a_template, an_answer, an_end

CANARY = 'canary/Zq9+x"7&KEY~=42\\w'
"""The value of an environment variable; every spelling of it is another one."""
EXPORTED = "exported-canary-0123456789"
"""The value of one that stands in the export."""
LITERAL = "literal-canary-9876543210"
"""A key that the author wrote into a header."""
MARK = "mark-that-is-no-secret"
"""An input: where it is not found, nothing was searched."""
LARGE = 70_000
"""Characters of an answer that goes to the artifact store."""


def told(secret: str) -> list[str]:
    """Give the ways to write a secret."""
    data = secret.encode()
    around = [b"x" * n + data + b"yz" for n in range(4)]
    return [
        *(secret, json.dumps(secret), quote(secret), quote(secret, safe=""), quote_plus(secret)),
        *(base64.b64encode(text).decode() for text in around),
        *(base64.urlsafe_b64encode(text).decode() for text in around),
    ]


def spellings(secret: str) -> list[str]:
    """Give what is searched for: the same, but of base64 only what the secret alone decides."""
    escaped = json.dumps(secret)[1:-1]
    inner = []
    for offset in range(3):
        groups = base64.b64encode(b"x" * offset + secret.encode() + b"yz").decode()
        last = (offset + len(secret.encode())) * 8 // 6
        inner.append(groups[4 if offset else 0 : last])
    return [
        *(secret, escaped, json.dumps(escaped)[1:-1]),
        *(quote(secret), quote(secret, safe=""), quote_plus(secret)),
        *inner,
        *(text.replace("+", "-").replace("/", "_") for text in inner),
    ]


def find_secrets(data: bytes) -> list[str]:
    """List the spellings of any of the secrets that are in some bytes."""
    texts = (text for secret in (CANARY, EXPORTED, LITERAL) for text in spellings(secret))
    return [text for text in texts if text.encode() in data]


def find_in_files(folder: Path) -> dict[str, list[str]]:
    """List the files under a folder that have a secret, with its spellings."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {str(path.relative_to(folder)): find_secrets(path.read_bytes()) for path in files}
    return {path: texts for path, texts in found.items() if texts}


@dataclass
class EchoingPeer:
    """Says back what it is told, in every spelling; as text, as a file, as an error."""

    port: int = 0
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    """Method, path, headers by lower-case name, body."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def header(self, path: str, name: str) -> str:
        """Give a header of the first request to a path."""
        return next(h for _, p, h, _ in self.requests if p.partition("?")[0] == path)[name]

    def body(self, path: str) -> str:
        """Give the body of the first request to a path."""
        return next(body for _, p, _, body in self.requests if p.partition("?")[0] == path)

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Say back everything that any request had."""
        said = [text for _, p, h, body in self.requests for text in (p, *h.values(), body)]
        secrets = [s for s in (CANARY, EXPORTED, LITERAL) if any(s in text for text in said)]
        answer = [*said, *(text for secret in secrets for text in told(secret))]
        if path.startswith("/file"):
            return (
                200,
                {"Content-Disposition": "attachment; filename=f.txt"},
                "\n".join(answer).encode(),
            )
        if path.startswith("/fail"):
            return 500, {"Content-Type": "text/plain"}, "\n".join(answer).encode()
        padding = "." * LARGE if path.startswith("/large") else ""
        body = json.dumps({"told": answer, padding: {secret: 1 for secret in secrets}})
        return 200, {"Content-Type": "application/json", "X-Told": secrets[0]}, body.encode()


@contextmanager
def echoing_peer() -> Iterator[EchoingPeer]:
    """Serve on a free port of loopback."""
    peer = EchoingPeer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length).decode("utf-8", "replace")
            peer.requests.append((self.command, self.path, headers, body))
            status, answer, content = peer.answer(self.path)
            self.send_response(status)
            for name, value in {**answer, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def a_request(node_id: str, url: str, **data: Any) -> dict[str, Any]:
    """A POST as an export has it."""
    fields = {"authorization": {"type": "no-auth"}, "headers": "", "params": "", "body": None}
    return a_node(node_id, "http-request", **{"method": "post", "url": url, **fields, **data})


_SAYING = """
import base64, json, urllib.parse

def main(key):
    print(key)
    spelled = [key, json.dumps(key), urllib.parse.quote_plus(key)]
    spelled += [base64.b64encode(b"x" * n + key.encode()).decode() for n in range(3)]
    return {"result": {"spelled": spelled, key: len(key)}}
"""


def a_code(node_id: str, code: str, error_strategy: str | None = None) -> dict[str, Any]:
    """A code node that is given a secret."""
    return a_node(
        node_id,
        "code",
        code_language="python3",
        code=code,
        variables=[{"variable": "key", "value_selector": ["env", "KEY"]}],
        outputs={"result": {"type": "object", "children": None}},
        error_strategy=error_strategy,
    )


def an_export(peer: str, *, chat: bool = False) -> str:
    """A graph in which the secrets pass every kind of node."""
    outputs = {
        "mark": ["start", "mark"],
        "key": ["env", "KEY"],
        "other": ["env", "OTHER"],
        "header": ["header", "output"],
        "body": ["echo", "body"],
        "headers": ["echo", "headers"],
        "large": ["large", "body"],
        "files": ["file", "files"],
        "coded": ["code", "result"],
        "raised": ["raises", "error_message"],
        "joined": ["join", "output"],
        "why": ["refused", "error_message"],
    }
    said = "\n".join(f"{{{{#{'.'.join(selector)}#}}}}" for selector in outputs.values())
    end = an_answer("end", said) if chat else an_end("end", **outputs)
    order = [
        *("start", "header", "check", "echo", "again", "large", "file", "upload", "code"),
        *("raises", "fails", "refused", "join", "end"),
    ]
    handles = {"check": "true", **dict.fromkeys(("raises", "fails", "refused"), "fail-branch")}
    edges = [(a, b, handles.get(a, "source")) for a, b in pairwise(order)]
    variables = [
        {"name": "KEY", "value_type": "secret", "value": ""},
        {"name": "OTHER", "value_type": "secret", "value": EXPORTED},
    ]
    mode = "advanced-chat" if chat else "workflow"
    nodes = [*_nodes(peer), end]
    return a_document(nodes, edges, mode=mode, environment_variables=variables)


def _nodes(peer: str) -> list[dict[str, Any]]:
    key = "{{#env.KEY#}}"
    bearer = {"type": "api-key", "config": {"type": "bearer", "api_key": key}}
    basic = {"type": "api-key", "config": {"type": "basic", "api_key": f"user:{key}"}}
    text = {"type": "raw-text", "data": [{"type": "text", "value": "{{#echo.body#}}"}]}
    form = {"type": "form-data", "data": [{"type": "file", "key": "f", "file": ["file", "files"]}]}
    json_body = {"type": "json", "data": [{"type": "text", "value": '{"a": "{{#env.OTHER#}}"}'}]}
    headers = f"X-Api-Key: {LITERAL}\nX-Header: {{{{#header.output#}}}}"
    joined = [["fails", "error_message"], ["echo", "body"]]
    return [
        a_start("start", "mark"),
        a_template("header", "Bearer {{ key }}", key=["env", "KEY"]),
        a_branch("check", ["header", "output"], "contains", key),
        a_request(
            "echo",
            f"{peer}/echo",
            headers=headers,
            params=f"key:{key}",
            authorization=bearer,
            body=json_body,
        ),
        a_request("again", f"{peer}/again", authorization=basic, body=text),
        a_request("large", f"{peer}/large"),
        a_request("file", f"{peer}/file"),
        a_request("upload", f"{peer}/upload", body=form),
        a_code("code", _SAYING),
        a_code("raises", "def main(key):\n    raise ValueError(key)", "fail-branch"),
        a_request("fails", f"{peer}/fail?k={key}", error_strategy="fail-branch"),
        a_request("refused", f"http://127.0.0.1:1/?k={key}", error_strategy="fail-branch"),
        a_node("join", "variable-aggregator", output_type="string", variables=joined),
    ]
