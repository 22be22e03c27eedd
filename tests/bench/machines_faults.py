"""What happens to workers and their database: kills, a restart, an empty database, and a process that is held up."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.machines_run import Process
from tests.support.postgres import Postgres, name_of

RESTART, DROP, STOP = 0.1, 0.25, 0.4
"""The shares of clients that are done after which it happens."""
LONG = 100.0
"""Seconds for which a worker is stopped: longer than a piece of work may be without a sign of life."""
WORKING = "select 'name=' || executor_id from dbos.workflow_status where status = 'PENDING' and name = 'work'"


@dataclass
class Faults:
    """The faults of one run. `tick` is called all the time."""

    workers: Sequence[Process]
    postgres: Postgres
    url: str
    chance: random.Random
    every: float
    """Seconds from one kill to the next, on average."""
    long: float = LONG
    kills: int = 0
    ended: int = 0
    """How many workers have ended by themselves."""
    happened: list[str] = field(default_factory=list)
    last: float = 0.0
    """When the latest fault was, in seconds since 1970."""
    _next: float = 0.0
    _until: float = 0.0
    _stopped: Process | None = None

    @property
    def over(self) -> bool:
        """Whether everything but the kills has happened."""
        return len(self.happened) == 3 and self._stopped is None

    def tick(self, done: float) -> None:
        """Let happen what is due at this share of clients that are done. Workers that have ended start again."""
        now = time.monotonic()
        for worker in self.workers:
            if worker.status is not None:
                self.ended += 1
                worker.start()
        if self._stopped and now >= self._until:
            self._stopped.send(signal.SIGCONT)
            self._stopped, self.last = None, time.time()
        if done >= RESTART and not self.happened:
            self._note("restart")
            self.postgres.restart()
        elif done >= DROP and len(self.happened) == 1:
            self._note("drop")
            self.postgres.say(f"drop database {name_of(self.url)} with (force)")
            self.postgres.say(f"create database {name_of(self.url)}")
        elif done >= STOP and len(self.happened) == 2:
            self._stop_one(now, whoever=done == 1)
        if done < 1 and now >= self._next:
            self._kill_one()
            self._next = now + self.every * self.chance.uniform(0.5, 1.5)

    def _kill_one(self) -> None:
        worker = self.chance.choice([worker for worker in self.workers if worker is not self._stopped])
        worker.kill()
        worker.start()
        self.kills += 1
        self.last = time.time()

    def _stop_one(self, now: float, *, whoever: bool) -> None:
        """Stop a worker that is at work."""
        told = self.postgres.say(WORKING, name_of(self.url))
        found = [worker for worker in self.workers if f"name={worker.name}\n" in told.replace(" ", "")]
        if not found and not whoever:
            return
        self._note(f"stop {'in' if found else 'without'} work")
        self._stopped = self.chance.choice(found or list(self.workers))
        self._stopped.send(signal.SIGSTOP)
        self._until = now + self.long

    def _note(self, what: str) -> None:
        self.happened.append(what)
        self.last = time.time()
