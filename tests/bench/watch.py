"""Changes in the dashboard under watchers that are killed, and under a log that is late and has gaps. Prints Markdown.

`python -m tests.bench.watch [--changes N] [--clients N] [--kill N] [--propagation SECONDS] [--journal FILE]`

Secrets of many clients are changed in the dashboard of the local Auth0. Half of the clients have `on_drift = "sync"`,
and count as repaired when Vault has the new value in one new version. The others are told about, and count when one
line about the change was printed. A person then runs `sync`, and the next change follows. Meanwhile the bridge rotates
further clients, and others are changed that it does not manage. A proxy lets entries of the log come late, twice, out
of order or never. Watchers get SIGKILL and are started again at once.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bridge.cli.runner import STOPPING
from tests.bench.fleet import A_SECOND, Fleet, Member
from tests.bench.journal import Figures, Journal, add_option
from tests.bench.measure import machine, table
from tests.bench.world import install
from tests.support.log_faults import LogFaults
from tests.support.proxy import Proxy

OWN, FOREIGN = 2, 4
"""How many clients the bridge rotates meanwhile, and how many are changed that it does not manage."""
TICK = 0.25
PATIENCE = 600.0
"""Seconds after which a change counts as missed."""
ROUND = 2
"""Minutes between two rounds over all clients."""
HEAD = (
    "changes, clients", "watchers, killed", "repaired exactly once", "told exactly once", "told at all",
    "late, never logged", "until repaired, p50", "p99", "p99 where no watcher was killed meanwhile",
    "until told, p50", "p99",
    "never logged: until found, most", "foreign acted upon", "own counted", "429",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One row."""

    changes: int
    clients: int
    watchers: int
    kills: int
    propagation: int
    delay: int
    never: float

    @property
    def key(self) -> str:
        return (
            f"{self.changes} changes {self.clients} clients {self.watchers} watchers {self.kills} kills "
            f"{self.propagation} s {self.delay} s {self.never:.0%}"
        )


@dataclass
class Change:
    """One change in the dashboard."""

    member: Member
    at: datetime
    visible: datetime | None
    """When the log shows it. None: never."""
    late: bool
    acted: list[datetime] = field(default_factory=list)
    """When it was repaired or told."""
    calm: bool = True
    """Whether no watcher was killed meanwhile."""

    @property
    def waited(self) -> float | None:
        """Seconds from then until it was repaired or told. A round may find it before the log shows it."""
        return max(0.0, (self.acted[0] - self.visible).total_seconds()) if self.acted and self.visible else None


class Watchers:
    """Processes of `watch` that are killed and started again, and what they print."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], home: Path) -> None:
        self._argv, self._environment, self._home = argv, environment, home
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self.lines: list[tuple[datetime, dict[str, Any]]] = []
        self.kills: list[datetime] = []

    def start(self) -> None:
        """Start one more."""
        process = subprocess.Popen(self._argv, env=self._environment, cwd=self._home, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        self._running.append(process)
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            try:
                told = json.loads(line)
            except ValueError:
                if line.startswith(STOPPING):
                    continue
                told = {"client": None, "seen": "unreadable", "message": line}
            with self._lock:
                self.lines.append((datetime.now(UTC), told))

    def told(self, name: str, seen: str, since: datetime) -> list[datetime]:
        """Return when lines of a kind were printed about a client."""
        with self._lock:
            return [at for at, told in self.lines if (told["client"], told["seen"]) == (name, seen) and at >= since]

    def kill_one(self) -> None:
        """Kill the one that runs longest, and start another one."""
        process = self._running.pop(0)
        process.kill()
        process.wait()
        self.kills.append(datetime.now(UTC))
        self.start()

    def stop(self) -> None:
        """Ask all of them to end."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(30)


