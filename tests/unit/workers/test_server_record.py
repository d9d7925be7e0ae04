import socket
from dataclasses import replace
from pathlib import Path

import pytest

from workers.dev_server import NEWS_SWITCH, is_ready, server_command
from workers.server_record import (
    HOST,
    ServerRecord,
    choose_ports,
    is_free,
    read_record,
    write_record,
)

RECORD = ServerRecord("1.0", 20_001, 20_002, 20_003)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "server.json"

    write_record(path, replace(RECORD, pid=7))

    assert read_record(path) == replace(RECORD, pid=7)
    assert [entry.name for entry in tmp_path.iterdir()] == ["server.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"port": 1}', "\udcff"])
def test_a_broken_record_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "server.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    assert read_record(path) is None


def test_chosen_ports_are_free_and_different() -> None:
    chosen = choose_ports("1.0")

    assert len(set(chosen.ports)) == 3
    assert all(is_free(port) for port in chosen.ports)


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_a_server_that_is_not_there_is_not_ready() -> None:
    assert not is_ready(choose_ports("1.0"))


def test_the_server_listens_on_the_loopback_address_only() -> None:
    command = server_command(Path("/bin/temporal"), Path("/srv/temporal.db"), RECORD)

    assert command[command.index("--ip") + 1] == "127.0.0.1"
    assert 'history.timerProcessorMaxTimeShift="10ms"' in command
    assert "synchronous=normal" in command
    assert NEWS_SWITCH in command


def test_an_older_server_is_not_given_the_flag_it_does_not_know() -> None:
    command = server_command(
        Path("/bin/temporal"), Path("/srv/temporal.db"), RECORD, knows_news_switch=False
    )

    assert NEWS_SWITCH not in command
