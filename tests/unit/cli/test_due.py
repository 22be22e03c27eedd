"""What `--due` picks while a window is closed, and what it still does when a client's turn comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.cli.picking import rotated_since
from bridge.config.calendar import calendar_of
from bridge.config.settings import ClientSettings
from bridge.fleet.rules import Due, retirable, rotatable
from bridge.planning.status import Status
from sinks.record import stamp
from tests.unit.planning.sinks import CLIENT, NOW, TENANT, URIS, A, B, lock
from tests.unit.planning.test_status import aged, of

OPEN = calendar_of(["Thu 11:00-13:00 UTC"], [])  # NOW is a Thursday at noon
CLOSED = calendar_of(["Fri 11:00-13:00 UTC"], [])
BILLING = ClientSettings("billing", CLIENT, TENANT, URIS, calendar=OPEN)
SHUT = replace(BILLING, calendar=CLOSED)
DIED = NOW - timedelta(minutes=5)


class Stopped:
    """A clock that is set by the test. Its date is wrong, as a machine's may be."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return datetime(1999, 1, 1, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


def interrupted(operation: str, *, days: int = 91) -> Status:
    return of(*(replace(aged(days, uri=uri), lock=lock(operation, expected_end=DIED)) for uri in URIS))


def due(days: int = 91) -> Status:
    return of(aged(days, uri=A), aged(days, uri=B))


def test_what_is_due_is_picked_while_its_window_is_open_by_the_vaults_clock() -> None:
    rule = Due(rotatable, clock=Stopped())
    assert (rule(BILLING, due()), rule.held, rule.only_settle) == (True, {}, set())
    assert not rule(BILLING, due(days=1))
    assert not rule(SHUT, due())
    assert rule.held["billing"][1].shown == "Fri 2026-01-02 11:00 UTC"


def test_what_is_not_due_waits_for_nothing() -> None:
    rule = Due(rotatable, clock=Stopped())
    assert (rule(SHUT, due(days=1)), rule.held) == (False, {})


def test_when_its_turn_comes_the_window_may_have_closed() -> None:
    clock = Stopped()
    rule = Due(rotatable, clock=clock)
    assert rule(BILLING, due())
    clock.passed = 3599
    assert rule.turn(BILLING) is None
    clock.passed = 3600
    held = rule.turn(BILLING)
    assert held is not None
    assert held.words == "until Thu 2026-01-08 11:00 UTC"
    assert [*rule.held] == ["billing"]


def test_what_was_interrupted_is_settled_and_no_more_is_begun() -> None:
    for rule, operation in ((Due(rotatable), "rotate"), (Due(retirable), "retire")):
        assert rule(SHUT, interrupted(operation))
        assert (rule.only_settle, rule.held) == ({"billing"}, {})
        assert rule.turn(SHUT) is None


def test_what_was_interrupted_may_go_on_in_an_open_window() -> None:
    rule, clock = Due(rotatable), Stopped()
    assert rule(BILLING, interrupted("rotate"))
    assert rule.only_settle == set()
    rule = Due(rotatable, clock=clock)
    assert rule(BILLING, interrupted("rotate"))
    clock.passed = 7200  # the window has closed meanwhile
    assert rule.turn(BILLING) is None
    assert rule.only_settle == {"billing"}


def test_an_answer_to_a_leak_waits_for_nothing() -> None:
    rule = Due(rotatable, waits=False)
    assert rule(SHUT, due())
    assert rule.turn(SHUT) is None
    assert (rule.held, rule.only_settle) == ({}, set())


def test_a_client_that_could_not_be_read_has_its_turn() -> None:
    assert Due(rotatable).turn(SHUT) is None


HOUR = timedelta(hours=1)
SETTLED = {
    "rotate by a@b_ says its lock": True,
    "compromised by a@b_ says its lock": True,
    "settle by a@b_ says its lock": True,  # who settled it died as well
    "rollback by a@b_ says its lock": False,
    "sync by rotate by x_ says its lock": False,
    "Auth0 accepts another value": False,
    "": False,
}
"""What the log says of a settlement that found the value published, and whether a rotation made it."""


def test_only_a_rotation_afterwards_counts_as_one() -> None:
    """After a leak, a value that was brought back or taken over since is the one that leaked."""
    before, after = NOW - timedelta(days=2), NOW - timedelta(hours=1)

    def made_by(operation: str, *, minimum: bool = False, told: str = " ci", later: timedelta = timedelta()) -> Status:
        states = [aged(1, uri=uri) for uri in URIS]
        entry = (f"r-1 {stamp(states[0].record.promoted_at + later)} {operation}{told}",) if states[0].record else ()
        told = [
            replace(each, record=replace(each.record, log=entry, age_is_minimum=minimum))
            for each in states
            if each.record
        ]
        return of(*told)

    for operation in ("rotate", "compromised", "settle"):
        assert rotated_since(made_by(operation), before)
        assert not rotated_since(made_by(operation), after)
    for operation in ("rollback", "sync", "adopt", "?", ""):
        assert not rotated_since(made_by(operation), before)
    assert not rotated_since(made_by("rotate", minimum=True), before)
    for told, counts in SETTLED.items():
        assert rotated_since(made_by("settle", told=f" ci: {told}", later=HOUR), before) is counts, told
        assert not rotated_since(made_by("settle", told=f" ci: {told}", later=-HOUR), before), told
    wiped = replace(aged(1, uri=B), record=None)
    assert not rotated_since(of(made_by("rotate").sinks[0], wiped), before)
