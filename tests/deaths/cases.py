"""The cases of one scenario, and playing one of them.

A case is a server state in which the command stands, what becomes of the command there, and how others go on. States
are found by counting on the wire: a scenario is rehearsed, and after each request that changes something all that the
servers hold is looked at. A state that was seen before makes no new case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.deaths.bench import Bench, Subject
from tests.deaths.line import At, Blow, Line
from tests.deaths.states import canonical
from tests.kill.judge import Start, at_death, at_end
from tests.kill.scenarios import RESUME, SCENARIOS, Scenario
from tests.kill.shape import differences, leftovers, locked, shape, without
from tests.kill.ways import TAKEOVER, WAYS, Way, finish

NEXT = ("rotate", "--adopt", "--no-wait")
"""What others do after all was finished."""
SYNC = ("sync", "--takeover")
SPREADS = 30.0  # seconds: after that no request is carried out any more (what is later is no promise of ours)
READS = 2
"""How many of a scenario's requests that change nothing are drawn."""


@dataclass(frozen=True)
class Case:
    """`at` is the request of the scenario's command at which the blow falls.

    `way` and `second`: how it is finished, and the request at which the finisher is killed as well. `late`: before which
    request, of whoever goes on, the server carries out what was held back; 0 is never, -1 when all have ended.
    """

    at: At
    blow: Blow
    way: Way = TAKEOVER
    second: At | None = None
    late: int = 0

    def __str__(self) -> str:
        told = f"{self.blow} at {self.at}"
        if self.blow in (Blow.LATE, Blow.LATE_ALIVE):
            late = {0: "never", -1: "when all have ended"}.get(self.late, f"before request {self.late}")
            return f"{told}, carried out {late}"
        if self.blow not in (Blow.KILLED, Blow.KILLED_AFTER):
            return told
        return f"{told}, {self.way.name}" + (f", killed after {self.second}" if self.second else "")


@dataclass
class Rehearsal:
    """An undisturbed run: its requests, the state after each change, and how the client stood before and after."""

    calls: list[str]
    states: list[str]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Played:
    """What became of a case. `states` are those after each change of the finisher. `late`: where requests may come."""

    faults: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    call: str = ""
    reached: bool = False


def rehearse(bench: Bench, scenario: Scenario) -> Rehearsal:
    """Run a scenario undisturbed.

    Raises:
        AssertionError: it does not end well.
    """
    with bench.subject(scenario.ends, companions=scenario.companions) as subject:
        start = begin(subject, scenario)
        states, before = [canonical(subject)], shape(subject)
        line = subject.line(noted=lambda _what: states.append(canonical(subject)))
        ended = subject.run(scenario.argv, line)
        assert ended.status == 0, f"{scenario.name} undisturbed: {ended.status} {ended.err}"
        subject.spread()
        faults = at_end(subject, start)
        assert not faults, (scenario.name, faults)
        return Rehearsal(line.calls, states, before, shape(subject))


def begin(subject: Subject, scenario: Scenario) -> Start:
    """Set the scene."""
    scenario.scene(subject)
    subject.rest()
    return Start.of(subject)


def new_states(states: list[str], seen: set[str]) -> list[int]:
    """Return the changes, from 1, that led to a state which was not seen before, and remember those states."""
    found = []
    for number, state in enumerate(states[1:], 1):
        if state not in seen:
            seen.add(state)
            found.append(number)
    return found


def deaths(scenario: Scenario, rehearsal: Rehearsal) -> Iterator[Case]:
    """Yield the first blows: each new state, finished in each way; and some requests that change nothing."""
    for number in new_states(rehearsal.states, {rehearsal.states[0]}):
        yield from (Case(At(number), Blow.KILLED_AFTER, way) for way in WAYS if way.suits(scenario))
    drawn = Random(scenario.name).sample(range(1, len(rehearsal.calls) + 1), min(READS, len(rehearsal.calls)))
    yield from (Case(At(number, every=True), Blow.KILLED) for number in sorted(drawn))


def interruptions(rehearsal: Rehearsal) -> Iterator[Case]:
    """Yield what begins at each change that leads to a new state: freezes, and requests that come late."""
    for number in new_states(rehearsal.states, {rehearsal.states[0]}):
        for blow in (Blow.DROPPED, Blow.DELIVERED, Blow.ANSWERED, Blow.LATE, Blow.LATE_ALIVE):
            yield Case(At(number), blow)


