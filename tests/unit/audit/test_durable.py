"""What of the record a power cut leaves: the beginning is on the disk before any server hears of a change.

The kernel's promises are taken at their least: of a file only what stood in it when it was synced is left, and it is
there only under the names that its directory held when that was synced.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import on
from tests.e2e.taps import Killed
from tests.e2e.world import MakeWorld, Servers, World
from tests.support.proxies import Proxies
from tests.support.proxy import Answer
from tests.unit.audit.record import Record

READS = re.compile(
    r"auth0 (GET|POST /oauth/token)\b.*"
    r"|vault (GET|LIST) .*|vault (POST|PUT) /v1/sys/capabilities-self"
    r"|aws POST (/|ListSecretVersionIds|DescribeSecret|GetSecretValue)"
)
"""The requests that change nothing; to AWS without an action: who am I."""


class Disk:
    """What has reached the disk, by the syncs that a process made: contents by inode, names by directory."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left_to_live: int | None = None
        """After so many more syncs the process dies."""
        self._contents: dict[int, bytes] = {}
        self._names: dict[str, dict[str, int]] = {}
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, self._noting(getattr(os, name)))

    def left(self, path: Path) -> bytes:
        """Return what is left of a file after a power cut now; nothing where its name is not."""
        inode = self._names.get(str(path.parent), {}).get(path.name)
        return b"" if inode is None else self._contents.get(inode, b"")

    def _noting(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def synced(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").resolve()
            if path.is_dir():
                held = {entry.name: entry.inode() for entry in os.scandir(path)}
                sync(descriptor)
                self._names[str(path)] = held
            else:
                held_, inode = path.read_bytes(), path.stat().st_ino
                sync(descriptor)
                self._contents[inode] = held_
            if self.left_to_live is not None:
                self.left_to_live -= 1
                if self.left_to_live == 0:
                    self.left_to_live = None
                    raise Killed

        return synced


class Listening(Proxies):
    """Notes, at each request that changes something, what a power cut would leave of the record by then."""

    def __init__(self, servers: Servers, look: Callable[[], bytes]) -> None:
        super().__init__(servers)
        self._look = look
        self.changes: list[tuple[str, bytes]] = []

    def _gate(self, end: str, what: str, ask: Callable[[], Answer]) -> Answer:
        asked = f"{end} {what}"
        if not READS.fullmatch(asked.partition("?")[0]):
            self.changes.append((asked, self._look()))
        return ask()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def listening(
    make_hasty: MakeWorld, servers: Servers, record: Record, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, Listening]]:
    """A client whose sinks are in use, and not the bridge's yet, with a proxy before every server."""
    world = make_hasty()
    world.fill()
    monkeypatch.setenv("AUTH0_AUDIENCE", world.tenant.audience)
    with Listening(servers, lambda: disk.left(record.path)) as proxies:
        for name, url in proxies.urls.items():
            monkeypatch.setenv(name, url)
        yield world, proxies


def told(left: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in left.splitlines()]


def assert_begun(proxies: Listening, command: str, attempts: int) -> None:
    """At the first change, and ever after, the latest line on the disk is this attempt's beginning."""
    assert {asked.partition(" ")[0] for asked, _ in proxies.changes} >= {"vault", "aws"}
    for asked, left in proxies.changes:
        lines = told(left)
        assert [line["event"] for line in lines] == [*["begin", "end"] * (attempts - 1), "begin"], asked
        assert lines[-1]["command"] == command
    proxies.changes.clear()


@pytest.mark.parametrize("command", [("rotate", "--adopt", "--no-wait"), ("adopt", "--yes")])
def test_a_new_record_holds_the_beginning_on_the_disk_before_any_server_hears_of_a_change(
    listening: tuple[World, Listening], record: Record, disk: Disk, command: tuple[str, ...]
) -> None:
    world, proxies = listening
    done = on(world, *command)
    assert done.status == 0, done.err
    assert_begun(proxies, command[0], 1)
    assert disk.left(record.path) == record.path.read_bytes()  # and the end, before it is said


def test_so_does_one_that_is_gone_on_with(listening: tuple[World, Listening], record: Record, disk: Disk) -> None:
    world, proxies = listening
    for attempts in (1, 2):
        assert on(world, "adopt", "--yes").status == 0
        assert_begun(proxies, "adopt", attempts)
        assert disk.left(record.path) == record.path.read_bytes()


@pytest.mark.parametrize("made", [False, True], ids=["moved", "moved and made anew"])
def test_so_does_one_that_was_moved_away_before(
    listening: tuple[World, Listening], record: Record, disk: Disk, *, made: bool
) -> None:
    """As logrotate does, also with `create`."""
    world, proxies = listening
    assert on(world, "adopt", "--yes").status == 0
    proxies.changes.clear()
    record.path.rename(record.path.with_name("audit.jsonl.1"))
    if made:
        record.path.touch()
    assert on(world, "adopt", "--yes").status == 0
    assert_begun(proxies, "adopt", 1)
    assert disk.left(record.path) == record.path.read_bytes()


@pytest.mark.parametrize("syncs", [1, 2])
def test_so_does_one_that_a_process_began_which_died_between_its_syncs(record: Record, disk: Disk, syncs: int) -> None:
    """Whoever goes on with it cannot tell whether its name is on the disk, unless that came first."""
    disk.left_to_live = syncs
    with pytest.raises(Killed):
        record.begin()
    record.begin()
    assert disk.left(record.path) == record.path.read_bytes()
