"""`rotate --not-since`: after a run that died, what it has done is left out, and nothing that it still holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from bridge.operations.resume import resume
from bridge.operations.start import Options
from tests.e2e.command import on
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.test_several_clients import leave_something
from tests.e2e.world import World

PUBLISHED, RELEASED_ONCE = 10, 12
"""How many changes a rotation has made when the value is current in both sinks, and when it still holds one of them."""


@pytest.fixture
def since(hasty: World) -> datetime:
    """A time after which nothing was rotated yet, in a world that was rotated before."""
    hasty.used()
    hasty.clock.advance(timedelta(minutes=10))
    return hasty.clock.now() - timedelta(minutes=1)


def test_what_was_published_since_is_left_out(hasty: World, since: datetime) -> None:
    hasty.rotate()
    live = hasty.live
    ended = on(hasty, "rotate", "--not-since", since.isoformat())
    assert (ended.status, hasty.live) == (0, live), ended.told
    assert ended.err.startswith("nothing is left to do, all were rotated after 20")


@pytest.mark.parametrize("nth", [PUBLISHED, RELEASED_ONCE])
@pytest.mark.parametrize("leaked", [False, True])
def test_what_a_dead_process_still_holds_is_not_left_out_though_it_counts_as_live(
    hasty: World, since: datetime, nth: int, *, leaked: bool
) -> None:
    trace = Trace(hasty.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        hasty.rotate(trace)
    live = hasty.live
    assert {place.see().current for place in hasty.sinks} == {live}
    more = ("--not-since", since.isoformat(), "--no-wait")
    if leaked:  # that waits for nobody
        ended = on(hasty, "rotate", *more, "--compromised", "--reason", "in a log", "--yes")
        assert (ended.status, hasty.live == live) == (0, False), ended.told
        assert all(place.see().readable == {hasty.live} for place in hasty.sinks)
        return
    ended = on(hasty, "rotate", *more)  # it waits until the dead one counts as dead
    assert (ended.status, hasty.live) == (0, live), ended.told
    assert "this was the rotation" in ended.out
    assert [place.see().pending for place in hasty.sinks] == [None, None]


def test_what_has_only_to_be_tidied_up_is_tidied_up_and_not_rotated_again(hasty: World, since: datetime) -> None:
    hasty.rotate()
    leave_something(hasty)
    live = hasty.live
    ended = on(hasty, "rotate", "--not-since", since.isoformat(), "--no-wait")
    assert (ended.status, hasty.live) == (0, live), ended.told
    assert "result=cleaned-up" in ended.out


@pytest.mark.parametrize("second", range(1, 8))
@pytest.mark.parametrize("first", range(PUBLISHED - 3, RELEASED_ONCE + 1))
def test_a_rotation_that_died_and_was_settled_by_one_that_died_is_not_given_again(
    hasty: World, since: datetime, first: int, second: int
) -> None:
    """`first` and `second` are after how many of their changes the two died. The second one may come to its end."""
    trace = Trace(hasty.clock)
    kill_after(trace, first)
    with pytest.raises(Killed):
        hasty.rotate(trace)
    live = hasty.live
    hasty.spread()
    hasty.clock.advance(timedelta(minutes=10))
    again = Trace(hasty.clock)
    kill_after(again, second)
    with suppress(Killed):
        resume(hasty.session((), again), Options())
    for _ in range(2):
        hasty.clock.advance(timedelta(minutes=10))
        ended = on(hasty, "rotate", "--not-since", since.isoformat(), "--no-wait")
        assert (ended.status, hasty.live) == (0, live), ended.told
        assert {place.see().current for place in hasty.sinks} == {live}
        assert [place.see().pending for place in hasty.sinks] == [None, None]
    assert ended.err.startswith("nothing is left to do"), ended.told