SECRET = re.compile(r"/v1/secret/\w+/([^?]*)")
TAGS = ("TagResource", "UntagResource", "DescribeSecret")


def touches(what: str, held: str) -> bool:
    """Tell whether a request can meet, or change, what another one changes."""
    (end, _, path), (held_end, _, held_path) = what.split(" ", 2), held.split(" ", 2)
    if end != held_end:
        return False
    if end == "vault":
        one, other = SECRET.match(path), SECRET.match(held_path)
        return bool(one and other and one[1] == other[1])
    if end == "aws" and held_path in TAGS:
        return path in TAGS
    return end == "auth0" or not path.endswith("tagResource")


def play(bench: Bench, scenario: Scenario, case: Case, rehearsal: Rehearsal) -> Played:
    """Play one case. Never raises: whatever is wrong is among its faults."""
    played = Played()
    try:
        with bench.subject(scenario.ends, companions=scenario.companions, seed=Random(str(case)).randrange(10**6)) as it:
            _Play(it, scenario, case, rehearsal, played).run()
    except Exception as error:  # noqa: BLE001  # told with the case
        played.faults.append(f"{type(error).__name__}: {error}")
    return played


@dataclass
class _Play:
    subject: Subject
    scenario: Scenario
    case: Case
    rehearsal: Rehearsal
    played: Played

    def run(self) -> None:
        start = begin(self.subject, self.scenario)
        plays: dict[Blow, Callable[[Start], None]] = {
            Blow.KILLED: self._killed, Blow.KILLED_AFTER: self._killed, Blow.LATE: self._late,
            Blow.LATE_ALIVE: self._lost,
        }  # fmt: skip
        plays.get(self.case.blow, self._frozen)(start)

    def _strike(self, **more: Any) -> Line:
        line = self.subject.line(at=self.case.at, blow=self.case.blow, **more)
        self.subject.run(self.scenario.argv, line)
        self.played.call, self.played.reached = line.struck, bool(line.struck)
        if not line.struck:
            self.played.faults.append("the command never came there")
        return line

    def _at_death(self, start: Start, when: str) -> None:
        self.played.faults += [f"{when}: {fault}" for fault in at_death(self.subject, start, self.scenario.limits)]

    def _killed(self, start: Start) -> None:
        subject, scenario = self.subject, self.scenario
        line = self._strike()
        self._at_death(start, "at death")
        nameless = "aws POST PutSecretValue" in line.done and "aws POST TagResource" not in line.done
        with self._noting():
            if self.case.second is not None:
                self._killed_again(start)
            elif self.case.way.repeats and not locked(subject):
                return  # what was released is done, and the same command begins anew
            else:
                finish(subject, scenario, self.case.way)
        if "the next resume will" in subject.said[-1].out:
            subject.must(*RESUME)
        subject.spread()
        self._compare(start, nameless=nameless)

    def _killed_again(self, start: Start) -> None:
        subject = self.subject
        assert self.scenario.begun(subject.wire.done), "nothing was begun: there is no finisher to kill"
        if self.case.way.patiently:
            subject.die_out()
        line = subject.line(at=self.case.second, blow=Blow.KILLED_AFTER)
        subject.run(self.case.way.argv(self.scenario), line)
        if not line.struck:
            self.played.faults.append("the finisher never came there")
        self._at_death(start, "at its second")
        subject.must(*RESUME)

    def _compare(self, start: Start, *, nameless: bool) -> None:
        """Make sure that the end is the one of the undisturbed run."""
        subject, scenario, expected = self.subject, self.scenario, self.rehearsal.after
        found = shape(subject)
        reason = scenario.argv[scenario.argv.index("--reason") + 1] if "--reason" in scenario.argv else ""
        if nameless and reason and reason not in str(found):
            expected = without(expected, f": {reason}")
        unknown = subject.said[-1].nothing or "repair" in subject.said[-1].out
        if subject.changes == start.changes and unknown and differences(found, expected):
            subject.must(*scenario.argv)
            subject.spread()
            found = shape(subject)
        self.played.faults += at_end(subject, start) + differences(found, expected)
        made = len(found["auth0"]) - len(self.rehearsal.before["auth0"])
        if made > scenario.limits.makes:
            self.played.faults.append(f"Auth0 was given {made} new values")

    def _frozen(self, start: Start) -> None:
        subject, changes = self.subject, 0

        def meanwhile() -> None:
            nonlocal changes
            begun = self.scenario.begun(subject.wire.done)
            self._at_death(start, "while frozen")
            with subject.aside():
                subject.must(*(RESUME if begun else self.scenario.argv))
                subject.must(*NEXT)
            changes = subject.changes

        line = self._strike(meanwhile=meanwhile)
        ended = subject.said[-1]
        if ended.status not in (0, 1, 3, 4):
            self.played.faults.append(f"woken, it ended with {ended.status}: {ended.out}{ended.err}")
        late = self.case.blow is Blow.DELIVERED and line.struck.startswith("auth0")
        if subject.changes != changes and not late:
            self.played.faults.append("woken, it changed Auth0's value although it had lost the places")
        self._heal(start)

    def _late(self, start: Start) -> None:
        """The command was killed, and its request is carried out while others finish."""
        subject = self.subject
        line = self._strike()
        self._at_death(start, "at death")
        if not self.scenario.begun(line.done):
            self._heal(start)
            return
        self._others(line, lambda other: subject.run(TAKEOVER.argv(self.scenario), other))
        if subject.said[-1].status not in (0, 3, 4):
            self.played.faults.append(f"the finisher ended with {subject.said[-1]}")
        self._heal(start)

    def _lost(self, start: Start) -> None:
        """The connection broke, and the request is carried out while the same command goes on."""
        line = self.subject.line(at=self.case.at, blow=self.case.blow)
        self._others(line, lambda line: self.subject.run(self.scenario.argv, line))
        self.played.call, self.played.reached = line.struck, bool(line.struck)
        if not line.struck:
            self.played.faults.append("the command never came there")
        self._heal(start)

    def _others(self, holder: Line, run: Callable[[Line], Any]) -> None:
        """Have somebody go on, and what `holder` holds back be carried out on its way."""
        other = holder if not holder.struck else self.subject.line()

        def deliver() -> None:
            held, holder.held = holder.held, None
            if held:
                with self.subject.bench.edges.passing(None), suppress(Exception):
                    held.deliver()

        def before(what: str) -> None:
            if holder.held is None:
                return
            waited = holder.now() - holder.held.since
            number = len(other.calls) + 1
            if waited < SPREADS and touches(what, holder.held.what):
                self.played.late.append(number)
            if number == self.case.late:
                deliver()

        other.before = before
        run(other)
        if self.case.late == -1:
            deliver()
        elif holder.held is not None and holder.now() - holder.held.since < SPREADS:
            self.played.late.append(-1)

    def _heal(self, start: Start) -> None:
        """Whatever happened: what people are told to do leads to a good end, and the next rotation to another."""
        subject = self.subject
        if self.case.blow in (Blow.LATE, Blow.LATE_ALIVE):
            self._at_death(start, "afterwards")
        if leftovers(subject) or self.case.blow is Blow.DELIVERED:
            subject.must(*RESUME)
        elif subject.said[-1].status:
            subject.must(*NEXT)
        if self.case.blow is Blow.DELIVERED:  # after everything: what was written over is published again
            subject.must(*SYNC)
        subject.spread()
        self.played.faults += at_end(subject, start)
        subject.rest()
        subject.must(*NEXT)
        subject.spread()
        self.played.faults += [f"after the next rotation: {fault}" for fault in at_end(subject, start)]

    def _noting(self) -> Any:
        """Look at all states on the finisher's way, where it is not struck itself."""
        states, subject = self.played.states, self.subject
        states.append(canonical(subject))
        return subject.noting(lambda _what: states.append(canonical(subject)) if self.case.second is None else None)


def scenarios() -> dict[str, Scenario]:
    """Return the scenarios: how a killed `resume` is finished follows from the states, and undoing has none."""
    return {name: row for name, row in SCENARIOS.items() if "resume" not in name and "abort" not in name}
