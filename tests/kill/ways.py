"""The ways in which people finish what died, as one table: for the real processes and for those in one process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.kill.scenarios import RESUME, Scenario


@dataclass(frozen=True)
class Way:
    """`resume` at once, or (`patiently`) when the dead command counts as dead; or the same command once more."""

    name: str
    patiently: bool = False
    repeats: bool = False

    def suits(self, scenario: Scenario) -> bool:
        """Tell whether it finishes this scenario's command."""
        return scenario.repeats or not self.repeats

    def argv(self, scenario: Scenario) -> tuple[str, ...]:
        """Return what is typed."""
        if self.repeats:
            return (*scenario.argv, *(() if "--takeover" in scenario.argv else ("--takeover",)))
        return tuple(word for word in RESUME if not (self.patiently and word == "--takeover"))


TAKEOVER = Way("takeover")
WAIT = Way("wait", patiently=True)
AGAIN = Way("again", repeats=True)
WAYS = (TAKEOVER, WAIT, AGAIN)


def finish(subject: Any, scenario: Scenario, way: Way) -> None:
    """Finish what died in one of the ways. An operation that nobody knows of yet has to be given again.

    `subject` is a client of either kind.
    """
    if not scenario.begun(subject.wire.done):
        subject.must(*scenario.argv)
    elif way.patiently:
        subject.patiently(*way.argv(scenario))
    else:
        subject.must(*way.argv(scenario))
