"""Playing one case: strike, look, have others go on, compare. The same for commands in this process and for processes.

`subject` is a client of either kind (`tests/resilience/deaths/bench.py`, `tests/resilience/kill/bench.py`).
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.resilience.deaths.cases import Case, Played, Rehearsal
from tests.resilience.deaths.commands import Ended
from tests.resilience.deaths.line import Blow
from tests.resilience.kill.judge import Start, at_death, at_end
from tests.resilience.kill.scenarios import RESUME, Scenario
from tests.resilience.kill.shape import differences, ended, leftovers, locked, shape, values, without
from tests.resilience.kill.ways import TAKEOVER, again, begin, followed

NEXT = ("rotate", "--adopt", "--no-wait")
"""What others do after all was finished."""
COMPANIONS = "its sibling keys are not"
SYNC = ("sync", "--takeover")
TRIES = 5
REPAIR = ("adopt", "--repair", "--takeover", "--yes")


def nothing(said: Any) -> bool:
    """Tell whether a command found nothing to do, or nothing but something to give back."""
    return any(word in said.out for word in ("nothing", "given-back", "cleaned-up", "given back", "cleaned up"))


def rehearse(bench: Any, scenario: Scenario) -> Rehearsal:
    """Run a scenario undisturbed, until it takes the same calls twice: on a busy machine some are repeated.

    Raises:
        AssertionError: it does not end well.
    """
    before = None
    for _ in range(TRIES):
        found = _rehearsed(bench, scenario)
        if before is not None and len(found.calls) == len(before.calls):
            break
        before = found
    return found


def _rehearsed(bench: Any, scenario: Scenario) -> Rehearsal:
    with bench.subject(scenario.ends, sibling_keys=scenario.sibling_keys) as subject:
        start = _begin(subject, scenario)
        before = shape(subject)
        with subject.noting() as states:
            subject.must(*scenario.argv)
        calls = list(subject.wire.calls)
        subject.spread()
        faults = at_end(subject, start)
        assert not faults, (scenario.name, faults)
        return Rehearsal(calls, states, before, shape(subject))


def play(bench: Any, scenario: Scenario, case: Case, rehearsal: Rehearsal) -> Played:
    """Play one case. Never raises: whatever is wrong is among its faults."""
    played = Played()
    try:
        seed = Random(str(case)).randrange(10**6)
        with bench.subject(scenario.ends, sibling_keys=scenario.sibling_keys, seed=seed) as subject:
            _Play(subject, scenario, case, rehearsal, played).run()
    except Exception as error:  # noqa: BLE001  # told with the case
        played.faults.append(f"{type(error).__name__}: {error}")
    return played


def _begin(subject: Any, scenario: Scenario) -> Start:
    scenario.scene(subject)
    subject.rest()
    return Start.of(subject)


class _Play:
    def __init__(self, subject: Any, scenario: Scenario, case: Case, rehearsal: Rehearsal, played: Played) -> None:
        self.subject = subject
        self.scenario = scenario
        self.case = case
        self.rehearsal = rehearsal
        self.played = played

    def run(self) -> None:
        start = _begin(self.subject, self.scenario)
        if self.case.kills:
            self._killed(start)
        elif self.case.blow is Blow.LATE:
            self._late(start)
        elif self.case.blow is Blow.LATE_ALIVE:
            self._lost(start)
        else:
            self._frozen(start)

    def _reached(self, line: Any) -> bool:
        self.played.call = line.struck
        if not line.struck:
            self.played.faults.append("the command never came there")
        return bool(line.struck)

    def _at_death(self, start: Start, when: str) -> None:
        self.played.faults += [f"{when}: {fault}" for fault in at_death(self.subject, start, self.scenario.limits)]

    def _killed(self, start: Start) -> None:
        subject = self.subject
        line = subject.strike(self.scenario.argv, self.case.at, self.case.blow)
        if not self._reached(line):
            return
        self._at_death(start, "at death")
        nameless = "aws POST PutSecretValue" in line.done and "aws POST TagResource" not in line.done
        if self.case.second is not None:
            self._killed_again()
        elif self.case.way.repeats and not locked(subject):
            return  # what was released is done, and the same command begins anew
        else:
            with subject.noting() as self.played.found:
                begun = begin(subject, self.scenario, self.case.way)
            followed(subject, self.scenario, begun)
        subject.spread()
        self._compare(start, nameless=nameless)

    def _killed_again(self) -> None:
        subject, way = self.subject, self.case.way
        begun = self.scenario.begun(subject.wire.done)
        if begun and way.patiently:
            subject.die_out()
        argv = way.argv(self.scenario) if begun else self.scenario.argv
        before = Start.of(subject)  # what nobody holds by now, because Auth0 made it, the first death has lost
        line = subject.strike(argv, self.case.second, Blow.KILLED_AFTER)
        if not line.struck:
            self.played.faults.append("the finisher never came there")
        self._at_death(before, "at its second")
        told, told_before = subject.said[-1].err, len(subject.said)
        self._settled(begun=begun or self.scenario.begun(line.done))
        later = subject.said[told_before:]
        if "had leaked" in told and len(later) == 1 and "had leaked" not in later[0].out + later[0].err:
            followed(subject, self.scenario, Ended(3, err=told))  # it had said so before it died

    def _settled(self, *, begun: bool) -> None:
        """Do what people are told to do: settle it, and give the command again where that says so."""
        if begun:
            followed(self.subject, self.scenario, self.subject.run(RESUME))
        else:
            again(self.subject, self.scenario)

    def _compare(self, start: Start, *, nameless: bool) -> None:
        """Make sure that the end is the one of the undisturbed run."""
        subject, scenario, expected = self.subject, self.scenario, self.rehearsal.after
        found = shape(subject)
        reason = scenario.argv[scenario.argv.index("--reason") + 1] if "--reason" in scenario.argv else ""
        if nameless and reason and reason not in str(found):  # only who gives the same command again can say it
            expected = without(expected, f": {reason}")
        if differences(found, expected) and subject.said[-1].status == 0 and nothing(subject.said[-1]):
            again(subject, scenario)  # it died before anybody could tell what it was
            subject.spread()
            found = shape(subject)
        if scenario.limits.ends_current:
            found, expected = ended(found), ended(expected)
        self.played.faults += at_end(subject, start) + differences(found, expected)
        made = len(values(subject)) - start.values
        if made > scenario.limits.makes:
            self.played.faults.append(f"Auth0 was given {made} new values")

    def _frozen(self, start: Start) -> None:
        subject, changes = self.subject, 0

        def meanwhile(done: list[str]) -> None:
            nonlocal changes
            self._at_death(start, "while frozen")
            self._settled(begun=self.scenario.begun(done))
            subject.must(*NEXT)
            changes = subject.changes

        line = subject.strike(self.scenario.argv, self.case.at, self.case.blow, meanwhile=meanwhile)
        if not self._reached(line):
            return
        ended = subject.said[-1]
        if ended.status not in (0, 1, 3, 4):
            self.played.faults.append(f"woken, it ended with {ended.status}: {ended.out}{ended.err}")
        late = self.case.blow is Blow.DELIVERED and line.struck.startswith("auth0")
        urgent = "--compromised" in self.scenario.argv and not line.struck.startswith("auth0")  # it takes them again
        if subject.changes != changes and not late and not urgent:
            self.played.faults.append("woken, it changed Auth0's value although it had lost the sinks")
        self._heal(start)

    def _late(self, start: Start) -> None:
        """The command was killed, and its request is carried out while others finish."""
        subject = self.subject
        line = subject.strike(self.scenario.argv, self.case.at, self.case.blow)
        if not self._reached(line):
            return
        self._at_death(start, "at death")
        if self.scenario.begun(line.done):
            self.played.found = subject.overtake(TAKEOVER.argv(self.scenario), line, self.case.late)
            if subject.said[-1].status not in (0, 3, 4):
                self.played.faults.append(f"the finisher ended with {subject.said[-1]}")
        self._heal(start)

    def _lost(self, start: Start) -> None:
        """The connection broke, and the request is carried out while the same command goes on."""
        line = self.subject.strike(self.scenario.argv, self.case.at, self.case.blow, late=self.case.late)
        if self._reached(line):
            self.played.found = line.late
            self._heal(start)

    def _heal(self, start: Start) -> None:
        """Whatever happened: what people are told to do leads to a good end, and the next rotation to another."""
        subject = self.subject
        if self.case.is_late and not self.played.call.endswith("/rotate-secret"):  # who hears that answer is dead
            self._at_death(start, "afterwards")
        if self.case.blow is Blow.DELIVERED:
            subject.spread()
            self._follow(RESUME)
        elif leftovers(subject):
            self._settled(begun=True)
        elif subject.said[-1].status:
            self._follow(NEXT)
        last = subject.said[-1]
        if (last.status is None or nothing(last)) and subject.changes == start.changes and at_end(subject, start):
            again(subject, self.scenario)  # nothing had been begun that others could know of
        subject.spread()
        faults = at_end(subject, start)
        tags = "/metadata/" in self.played.call or "TagResource" in self.played.call
        after = self.case.blow is Blow.DELIVERED or (self.case.blow is Blow.LATE_ALIVE and tags)
        if after and any(COMPANIONS in fault for fault in faults):
            # Its own tags, written after everything, say nothing of the document: the next rotation writes both anew.
            faults, self.played.synced = [fault for fault in faults if COMPANIONS not in fault], True
        self.played.faults += faults
        subject.rest()
        self._follow(NEXT)
        subject.spread()
        self.played.faults += [f"after the next rotation: {fault}" for fault in at_end(subject, start)]

    def _follow(self, argv: tuple[str, ...]) -> None:
        """Run a command. Where a late request wrote over something, it says what else to do: that is followed."""
        subject = self.subject
        ended = subject.run(argv)
        if ended.status == 0:
            return
        if ended.status == 3 and "had leaked" in ended.err:
            followed(subject, self.scenario, ended)
            return
        late = self.case.is_late or self.case.blow is Blow.DELIVERED
        told = f"{' '.join(argv)} ended with {ended.status}: {ended.err}"
        assert late, told
        assert ended.status == 4, told
        assert "secret-bridge sync" in ended.err or "--repair" in ended.err, told
        self.played.synced = True
        subject.must(*(REPAIR if "--repair" in ended.err else SYNC))
        subject.spread()
        subject.rest()
        subject.must(*argv)