class Story:
    """One row in progress: who is changed next, and what has become of the changes so far."""

    def __init__(self, asked: Case, fleet: Fleet, faults: LogFaults, command: Sequence[str], seed: int) -> None:
        self.asked, self.fleet, self.faults = asked, fleet, faults
        self.chance = random.Random(seed)
        self.repaired = fleet.add("repaired", asked.clients // 2)
        self.told = fleet.add("told", asked.clients - asked.clients // 2)
        self.own = fleet.add("own", OWN)
        (tenant,) = fleet.tenants.values()
        self.auth0 = tenant.auth0
        self.foreign = [client_id for client_id, _ in self.auth0.ask("add", [f"foreign-{n}" for n in range(FOREIGN)])]
        self.changes: list[Change] = []
        self.open: dict[str, Change] = {}
        self._command = command
        self._environment = {**fleet.environment(), "HOME": str(fleet.home)}
        self._due: dict[str, float] = {}
        self._syncing: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a command of a person."""
        argv = [*self._command, *words, "--config", str(self.fleet.home / "bridge.toml")]
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(argv, env=self._environment, cwd=self.fleet.home, stdout=nowhere, stderr=nowhere)

    def watchers(self) -> Watchers:
        """Return what starts watchers."""
        words = ["watch", "--json", "--every", str(ROUND), "--config", str(self.fleet.home / "bridge.toml")]
        return Watchers([*self._command, *words], self._environment, self.fleet.home)

    def prepare(self, url: str) -> None:
        """Write the configuration, and have everything managed and looked at once."""
        urls = [url, *self.fleet.urls[1:]]
        file = self.fleet.config([*self.repaired, *self.told, *self.own], urls, defaults='min_interval = "0s"')
        text = file.read_text("utf-8")
        for member in self.repaired:
            text = text.replace(f"[clients.{member.name}]", f'[clients.{member.name}]\non_drift = "sync"')
        file.write_text(text, "utf-8")
        for words in (("rotate", "--all", "--adopt", "--yes", "--no-wait"), ("watch", "--once")):
            if self.run(*words).wait():
                raise RuntimeError(f"{words[0]} failed")
            time.sleep(self.asked.propagation + A_SECOND)

    def act(self, watchers: Watchers) -> None:
        """See what has become of the open changes, and make those that are due."""
        for member in (*self.repaired, *self.told):
            if member.name in self.open:
                self._end(member, watchers)
            elif len(self.changes) < self.asked.changes and time.monotonic() >= self._due.setdefault(
                member.name, time.monotonic() + self.chance.uniform(0, 2 * self.asked.propagation)
            ):
                self._change(member)

    def _change(self, member: Member) -> None:
        log_id, at = self.auth0.ask("dashboard", member.client_id)
        moment, late = datetime.fromisoformat(at), self.faults.lateness(log_id)
        visible = None if self.faults.is_lost(log_id) else moment + timedelta(seconds=self.asked.delay) + late
        change = Change(member, moment, visible, bool(late))
        self.changes.append(change)
        self.open[member.name] = change

    def _end(self, member: Member, watchers: Watchers) -> None:
        change = self.open[member.name]
        missed = datetime.now(UTC) - change.at > timedelta(seconds=PATIENCE)
        if member in self.told:
            seen = watchers.told(member.name, "drift", change.at)
            syncing = self._syncing.get(member.name)
            if (seen or missed) and syncing is None:
                self._syncing[member.name] = self.run("sync", member.name)
            ended = syncing is not None and syncing.poll() is not None
        else:
            ended = missed or self.fleet.values([member])[member.name] == self.fleet.stored(member)["vault"][0]
        if ended:
            self._syncing.pop(member.name, None)
            del self.open[member.name]
            # A change by the bridge or a person has to spread, and a second line about this one has to have its time.
            self._due[member.name] = time.monotonic() + self.asked.propagation * self.chance.uniform(1.2, 2)

    def count(self, watchers: Watchers) -> None:
        """Find out how often, and when, each change was repaired or told."""
        for member in (*self.repaired, *self.told):
            mine = [change for change in self.changes if change.member == member]
            moments = self._promoted(member) if member in self.repaired else watchers.told(member.name, "drift", EVER)
            for change, until in zip(mine, [*(change.at for change in mine[1:]), LAST], strict=True):
                # Vault dates a version, and this machine a line.
                change.acted = [at for at in moments if change.at <= at < until]
                change.calm = not any(change.at <= at <= min(change.acted, default=until) for at in watchers.kills)

    def _promoted(self, member: Member) -> list[datetime]:
        versions = self.fleet.written(member)
        return [datetime.fromisoformat(at) for at in versions]


EVER, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


def case(asked: Case, command: Sequence[str], seed: int) -> Figures:
    """Make the changes of a row, and return the figures."""
    faults = LogFaults(seed, never=asked.never, delay=timedelta(seconds=asked.delay))
    with Fleet(kinds=("vault",), propagation=asked.propagation) as fleet, Proxy(fleet.urls[0], gate=faults) as proxy:
        story = Story(asked, fleet, faults, command, seed)
        story.auth0.ask("spread", asked.propagation)
        story.prepare(proxy.url)
        story.auth0.ask("log_delay", asked.delay)
        story.auth0.ask("plan", "enterprise")
        story.auth0.ask("limit_logs", "paid")
        fleet.taken()
        watchers = story.watchers()
        for _ in range(asked.watchers):
            watchers.start()
        try:
            _to_the_end(story, watchers)
        finally:
            watchers.stop()
        story.count(watchers)
        return _figures(story, watchers, fleet.taken()["tenants"]["local"]["limited"])


def _to_the_end(story: Story, watchers: Watchers) -> None:
    asked, turns, rotations = story.asked, 0, list[subprocess.Popen[bytes]]()
    while len(story.changes) < asked.changes or story.open:
        story.act(watchers)
        # The kills and the other changes are spread over the whole work.
        share = (len(story.changes) - len(story.open)) / asked.changes
        if len(watchers.kills) < share * asked.kills:
            watchers.kill_one()
        if share * 10 > turns:
            story.auth0.ask("dashboard", story.foreign[turns % FOREIGN])
            rotations.append(story.run("rotate", story.own[turns % OWN].name, "--no-wait"))
            turns += 1
        time.sleep(TICK)
    for rotation in rotations:
        rotation.wait()
    # A second line about a change would come from a watcher that begins now, or from the next round.
    time.sleep(2 * asked.propagation + 20)


def _figures(story: Story, watchers: Watchers, limited: int) -> Figures:
    names = {member.name for member in story.own}
    managed = {member.name for member in (*story.repaired, *story.told, *story.own)}
    acted = [told for _, told in watchers.lines if told["seen"] in ("drift", "repaired")]
    parts = {
        part: [change for change in story.changes if change.member in members]
        for part, members in (("repaired", story.repaired), ("told", story.told))
    }
    return {
        **{part: len(changes) for part, changes in parts.items()},
        **{f"{part} once": sum(len(change.acted) == 1 for change in changes) for part, changes in parts.items()},
        "told at all": sum(bool(change.acted) for change in parts["told"]),
        **{f"{part} after": [change.waited for change in changes if change.waited is not None]
           for part, changes in parts.items()},
        "late": sum(change.late for change in story.changes if change.visible),
        "lost": sum(change.visible is None for change in story.changes),
        "lost after": [(change.acted[0] - change.at).total_seconds() for change in story.changes
                       if change.acted and change.visible is None],
        "odd": [[change.member.name, len(change.acted), str(change.at)] for change in story.changes
                if len(change.acted) != 1],
        "own": sum(told["client"] in names for told in acted),
        "foreign": sum(told["client"] not in managed for told in acted)
        + sum(story.auth0.ask("asked_about", client_id) for client_id in story.foreign),
        "other lines": [told for _, told in watchers.lines if told["seen"] not in ("drift", "repaired", "in-order")],
        "calm after": [change.waited for change in parts["repaired"] if change.calm and change.waited is not None],
        "killed": len(watchers.kills), "limited": limited,
    }  # fmt: skip


def row(asked: Case, found: Figures) -> list[str]:
    """Return the cells of a row."""
    return [
        f"{asked.changes}, {asked.clients}", f"{asked.watchers}, {found['killed']}",
        f"{found['repaired once']} of {found['repaired']}", f"{found['told once']} of {found['told']}",
        f"{found['told at all']} of {found['told']}",
        f"{found['late']}, {found['lost']}", *_percentiles(found["repaired after"]),
        f"{_percentiles(found['calm after'])[1]} of {len(found['calm after'])}",
        *_percentiles(found["told after"]), f"{max(found['lost after']):.0f} s" if found["lost after"] else "-",
        str(found["foreign"]), str(found["own"]), str(found["limited"]),
    ]  # fmt: skip


def _percentiles(seconds: Sequence[float]) -> list[str]:
    if len(seconds) < 2:
        return [f"{seconds[0]:.0f} s" if seconds else "-"] * 2
    hundred = statistics.quantiles(seconds, n=100, method="inclusive")
    return [f"{hundred[49]:.0f} s", f"{hundred[98]:.0f} s"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--watchers", type=int, default=2)
    parser.add_argument("--kill", type=int, default=10, help="how many times; default 10")
    parser.add_argument("--propagation", type=int, default=30, help="seconds; default 30, as Auth0 takes")
    parser.add_argument("--delay", type=int, default=10, help="seconds until an entry is in the log; default 10")
    parser.add_argument("--never", type=float, default=0.05, help="the part of entries that never come; default 0.05")
    parser.add_argument("--seed", type=int, default=1)
    add_option(parser)
    given = parser.parse_args(arguments)
    asked = Case(given.changes, given.clients, given.watchers, given.kill, given.propagation, given.delay, given.never)
    journal = Journal(given.journal)
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        command = [sys.executable, str(install(directory))]
        journal.once(asked.key, lambda: case(asked, command, given.seed))
    found = journal.get(asked.key) or {}
    print(f"{machine()}; propagation {given.propagation} s, log delay {given.delay} s, time as it is.\n")
    print(table(HEAD, [row(asked, found)]))
    for name in ("odd", "other lines"):
        for line in found[name]:
            print(f"{name}: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
