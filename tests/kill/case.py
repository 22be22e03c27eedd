"""One case: a client, a command that is struck at one point, and what is left of it afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tests.kill.bench import Bench, Struck, Subject
from tests.kill.judge import Start, at_death, at_end
from tests.kill.scenarios import CLAIMED, REASON, RESUME, SCENARIOS, Scenario
from tests.kill.shape import differences, leftovers, locked, shape, without
from tests.kill.wire import Blow, Point, Side

MODES = ("takeover", "wait", "twice", "again")
"""How the dead command is finished: `resume --takeover`; `resume` once it counts as dead; a `resume --takeover` that is
killed as well, and another; the same command again, where it finishes what it finds (otherwise as the first)."""
NOT_BEGUN = ("nothing is interrupted", "repair")
"""What `resume` says of an operation that died before anybody could tell what it was: then it has to be run again."""
AGAIN = ("rotate", "--adopt", "--no-wait")
SLOW = ("Timeout", "answers too slowly", "took longer than", "lease had ended", "fit into the lease")
"""Said by a command on a machine that is too busy for its leases; see `--propagation`."""
TRIES = 3
OVERDUE = 60.0  # seconds


@dataclass(frozen=True)
class Rehearsal:
    """An undisturbed run: what it asked, and how the client stood before and after it."""

    calls: tuple[str, ...]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What became of one case. Without `reached` the command had ended by then: it is no case."""

    scenario: str
    point: Point
    reached: bool
    mode: str = ""
    call: str = ""
    rerun: bool = False
    seconds: float = 0.0
    repeats: int = 0
    faults: tuple[str, ...] = ()

    @property
    def disturbed(self) -> bool:
        """Whether the machine was too slow: that proves nothing, and the case has to be run again."""
        return any(word in fault for fault in self.faults for word in SLOW)

    def __str__(self) -> str:
        told = f"{self.scenario}: {self.point} ({self.call}), then {self.mode}"
        return "\n".join([told, *(f"    {fault}" for fault in self.faults)])


def rehearse(bench: Bench, name: str) -> Rehearsal:
    """Run a scenario without disturbing it."""
    for _ in range(TRIES - 1):
        with suppress(AssertionError):
            return _rehearse(bench, SCENARIOS[name])
    return _rehearse(bench, SCENARIOS[name])


def _rehearse(bench: Bench, scenario: Scenario) -> Rehearsal:
    with bench.subject(scenario.ends, companions=scenario.companions) as subject:
        start = _begin(subject, scenario)
        before = shape(subject)
        subject.wire.listen()
        subject.must(*scenario.argv)
        calls = tuple(subject.wire.calls)
        subject.spread()
        faults = at_end(subject, start)
        assert not faults, (scenario.name, faults)
        return Rehearsal(calls, before, shape(subject))


def points(rehearsal: Rehearsal) -> list[Point]:
    """Return both sides of every request, in their order."""
    return [Point(n, side) for n in range(1, len(rehearsal.calls) + 1) for side in Side]


def mode_of(point: Point) -> str:
    """Return how the case of a point is finished: each mode on either side, evenly."""
    return MODES[(point.nth + (2 if point.side is Side.AFTER else 0)) % len(MODES)]


def judged(bench: Bench, scenario: Scenario, point: Point, blow: Blow, rehearsal: Callable[[], Rehearsal]) -> Result:
    """Run one case, and again when the machine was too slow for it."""
    repeats = 0
    while True:
        result = Case(bench, scenario, point, rehearsal).run(blow)
        if not result.disturbed or repeats == TRIES - 1:
            return replace(result, repeats=repeats)
        repeats += 1


