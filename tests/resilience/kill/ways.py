"""The ways in which people finish what died, as one table: for the real processes and for those in one process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.resilience.kill.scenarios import END_LEAKED, RESUME, Scenario


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


LEAKED = r"sync \S+ .*--compromised"
"""What a settlement names after a lock that said that the value had leaked which is not live any more."""
UNPROVEN = r"--unproven (\S+)"
"""What a rollback asks for where nothing proves that its fallback was one."""


def begin(subject: Any, scenario: Scenario, way: Way) -> Any:
    """Begin to finish what died in one of the ways. What nobody knows of yet is given again.

    `subject` is a client of either kind.
    """
    if not scenario.begun(subject.wire.done):
        return again(subject, scenario)
    return subject.patiently(*way.argv(scenario)) if way.patiently else subject.run(way.argv(scenario))


def again(subject: Any, scenario: Scenario) -> Any:
    """Give the command again: it has to end well."""
    return vouched(subject, scenario, subject.run(scenario.argv))


def vouched(subject: Any, scenario: Scenario, ended: Any) -> Any:
    """Return how a command ended that has to end well, after saying what an interruption in AWS alone cannot prove."""
    asked = re.search(UNPROVEN, ended.err) if ended.status == 4 and scenario.doubtful else None
    if asked:
        ended = subject.run((*scenario.argv, "--unproven", asked[1], "--yes"))
    assert ended.status == 0, f"it ended with {ended.status}: {ended.out}{ended.err}"
    return ended


def followed(subject: Any, scenario: Scenario, ended: Any) -> None:
    """Make sure that a command ended well, or said what else to do: the interrupted command again, after a leak too."""
    told = ended.out + ended.err
    if ended.status == 3 and "had leaked" in told:
        subject.must(*(END_LEAKED if re.search(LEAKED, told) else scenario.argv))
        return
    ended = vouched(subject, scenario, ended)
    if re.search(r"given.back", ended.out):
        again(subject, scenario)
