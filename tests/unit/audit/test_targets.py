"""The system's log and standard error."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.command import on
from tests.e2e.world import MakeWorld, World
from tests.unit.audit.record import Record


class SystemLog:
    """A socket as /dev/log is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    @property
    def messages(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(1 << 20).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def system_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SystemLog]:
    there = SystemLog(tmp_path / "log")
    monkeypatch.setattr("bridge.audit.write.SYSTEM_LOGS", (str(there.path),))
    yield there
    there.socket.close()


@pytest.fixture
def refused(make_hasty: MakeWorld) -> World:
    """A client whose sink is not the bridge's: rotating is refused."""
    world = make_hasty(ends="vault")
    world.fill()
    return world


def test_both_lines_go_to_the_systems_log(
    refused: World, system_log: SystemLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_AUDIT", "syslog")
    assert on(refused, "rotate").status == 4
    messages = system_log.messages
    assert all(message.startswith("<85>secret-bridge[") for message in messages)
    begin, end = (json.loads(message.partition(": ")[2]) for message in messages)
    assert (begin["event"], end["event"], end["outcome"]) == ("begin", "end", "refused")
    assert begin["attempt"] == end["attempt"]
    assert "mac" not in begin


def test_a_system_log_that_is_not_there_stops_a_rotation(
    refused: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.audit.write.SYSTEM_LOGS", (str(tmp_path / "none"),))
    monkeypatch.setenv("BRIDGE_AUDIT", "syslog")
    done = on(refused, "adopt", "--yes")
    assert (done.status, "cannot be sent to syslog: No such file" in done.err) == (1, True)
    assert refused.vault.see().tags.get("managed-by") != "secret-bridge"


def test_both_lines_go_to_standard_error_and_show_finds_them_there(
    refused: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_AUDIT", "stderr")
    done = on(refused, "adopt", "--yes")
    assert done.status == 0
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["begin", "end"]
    assert refused.vault.see().tags.get("bridge_audit") is None  # there is no chain, so there is no head


def test_a_standard_error_that_is_full_takes_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.audit.write import NotWritten, StandardError

    full = Path("/dev/full").open("w")  # noqa: SIM115  # closing it fails
    monkeypatch.setattr("sys.stderr", full)
    with pytest.raises(NotWritten, match="No space left on device"):
        StandardError().end({"event": "begin"})
    monkeypatch.undo()
    with suppress(OSError):
        full.close()


def test_the_head_of_a_file_goes_to_the_systems_log_where_there_is_one(
    refused: World, system_log: SystemLog, record: Record
) -> None:
    assert on(refused, "rotate").status == 4
    (message,) = system_log.messages
    assert f"audit anchor {record.verified().head} of " in message
    assert message.endswith(str(record.path))


def test_nothing_is_sent_there_where_nothing_is_recorded(refused: World, system_log: SystemLog) -> None:
    assert on(refused, "rotate").status == 4
    assert system_log.messages == []