@dataclass
class Case:
    """One case, on a client of its own. `rehearsal` is what it is compared with."""

    bench: Bench
    scenario: Scenario
    point: Point
    rehearsal: Callable[[], Rehearsal]
    faults: list[str] = field(default_factory=list)
    rerun: bool = False

    def run(self, blow: Blow) -> Result:
        """Strike, look, finish, compare. Never raises."""
        began, struck, mode = time.monotonic(), None, mode_of(self.point) if blow is Blow.KILL else "overtaken"
        try:
            with self.bench.subject(self.scenario.ends, companions=self.scenario.companions) as subject:
                start = _begin(subject, self.scenario)
                struck = subject.strike(self.scenario.argv, self.point, blow)
                if struck.reached:
                    self.faults += [f"at death: {fault}" for fault in at_death(subject, start, self.scenario.limits)]
                    (self._killed if blow is Blow.KILL else self._frozen)(subject, start, struck)
                elif struck.ended and struck.ended.status:
                    self.faults.append(f"undisturbed, it ended with {struck.ended.status}: {struck.ended.err}")
        except Exception as error:  # noqa: BLE001  # told with the case
            self.faults.append(f"{type(error).__name__}: {error}")
        reached, call = (struck.reached, struck.trap.call) if struck else (True, "its scene")
        took = time.monotonic() - began
        return Result(self.scenario.name, self.point, reached, mode, call, self.rerun, took, 0, tuple(self.faults))

    def _killed(self, subject: Subject, start: Start, _struck: Struck) -> None:
        nameless = _nameless(subject)
        self._finish(subject)
        if "the next resume will" in subject.said[-1].out:  # clean up: a server was too slow for it
            subject.must(*RESUME)
        subject.spread()
        rehearsal = self.rehearsal()
        found, expected = shape(subject), rehearsal.after
        if nameless and REASON not in str(found):  # it died with it: only who gives the same command again can say it
            expected = without(expected, f": {REASON}")
        unchanged = subject.changes == start.changes and any(word in subject.said[-1].out for word in NOT_BEGUN)
        if unchanged and differences(found, expected):
            subject.must(*self.scenario.argv)
            subject.spread()
            self.rerun, found = True, shape(subject)
        self.faults += at_end(subject, start) + differences(found, expected)
        made = len(found["auth0"]) - len(rehearsal.before["auth0"])
        if made > self.scenario.limits.makes:
            self.faults.append(f"Auth0 was given {made} new values")

    def _finish(self, subject: Subject) -> None:
        mode = mode_of(self.point)
        if not self._begun(subject):
            subject.must(*self.scenario.argv)
        elif mode == "wait":
            _patiently(subject)
        elif mode == "twice":
            start, nth = Start.of(subject), 1 + self.point.nth * 7 % 25
            if subject.strike(RESUME, Point(nth, Side.BEFORE if nth % 2 else Side.AFTER)).reached:
                self.faults += [f"at its second: {told}" for told in at_death(subject, start, self.scenario.limits)]
            subject.must(*RESUME)
        elif mode == "again" and self.scenario.repeats and locked(subject):
            subject.must(*self.scenario.argv, *(() if "--takeover" in self.scenario.argv else ("--takeover",)))
            subject.must(*RESUME)
        else:
            subject.must(*RESUME)

    def _begun(self, subject: Subject) -> bool:
        """Tell whether others know of the operation: what the servers have heard of it."""
        begins = self.scenario.begins
        return begins is None or any(re.fullmatch(begins, call) for call in subject.wire.done)

    def _frozen(self, subject: Subject, start: Start, struck: Struck) -> None:
        claimed = any(re.fullmatch(CLAIMED.match, call) for call in subject.wire.done)
        try:
            subject.must(*(RESUME if self._begun(subject) else self.scenario.argv))
            subject.must(*AGAIN)
            changes = subject.changes
        finally:
            struck.process.wake()
            ended = subject.ended(struck.process)
        if ended.status not in (0, 1, 3, 4):
            self.faults.append(f"woken, it ended with {ended.status}: {ended.out}{ended.err}")
        if claimed and subject.changes != changes:
            self.faults.append("woken, it changed Auth0's value although it had lost the places")
        if ended.status == 3 and leftovers(subject):
            subject.must(*RESUME)
        subject.spread()
        self.faults += at_end(subject, start)


def _begin(subject: Subject, scenario: Scenario) -> Start:
    scenario.scene(subject)
    subject.rest()
    return Start.of(subject)


def _nameless(subject: Subject) -> bool:
    """Tell whether an operation claimed in AWS and did not come to write there who it is, and why."""
    done = subject.wire.done
    return "aws POST PutSecretValue" in done and "aws POST TagResource" not in done


def _patiently(subject: Subject) -> None:
    """Resume as soon as the dead command counts as dead; before that it is refused, and says until when."""
    end = time.monotonic() + OVERDUE
    while (ended := subject.run("resume")).status == 4 and "counts as live until" in ended.err:
        assert time.monotonic() < end, "it never counts as dead"
        time.sleep(2)
    assert ended.status == 0, f"resume ended with {ended.status}: {ended.out}{ended.err}"
