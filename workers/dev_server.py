"""The Temporal dev server: its flags, in this one place, and how to tell that it is ready.

The stock flags cost 100 ms per sequential activity and fire no timer before 1 s; these bring that
to 6 ms and exact timers. Where the binary comes from: `server_binary.py`; who runs it: `keeper.py`;
what is set in it by RPC: `server_namespace.py`.
"""

import http.client
from pathlib import Path

from workers.server_record import HOST, ServerRecord

NEWS_SWITCH = "--ui-disable-news-fetch"
"""Keeps the Web UI from asking the internet for news; older binaries do not know it."""

PROBE_SECONDS = 2.0

DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "system.enableActivityEagerExecution": "true",
}
"""Settings of the server, as JSON (so a duration keeps its quotes)."""


def server_command(
    binary: Path,
    file: Path,
    record: ServerRecord,
    *,
    synchronous: str = "normal",
    knows_news_switch: bool = True,
) -> list[str]:
    """Build the command line of a server on one SQLite file.

    Args:
        binary: The `temporal` program.
        file: SQLite file that this server alone may open.
        record: The ports to listen on.
        synchronous: `normal`, or `full` to survive a power cut.
        knows_news_switch: Whether the binary knows `NEWS_SWITCH`.
    """
    command = [str(binary), "server", "start-dev"]
    # The user's own Temporal configuration is for their clients, not for this server.
    command += ["--disable-config-file", "--disable-config-env"]
    command += ["--ip", HOST, "--port", str(record.port), "--ui-port", str(record.ui_port)]
    command += ["--http-port", str(record.http_port), "--log-level", "warn"]
    command += ["--db-filename", str(file)]
    command += ["--sqlite-pragma", "journal_mode=wal"]
    command += ["--sqlite-pragma", f"synchronous={synchronous}"]
    for name, value in DYNAMIC_CONFIG.items():
        command += ["--dynamic-config-value", f"{name}={value}"]
    if knows_news_switch:
        command.append(NEWS_SWITCH)
    return command


def is_ready(record: ServerRecord) -> bool:
    """Whether the server answers DescribeNamespace (asked over HTTP, which needs no SDK)."""
    connection = http.client.HTTPConnection(HOST, record.http_port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/api/v1/namespaces/default")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
