"""A sample of the matrix: the moments at which most is at stake, at both places. All of it: `python -m tests.kill`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.kill.bench import Bench
from tests.kill.case import Result, judged, rehearse
from tests.kill.scenarios import CURRENT, ENDED, SCENARIOS, SET
from tests.kill.wire import Blow, Point, Side

CLAIMED = Point(1, Side.AFTER, r"vault (POST|PUT) .*/pending")
"""In both places, for this is the second one."""
UNSET = Point(SET.nth, Side.BEFORE, SET.match)
UNPUBLISHED = Point(CURRENT.nth, Side.BEFORE, CURRENT.match)
"""Published in AWS by then."""
PROMOTED = Point(2, Side.AFTER, CURRENT.match)
"""With companions, where the first such write is the announcement."""
RELEASED = Point(2, Side.AFTER, r"vault (POST|PUT) .*/pending")
CHANGES = (CLAIMED, UNSET, SET, UNPUBLISHED)
KILLED = {
    "abort/both": (UNSET, SET),  # first, for it waits longest
    "rotate/staged/both/first": (UNSET, SET, UNPUBLISHED),
    "rotate/staged/both/open": (CLAIMED, SET, CURRENT, ENDED),
    "rotate/generated/both/first": (UNSET, SET, UNPUBLISHED),
    "rollback/both": CHANGES,
    "compromised/both": (CLAIMED, SET, ENDED),
    "sync/both": (CLAIMED, UNPUBLISHED, RELEASED),
    "retire/both": (CLAIMED, ENDED, RELEASED),
    "adopt/both": (CLAIMED, RELEASED),
    "resume/staged/both/open/set": (UNSET, SET, UNPUBLISHED),
    "companions/rotate/open/both": (CURRENT, SET, PROMOTED),
    "companions/retire/both": (CURRENT, ENDED),
}
FROZEN = {
    "rotate/staged/both/open": (CLAIMED, UNSET, SET, UNPUBLISHED, ENDED),
    "retire/both": (CLAIMED, ENDED),
    "rollback/both": (SET,),
}
TOGETHER = 48
UNHURRIED = timedelta(seconds=5)
"""More than the matrix has: other tests run beside this one, and leases and timeouts are shares of it."""
APART = 0.4  # seconds: all at the same moment would be too much for their leases


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    with Bench(UNHURRIED) as running:
        yield running


def run(bench: Bench, wanted: dict[str, tuple[Point, ...]], blow: Blow) -> list[Result]:
    """Run cases side by side, most of whose time is waiting, and the undisturbed runs that they are compared with."""
    with ThreadPoolExecutor(TOGETHER) as pool:

        def start(function: Callable[..., Any], *args: Any) -> Future[Any]:
            time.sleep(APART)
            return pool.submit(function, *args)

        undisturbed = {name: start(rehearse, bench, name) for name in wanted if blow is Blow.KILL}
        cases = [
            start(judged, bench, SCENARIOS[name], point, blow, lambda name=name: undisturbed[name].result())
            for name, points in wanted.items()
            for point in points
        ]
        return [case.result() for case in cases]


def assert_recovered(results: list[Result]) -> None:
    assert all(result.reached for result in results), [f"{result}" for result in results if not result.reached]
    faults = [f"{result}" for result in results if result.faults]
    assert not faults, "\n".join(faults)


def test_whatever_is_killed_loses_nothing_and_is_finished_by_resume(bench: Bench) -> None:
    assert_recovered(run(bench, KILLED, Blow.KILL))


def test_whoever_is_frozen_and_woken_after_others_went_on_does_no_harm(bench: Bench) -> None:
    assert_recovered(run(bench, FROZEN, Blow.FREEZE))
