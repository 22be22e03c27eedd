"""The cases of a scenario: a server state in which its command stands, what becomes of it there, how others go on.

States are found by counting on the wire. A scenario is rehearsed, and after each request that changes something all
that the servers hold is looked at. A state that was seen before makes no new case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.resilience.deaths.line import AT_LAST, NEVER, At, Blow
from tests.resilience.kill.scenarios import Scenario
from tests.resilience.kill.ways import TAKEOVER, WAYS, Way

LATE = 2
READS = 2
"""How many of a scenario's requests that change nothing are drawn."""


@dataclass(frozen=True)
class Case:
    """`at` is the request of the scenario's command at which the blow falls.

    `way` and `second`: how it is finished, and the request at which the finisher is killed as well. `late`: before
    which request, of whoever goes on, the server carries out what was held back (0: never, -1: when all have ended).
    """

    at: At
    blow: Blow
    way: Way = TAKEOVER
    second: At | None = None
    late: int = NEVER

    @property
    def is_late(self) -> bool:
        """Whether a request is carried out later than it was sent."""
        return self.blow in (Blow.LATE, Blow.LATE_ALIVE)

    @property
    def kills(self) -> bool:
        """Whether the command dies, with nothing of it under way."""
        return self.blow in (Blow.KILLED, Blow.KILLED_AFTER)

    def __str__(self) -> str:
        told = f"{self.blow} at {self.at}"
        if self.is_late:
            late = {NEVER: "never", AT_LAST: "when all have ended"}.get(self.late, f"before request {self.late}")
            return f"{told}, carried out {late}"
        if not self.kills:
            return told
        return f"{told}, {self.way.name}" + (f", killed after {self.second}" if self.second else "")

    def children(self, scenario: Scenario, found: Sequence[str], seen: set[str]) -> Iterator[Case]:
        """Yield the cases that follow from what playing this one has found.

        A late request can only be met at its own sink. So all moments are tried where that is the only one, and two of
        them, drawn, beside another sink.
        """
        if self.is_late and self.late == NEVER:
            drawn = Random(f"{scenario.name} {self}").sample(found, min(LATE, len(found)))
            yield from (
                Case(self.at, self.blow, late=int(number))
                for number in found
                if " " not in scenario.ends or number in drawn
            )
        elif self.kills and not self.at.every:
            for number in new_states(list(found), seen):
                yield Case(self.at, self.blow, self.way, At(number))


@dataclass
class Rehearsal:
    """An undisturbed run: its requests, the state after each change, and how the client stood before and after."""

    calls: list[str]
    states: list[str]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Played:
    """What became of a case. `found`: the finisher's states, or the requests before which a late one may come."""

    faults: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    call: str = ""
    synced: bool = False
    """Whether a late request had written over tags, so that it took a `sync` to go on."""


def new_states(states: list[str], seen: set[str]) -> list[int]:
    """Return the changes, from 1, that led to a state which was not seen before, and remember those states."""
    found = []
    for number, state in enumerate(states[1:], 1):
        if state not in seen:
            seen.add(state)
            found.append(number)
    return found


def first_cases(scenario: Scenario, rehearsal: Rehearsal) -> Iterator[Case]:
    """Yield the first blows at each new state, and at some requests that change nothing."""
    numbers = new_states(rehearsal.states, {rehearsal.states[0]})
    for number in numbers:
        yield from (Case(At(number), Blow.KILLED_AFTER, way) for way in WAYS if way.suits(scenario))
    drawn = Random(scenario.name).sample(range(1, len(rehearsal.calls) + 1), min(READS, len(rehearsal.calls)))
    yield from (Case(At(number, every=True), Blow.KILLED) for number in sorted(drawn))
    for number in numbers:
        for blow in (Blow.DROPPED, Blow.DELIVERED, Blow.ANSWERED, Blow.LATE, Blow.LATE_ALIVE):
            yield Case(At(number), blow)
