"""What one of several workers does, whatever calls it: a sweep that hands out work, and the work of one tenant.

Everything that goes in or out is JSON: names, ids and words. The vaults hold the truth, so whatever was lost on the way
is found again by the next sweep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bridge.fleet.act import NOTHING, Listener, Result
from bridge.fleet.batch import Means, do
from bridge.fleet.breaker import FAILURES, LEAST, SHARE
from bridge.fleet.rules import WAITING, Verb
from bridge.fleet.sweep import ALL, Action, sweep
from bridge.model.errors import BridgeError, Failed, Refused
from bridge.model.progress import Stop
from sinks.clock import Clock, SystemClock

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings

MOST = 1000
"""How many actions a piece of work has. More of them would keep a tenant with one worker for too long."""
SHOWN = 50
"""How many clients a sweep's report names, of those that wait, need somebody, or cannot be read."""

REST = timedelta(hours=1)
"""After so long a rotation or retirement that was refused is tried again: what stands against it lasts."""

Told = dict[str, Any]
Fits = Callable[["ClientSettings"], bool]


@dataclass
class Worker:
    """One worker. `load` reads the configuration, each time anew: it may have changed."""

    load: Callable[[], Settings]
    reach: Callable[[Settings], Fits] = lambda _settings: lambda _client: True
    """Returns, for a configuration, whether a client is one of those that this worker can reach."""
    verbs: frozenset[Verb] = ALL
    jobs: int = 8
    """How many clients of a tenant are worked on at a time."""
    rate: float | None = None
    listen: Callable[[Settings], AbstractContextManager[Listener | None]] = lambda _: nullcontext()
    """Returns who learns of each outcome of a piece of work, such as the notifications."""
    swept: Callable[[Told], None] = lambda _report: None
    """Learns of the report of each sweep, for the log and for metrics."""
    became: Callable[[Result], None] = lambda _result: None
    """Learns of each result."""
    stop: Stop = field(default_factory=Stop)
    clock: Clock = field(default_factory=SystemClock)
    _refused: dict[tuple[str, str], tuple[float, Result]] = field(default_factory=dict)
    """What this worker was refused, by verb and client, and when in monotonic seconds."""

    def sweep(self) -> Told:
        """Look at every client, and return the work by tenant, and what else there is to say.

        Raises:
            Failed: the configuration cannot be read.
        """
        settings = self._settings()
        found = sweep(settings, verbs=self.verbs, fits=self.reach(settings), jobs=self.jobs)
        work: dict[str, list[Told]] = {}
        attention = [list(each) for each in found.attention]
        for action in found.actions:
            if refused := self._resting(action):
                attention.append([action.client, f"{action.verb} was refused: {refused.message}", refused.next])
            else:
                work.setdefault(action.tenant, []).append(action.as_dict())
        report: Told = {
            "looked_at": found.looked_at,
            "work": work,
            "counts": {"waiting": len(found.waiting), "attention": len(attention), "unread": len(found.unread)},
            "waiting": [[str(action), wait.words] for action, wait in found.waiting[:SHOWN]],
            "attention": attention[:SHOWN],
            "unread": [[name, error.message] for name, error in found.unread[:SHOWN]],
        }
        self.swept(report)
        return report

    def work(self, actions: Sequence[Told], mine: Callable[[], bool]) -> Told:
        """Do the actions of one tenant, as long as they are this worker's, and return the results.

        Raises:
            Failed: the configuration cannot be read, or this is no work.
        """
        settings = self._settings()
        try:
            wanted = [Action.of(each) for each in actions]
        except (BridgeError, TypeError, AttributeError) as error:
            raise Failed(f"this work cannot be read: {getattr(error, 'message', type(error).__name__)}") from None
        # Whoever put it there may know clients that this worker must not touch.
        fits = self.reach(settings)
        unreachable = [each for each in wanted if (found := settings.clients.get(each.client)) and not fits(found)]
        with self.listen(settings) as listener:
            means = Means(jobs=self.jobs, rate=self.rate, listener=listener, may_begin=mine)
            done = do(settings, [each for each in wanted if each not in unreachable], means, self.stop)
        for each in done:
            self.became(each)
            if each.exit == Refused.exit_status and each.verb in WAITING:
                self._refused[each.verb, each.client] = self.clock.monotonic(), each
        return {
            "results": [each.as_dict() for each in done if each.word not in (NOTHING, "not-begun")],
            "counts": dict(Counter(each.word for each in done) + Counter({"unreachable": len(unreachable)})),
        }

    def _resting(self, action: Action) -> Result | None:
        """Return the result of an action that was refused lately."""
        at, result = self._refused.get((action.verb, action.client), (0.0, None))
        return result if self.clock.monotonic() - at < REST.total_seconds() else None

    def _settings(self) -> Settings:
        try:
            return self.load()
        except BridgeError as error:
            # Its hints name files of this machine, and its class may not be known where this is read.
            raise Failed(f"the configuration cannot be used: {'; '.join(error.faults)}") from None


def pieces(found: Told, busy: Iterable[str]) -> list[tuple[str, list[Told]]]:
    """Return the pieces of work that a sweep's report asks for, each with its tenant.

    A tenant that is being worked on gets none: what is left there is found by the next sweep.
    """
    skip = set(busy)
    return [
        (tenant, actions[at : at + MOST])
        for tenant, actions in found["work"].items()
        if tenant not in skip
        for at in range(0, len(actions), MOST)
    ]


def too_many_fail(reports: Sequence[Mapping[str, Any]]) -> str | None:
    """Return in words that so much of a sweep's work has failed that no further sweep should run, or None.

    `reports` are those of its pieces of work. A client with nothing to do counts as one that has not failed.
    """
    results = [each for report in reports for each in report.get("results", ())]
    done = len(results) + sum(report.get("counts", {}).get(NOTHING, 0) for report in reports)
    failed = [each for each in results if each.get("exit") in FAILURES]
    if len(failed) < LEAST or len(failed) <= done * SHARE:
        return None
    tenants = sorted({str(each.get("tenant")) for each in failed})
    return f"{len(failed)} of {done} clients have failed, in {', '.join(tenants[:5])}"


def alone(worker: Worker) -> tuple[Told, list[Told]]:
    """Sweep once and do all of it in this process, without an engine. Return the two reports."""
    found = worker.sweep()
    return found, [worker.work(actions, lambda: True) for _, actions in pieces(found, ())]
