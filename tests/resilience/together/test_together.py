"""`--all` for eight clients: the one process is killed, frozen or asked to stop, and one other command follows."""

from __future__ import annotations

import pytest

from tests.resilience.together import judge
from tests.resilience.together.cases import ANSWERING, RETIRING, Blow, Then, deaths, rotations
from tests.resilience.together.fleet import Fleet
from tests.resilience.together.moments import Moment
from tests.resilience.together.play import Played, follow, strike, wake
from tests.resilience.together.readers import reading

pytestmark = pytest.mark.timeout(600)

ROTATE = ("rotate", "--all", "--jobs", "8")
LEAK = ("--compromised", "--reason", "in a log", "--yes")


def commands(then: Then, blow: Blow, since: str) -> tuple[str, ...]:
    """Return the command that follows. What was asked to stop holds nothing that had to be taken over."""
    takeover = () if blow in (Blow.TERMINATED, Blow.INTERRUPTED) else ("--takeover",)
    return {
        Then.RESUME: ("resume", "--all", *takeover),
        Then.NOT_SINCE: (*ROTATE, "--not-since", since, *takeover),
        Then.TAKEOVER: (*ROTATE, "--takeover"),
    }[then]


def agree(played: Played, missed: list[str]) -> None:
    """Fail with all that was found, a line each."""
    assert played.ended
    fleet = played.fleet
    died = played.blow in (Blow.KILLED, Blow.TWICE)  # the second Ctrl-C waits for nothing
    found = [*played.faults, *missed, *judge.recorded(fleet, played.lines, died=died), *judge.said(fleet)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize(("blow", "moment", "place", "then"), rotations())
def test_a_rotation_of_all(fleet: Fleet, blow: Blow, moment: Moment, place: str, then: Then) -> None:
    since = fleet.rest().isoformat()
    with reading(fleet.worlds) as missed:
        played = strike(fleet, blow, moment, place, ROTATE, Moment.RELEASE)
        follow(played, *commands(then, blow, since))
        changes = {name: {1} for name in fleet.worlds}
        if then is Then.RESUME:
            changes = {name: {played.new(name)} for name in fleet.worlds}
        if blow is Blow.FROZEN:
            waiting = {name for name in fleet.worlds if name not in played.held and not played.new(name)}
            wake(played, played.held if then is Then.RESUME else played.held | waiting)
            changes |= {name: {0, 1} for name in waiting if then is Then.RESUME}
        played.faults += judge.of_all(fleet, played.before, changes)
    agree(played, missed)


@pytest.mark.parametrize(("moment", "place"), deaths(RETIRING))
def test_a_retirement_of_all_that_is_killed(fleet: Fleet, moment: Moment, place: str) -> None:
    fleet.must(*ROTATE, "--no-wait")
    fleet.rest()
    retire = ("retire", "--all", "--yes", "--jobs", "8")
    with reading(fleet.worlds) as missed:
        played = strike(fleet, Blow.KILLED, moment, place, retire, Moment.RELEASE)
        follow(played, *retire, "--takeover")
        played.faults += judge.of_all(fleet, played.before, {name: {0} for name in fleet.worlds}, "retired")
    agree(played, missed)


@pytest.mark.parametrize(("moment", "place"), deaths(ANSWERING))
def test_an_answer_to_a_leak_of_all_that_is_killed(fleet: Fleet, moment: Moment, place: str) -> None:
    """A client whose answer was not done to the end is answered for again: no lock may keep a leaked value alive."""
    fleet.must(*ROTATE, "--no-wait")
    since = fleet.rest().isoformat()
    with reading(fleet.worlds, leaked=True) as missed:
        played = strike(fleet, Blow.KILLED, moment, place, (*ROTATE, *LEAK), Moment.PROMOTE, leaked=True)
        follow(played, *ROTATE, *LEAK, "--not-since", since)
        changes = {name: {1, played.new(name) + 1} if name in played.touched else {1} for name in fleet.worlds}
        played.faults += judge.of_all(fleet, played.before, changes, "retired")
    agree(played, missed)
