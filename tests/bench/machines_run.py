"""The same work for one machine or several: due clients of limited tenants, and the processes that rotate them."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bridge.sandbox.auth0.limits import Rate
from tests.bench.fleet import A_SECOND, Fleet, Member
from tests.bench.limits import CEILING, limit_of
from tests.bench.measure import spend

AGE = 2
"""Days that each client's value seems to be old, with a `max_age` of one."""
FILE = '\n[fleet]\ndatabase = "env:FLEET_DATABASE"\nevery = "{sweep}"\n'
PATIENCE = 150.0
"""Seconds in which a process ends that was asked to."""


@dataclass
class Process:
    """A process that may be killed, stopped and started again under the same name."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    home: Path
    starts: int = 0
    stopped: bool = False
    memory: list[float] = field(default_factory=list)
    """What was in memory, in MiB, since its last start."""
    peak: float = 0.0
    _running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. What it says is added to its log."""
        self.memory.clear()
        self.starts += 1
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(self.argv, env=self.environment, cwd=self.home, stdout=log, stderr=log)

    @property
    def log(self) -> Path:
        return self.home / f"{self.name}.log"

    @property
    def status(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._running.poll() if self._running else None

    def sample(self) -> None:
        """Note how much of it is in memory."""
        assert self._running
        with suppress(OSError, IndexError):  # it has ended
            told = Path(f"/proc/{self._running.pid}/status").read_text()
            now, most = (int(told.partition(name)[2].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:"))
            self.memory.append(now)
            self.peak = max(self.peak, most)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        if self._running and self._running.poll() is None:
            self._running.send_signal(number)
        self.stopped = number is signal.SIGSTOP

    def end(self) -> int:
        """End it in good order, or by SIGKILL where that takes too long, and return its exit status."""
        assert self._running
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            return self._running.wait(PATIENCE)
        return self.kill()

    def kill(self) -> int:
        """Kill it, and return its exit status."""
        assert self._running
        self.send(signal.SIGKILL)
        return self._running.wait()


class Machines:
    """Adopted clients in limited tenants, with their configuration. Use it as a context manager."""

    def __init__(self, command: Sequence[str], *, tenants: int, clients: int, limits: Sequence[float],
                 propagation: int, sweep: str = "5s") -> None:  # fmt: skip
        names = [f"t{number:02}" for number in range(tenants)]
        self.fleet = Fleet(names, kinds=("vault",), propagation=propagation)
        self.limits = {name: limit_of(limits[at % len(limits)]) for at, name in enumerate(names)}
        self.members: list[Member] = []
        self.environment: dict[str, str] = {}
        self._command = command
        self._sweep = sweep
        self._count = tenants * clients
        self._before: list[int] = []

    def __enter__(self) -> Self:
        self.fleet.__enter__()
        try:
            self.members = self.fleet.add("client", self._count)
            self.environment = {
                **self.fleet.environment(), "HOME": str(self.fleet.home), "PYTHONUNBUFFERED": "1",
                "FLEET_DATABASE": "postgresql://nowhere",
            }  # fmt: skip
            self._prepare()
        except BaseException:
            self.fleet.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.fleet.__exit__()

    @property
    def config(self) -> str:
        """The path of the configuration."""
        return str(self.fleet.home / "bridge.toml")

    def run(self, name: str, *words: str, command: Sequence[str] = (), **variables: str) -> Process:
        """Return a process of the bridge, or of the other one that `command` is. It is not started yet."""
        argv = [*(command or self._command), *words, "--config", self.config]
        return Process(name, argv, self.environment | variables, self.fleet.home)

    def _prepare(self) -> None:
        file = self.fleet.config(self.members, defaults='max_age = "1d"')
        file.write_text(file.read_text("utf-8") + FILE.format(sweep=self._sweep), "utf-8")
        words = [*self._command, "adopt", "--all", "--yes", "--config", str(file)]
        done = spend(words, self.environment)
        if done.status != 0:
            raise RuntimeError(f"adopt failed:\n{done.output[-2000:]}")

    def due(self) -> None:
        """Let all clients be due, with full limits, and count from here on."""
        for member in self.members:
            self.fleet.backdate(member, AGE)
        time.sleep(self.fleet.propagation + A_SECOND)
        for name, rate in self.limits.items():
            self.fleet.tenants[name].auth0.ask("limit", rate.burst, rate.per_second)
        self.fleet.taken()
        self._before = self.fleet.changes(self.members)

    def changed(self) -> list[int]:
        """Return how often each client's value was changed at Auth0 since it was due."""
        return [now - before for now, before in zip(self.fleet.changes(self.members), self._before, strict=True)]

    def free(self) -> bool:
        """Return whether no client is locked."""
        return not any(self.fleet.locked(member) for member in self.members)

    def outcome(self) -> dict[str, Any]:
        """Return what was counted by Auth0, Vault, and the bridge's own look at all clients."""
        taken, changed, live = self.fleet.taken()["tenants"], self.changed(), self.fleet.values(self.members)
        works = [self.fleet.stored(member)["vault"][0] == live[member.name] for member in self.members]
        look = spend([*self._command, "status", "--json", "--config", self.config],
                     self.environment)  # fmt: skip
        kinds = Counter(told["kind"] for told in lines(look.output) if "kind" in told)
        return {
            **used(taken, self.limits), "calls": sum(one["calls"] for one in taken.values()),
            "limited": sum(one["limited"] for one in taken.values()), "count": len(self.members),
            "once": sum(count == 1 for count in changed), "changes": sum(changed), "works": sum(works),
            "left": len(self.members) - kinds["ok"], "kinds": dict(kinds),
        }  # fmt: skip


def used(taken: Mapping[str, Mapping[str, Any]], limits: Mapping[str, Rate]) -> dict[str, Any]:
    """Return how much of their limits tenants used between their first and last calls, and the fullest second.

    `share` is that of all tenants, of what the bridge may use, and `least` the least of one. `most` is of the tenant
    whose fullest second was the fullest, beside its limit.
    """
    begun = {name: one for name, one in taken.items() if one["calls"] > 1 and one["seconds"]}
    may = {name: CEILING * limits[name].per_second * one["seconds"] for name, one in begun.items()}
    shares = [(one["calls"] - 1) / may[name] for name, one in begun.items()]
    most = max(
        ((one["most"], limits[name].per_second) for name, one in taken.items()), key=lambda each: each[0] / each[1]
    )
    pauses = sum(one["calls"] - 1 for one in begun.values())
    return {"share": pauses / sum(may.values()) if may else 0.0, "least": min(shares, default=0.0), "most": most}


def lines(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects among the lines of an output."""
    found = []
    for line in text.splitlines():
        with suppress(ValueError):  # a line of stderr, or the last one before a kill
            told = json.loads(line)
            if isinstance(told, dict):
                found.append(told)
    return found


def words(processes: Sequence[Process]) -> tuple[Counter[str], list[str]]:
    """Return how often each word was a client's result, and what else the processes said."""
    counts: Counter[str] = Counter()
    others: list[str] = []
    for process in processes:
        text = process.log.read_text("utf-8", "replace")
        told = [each for each in lines(text) if "client" in each]
        counts.update(str(each.get("word", each.get("result", each.get("error")))) for each in told)
        others += [f"{process.name}: {each}" for each in told if each.get("exit") or "error" in each]
        others += [f"{process.name}: {line}" for line in text.splitlines() if not line.startswith("{")]
    return counts, others
