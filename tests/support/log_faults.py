"""What may happen to a tenant's log on its way to a reader: entries come late, twice, out of order, or never.

It is a gate for `tests.support.proxy`, and changes answers to `GET /api/v2/logs` only. What becomes of an entry follows
from its id, so that whoever knows the id knows that, too.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sinks.record import unstamp
from tests.support.proxy import Answer

PATH = "GET /api/v2/logs"


@dataclass(frozen=True)
class LogFaults:
    """The parts of all entries that come late or never, and of all answers in which some come twice or in any order."""

    seed: int = 1
    late: float = 0.2
    longest: timedelta = timedelta(seconds=20)
    """How late an entry may come, beside the delay of the log itself."""
    never: float = 0.05
    twice: float = 0.2
    shuffled: float = 0.2
    delay: timedelta = timedelta()
    """The delay of the log itself."""

    def is_lost(self, log_id: str) -> bool:
        """Return whether an entry never comes."""
        return random.Random(f"{self.seed} never {log_id}").random() < self.never

    def lateness(self, log_id: str) -> timedelta:
        """Return how much later than its delay an entry comes."""
        chance = random.Random(f"{self.seed} late {log_id}")
        return self.longest * chance.random() if chance.random() < self.late else timedelta()

    def __call__(self, what: str, ask: Callable[[], Answer]) -> Answer:
        """Return what becomes of an answer (`tests.support.proxy.Gate`)."""
        answer = ask()
        if what.partition("?")[0] != PATH or answer.status != 200:
            return answer
        entries = [entry for entry in json.loads(answer.body) if self._is_shown(entry)]
        chance = random.Random(f"{self.seed} {time.monotonic()}")
        if chance.random() < self.twice:
            entries += chance.sample(entries, min(3, len(entries)))
        if chance.random() < self.shuffled:
            chance.shuffle(entries)
        return replace(answer, body=json.dumps(entries).encode())

    def _is_shown(self, entry: Any) -> bool:
        at = unstamp(entry["date"])
        assert at
        shown = at + self.delay + self.lateness(entry["log_id"])
        return not self.is_lost(entry["log_id"]) and shown.timestamp() <= time.time()
