"""When a holder looks again, and what it says when nothing ends within a lease."""

from __future__ import annotations

import pytest

from sinks import LEASE
from sinks.errors import Expired, Lost, Unavailable
from tests.contract.harness import VaultHarness
from tests.contract.operator import P1, filled, lock
from tests.unit.sinks.vault.support import watched

SECONDS = LEASE.total_seconds()


@pytest.mark.parametrize(("share", "looks"), [(0.0, False), (0.49, False), (0.5, True), (0.9, True)])
def test_a_lease_of_which_less_than_half_is_left_is_begun_anew_by_a_look(
    place: VaultHarness, share: float, looks: bool
) -> None:
    filled(place)
    sink, calls = watched(place)
    held = sink.claim(sink.read(), lock(place), P1)
    made = len(calls.made)
    place.clock.seconds = held.renewed + SECONDS * share
    fresh = sink._lock.fresh(held)
    assert ("read" in calls.made[made:]) is looks
    assert fresh.renewed == (place.clock.seconds if looks else held.renewed)
    assert sink._lock.deadline(fresh) == fresh.renewed + SECONDS


def test_a_call_that_never_ends_in_time_is_given_up_after_looks_and_says_why(place: VaultHarness) -> None:
    filled(place)
    sink, _ = watched(place)
    held = sink.claim(sink.read(), lock(place), P1)

    def late(before: float) -> None:
        raise Expired("too late")

    with pytest.raises(Unavailable, match="nothing ends within its lease"):
        sink._lock.within(held, late)

    def lost(before: float) -> None:
        raise Unavailable("the connection was lost")

    with pytest.raises(Unavailable, match="the connection was lost"):
        sink._lock.within(held, lost)


def test_who_was_replaced_does_not_try_again(place: VaultHarness) -> None:
    filled(place)
    sink, _ = watched(place)
    held = sink.claim(sink.read(), lock(place), P1)
    tried: list[float] = []

    def lost(before: float) -> None:
        tried.append(before)
        other = place.sink()
        other.take_over(other.read(), lock(place, "ci-2"))
        raise Unavailable("the connection was lost")

    with pytest.raises(Lost):
        sink._lock.within(held, lost)
    assert tried == [held.renewed + SECONDS]
