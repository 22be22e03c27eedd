"""The pace at one tenant: what is learned from answers, and who comes first."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.auth0.pace import FIRST, LATE, NEAREST, SHARE, Pace, Pacing
from bridge.sandbox.auth0.limits import PLANS, Limits, Rate
from sinks.clock import SystemClock
from tests.contract.harness import ManualClock


class Server:
    """A tenant's bucket, on the same clock."""

    def __init__(self, clock: ManualClock, rate: Rate) -> None:
        self.clock, self.limits, self.refused, self.times = clock, Limits(), 0, list[float]()
        self.limits.set("management", rate, clock.monotonic())

    def ask(self, pace: Pace, *, urgent: bool = False) -> None:
        pace.take(urgent=urgent)
        now = self.clock.monotonic()
        self.times.append(now)
        told = self.limits.take(("management",), now)
        assert told
        self.refused += not told.allowed
        pace.heard({"x-ratelimit-limit": str(told.limit), "x-ratelimit-remaining": str(told.remaining)})


@pytest.mark.parametrize(
    "rate",
    [PLANS["free"]["management"], PLANS["enterprise"]["management"], PLANS["enterprise-nonproduction"]["management"],
     Rate(5, 100 / 60), Rate(100, 20), Rate(8, 8), Rate(20, 2), Rate(3, 50), Rate(30, 1)],
    ids=str,
)  # fmt: skip
def test_four_fifths_of_what_comes_back_are_used_and_nothing_is_refused(rate: Rate) -> None:
    clock = ManualClock()
    server, pace = Server(clock, rate), Pace(clock, Pacing(clients=100))
    for _ in range(400):
        server.ask(pace)
    assert server.refused == 0
    late = [at for at in server.times if at > server.times[-1] / 2]
    used = (len(late) - 1) / (late[-1] - late[0])
    assert used <= rate.per_second * 0.9, used


@pytest.mark.parametrize("rate", [Rate(50, 16), Rate(10, 2), Rate(2, 2), Rate(20, 2), Rate(100, 20)], ids=str)
def test_the_rate_comes_back_when_somebody_else_no_longer_uses_the_limit_up(rate: Rate) -> None:
    clock = ManualClock()
    server, pace = Server(clock, rate), Pace(clock, Pacing(clients=100))

    def used(requests: int) -> float:
        began = clock.monotonic()
        for _ in range(requests):
            server.ask(pace)
        return requests / (clock.monotonic() - began)

    used(100)
    before = used(50)
    for _ in range(30):
        while (told := server.limits.take(("management",), clock.monotonic())) and told.allowed:
            pass
        server.ask(pace)
    during = pace.rate
    used(100)
    assert during < before * 0.9
    assert used(50) > before * 0.8


class LateClock(ManualClock):
    """A busy machine: a thread wakes up later than it asked for, by up to so many seconds."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most, self.chance = most, random.Random(20)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + self.chance.uniform(0, self.most))


@pytest.mark.parametrize("late", [0.02, 0.03])
@pytest.mark.parametrize("plan", ["free", "enterprise", "enterprise-nonproduction"])
@pytest.mark.parametrize("reserved", [False, True])
def test_a_thread_that_wakes_up_late_loses_none_of_the_share(plan: str, late: float, reserved: bool) -> None:
    clock, rate = LateClock(late), PLANS[plan]["management"]
    server, pace = Server(clock, rate), Pace(clock, Pacing(clients=100))
    for _ in range(600):
        if reserved:
            pace.reserve()
        server.ask(pace, urgent=reserved)
    assert server.refused == 0
    used = 599 / (server.times[-1] - server.times[0])
    assert 0.95 * SHARE <= used / rate.per_second <= SHARE * 1.01
    most = int(rate.per_second)
    assert all(last - first >= 1 for first, last in zip(server.times, server.times[most:], strict=False))


def test_a_turn_that_was_missed_by_far_is_not_made_up_for() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(10))
    pace.take()
    clock.advance(60)
    before = clock.monotonic()
    for _ in range(11):
        pace.take()
    assert clock.monotonic() - before >= 0.99 - LATE


@pytest.mark.parametrize("plan", ["free", "enterprise", "enterprise-nonproduction"])
def test_of_the_published_limits_all_of_the_share_is_used(plan: str) -> None:
    clock, rate = ManualClock(), PLANS[plan]["management"]
    server, pace = Server(clock, rate), Pace(clock, Pacing(clients=100))
    for _ in range(400):
        server.ask(pace)
    used = 399 / (server.times[-1] - server.times[0])
    assert 0.9 * SHARE <= used / rate.per_second <= SHARE * 1.01
    windows = Counter(int(at) for at in server.times)
    assert max(windows.values()) <= rate.per_second


def test_one_client_is_not_slowed_while_there_is_room() -> None:
    clock = ManualClock()
    server, pace = Server(clock, Rate(10, 2)), Pace(clock)
    for _ in range(8):
        server.ask(pace)
    assert clock.slept == []
    server.ask(pace)
    assert clock.slept


def test_a_rate_that_is_given_is_kept_whatever_answers_tell() -> None:
    clock = ManualClock()
    server, pace = Server(clock, Rate(50, 16)), Pace(clock, Pacing(4))
    for _ in range(41):
        server.ask(pace)
    assert server.times[-1] - server.times[0] == pytest.approx(10)


@pytest.mark.parametrize("text", ["", "x", "-1", "²", "1e9", "99999"])
def test_headers_that_make_no_sense_change_nothing(text: str) -> None:
    pace = Pace(ManualClock(), Pacing(clients=100))
    for name in ("limit", "remaining"):
        pace.heard({"x-ratelimit-limit": "10", "x-ratelimit-remaining": "9", f"x-ratelimit-{name}": text})
    assert pace.rate > 0
    assert FIRST > 0


def test_what_has_a_lease_comes_first() -> None:
    pace = Pace(SystemClock(), Pacing(10))
    order: list[str] = []
    pace.take()

    def ask(name: str, *, urgent: bool) -> None:
        pace.take(urgent=urgent)
        order.append(name)

    usual = [threading.Thread(target=ask, args=("usual",), kwargs={"urgent": False}) for _ in range(5)]
    for thread in usual:
        thread.start()
    leased = threading.Thread(target=ask, args=("leased",), kwargs={"urgent": True})
    leased.start()
    for thread in (*usual, leased):
        thread.join(10)
    assert order.index("leased") <= 1
    assert len(order) == 6


def test_a_turn_that_was_reserved_is_not_waited_for_again() -> None:
    """It is taken before a lease begins, so the request within the lease need not wait for a turn."""
    clock = ManualClock()
    pace = Pace(clock, Pacing(clients=100))
    pace.reserve()
    pace.take()
    clock.advance(NEAREST / pace.rate)
    before = clock.monotonic()
    pace.take(urgent=True)
    assert clock.monotonic() == before
    pace.take(urgent=True)  # a repetition has no turn of its own
    assert clock.monotonic() > before


def test_a_reserved_turn_is_one_thread_s_own_and_is_not_reserved_twice() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(clients=100))
    pace.reserve()
    before = clock.monotonic()
    pace.reserve()
    assert clock.monotonic() == before
    thread = threading.Thread(target=lambda: pace.take(urgent=True))
    thread.start()
    thread.join()
    assert clock.monotonic() > before


def test_a_reserved_turn_waits_while_the_limit_is_used_up() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(clients=100))
    pace.reserve()
    pace.hold(3)
    before = clock.monotonic()
    pace.take(urgent=True)
    assert clock.monotonic() - before == pytest.approx(3)


def test_what_is_used_counts_the_last_seconds() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(2.0))
    for _ in range(20):
        pace.take()
    assert pace.used == pytest.approx(2, abs=0.3)
    clock.advance(10)
    assert pace.used == 0


def test_an_error_without_headers_says_nothing_about_limits() -> None:
    """It may be that of a proxy, and an outage is no time to send everything at once."""
    clock = ManualClock()
    pace = Pace(clock, Pacing(clients=100))
    pace.heard({"x-ratelimit-limit": "10", "x-ratelimit-remaining": "9"})
    pace.heard({"retry-after": "2"}, good=False)
    before = clock.monotonic()
    for _ in range(16):
        pace.take()
    assert clock.monotonic() - before > 8
    pace.heard({})
    before = clock.monotonic()
    for _ in range(16):
        pace.take()
    assert clock.monotonic() == before


def test_a_wait_is_not_ended_by_another_answer() -> None:
    clock = ManualClock()
    pace = Pace(clock)
    pace.hold(10)
    pace.hold(0)
    before = clock.monotonic()
    pace.take()
    assert clock.monotonic() - before == pytest.approx(10)


@given(
    order=st.permutations(range(10)),
    delays=st.lists(st.sampled_from([0.0, 0.1, 0.7, 5.0]), min_size=10, max_size=10),
    reads=st.sets(st.integers(0, 9)),
    limit=st.sampled_from([1, 2, 6, 16]),
)
def test_no_second_has_more_than_the_limit_however_late_reserved_turns_are_used(
    order: list[int], delays: list[float], reads: set[int], limit: int
) -> None:
    clock = ManualClock()
    pace, times = Pace(clock, Pacing(limit * SHARE)), list[float]()

    def send(*, urgent: bool) -> None:
        pace.take(urgent=urgent)
        times.append(clock.monotonic())

    crowd = [_Sender(pace.reserve, partial(send, urgent=True)) for _ in order]
    for number, delay in zip(order, delays, strict=True):
        clock.advance(delay)
        if number in reads:
            send(urgent=False)
        crowd[number].go_on()
    assert len(times) == len(order) + len(reads)
    assert all(late - early >= 1 for early, late in zip(times, times[limit:], strict=False))


def test_a_limit_that_turns_out_to_be_low_holds_from_the_second_request_on() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(clients=100))
    pace.take()
    pace.heard({"x-ratelimit-limit": "5", "x-ratelimit-remaining": "4"})  # one comes back in a second
    before = clock.monotonic()
    pace.take()
    assert clock.monotonic() - before >= 1


def test_the_distance_counts_from_when_a_request_was_really_sent() -> None:
    clock = ManualClock()
    pace = Pace(clock, Pacing(2.0))
    pace.take()
    clock.advance(0.4)  # the thread waited for the processor, and for its connection
    pace.sending()
    before = clock.monotonic()
    pace.take()
    assert clock.monotonic() - before == pytest.approx(NEAREST / 2)


class _Sender:
    """A thread that reserves a turn at once, and uses it when it may go on."""

    def __init__(self, reserve: Callable[[], None], send: Callable[[], None]) -> None:
        reserved, self._may = threading.Event(), threading.Event()

        def work() -> None:
            reserve()
            reserved.set()
            self._may.wait(10)
            send()

        self._thread = threading.Thread(target=work)
        self._thread.start()
        assert reserved.wait(10)

    def go_on(self) -> None:
        """Let it send, and wait until it has."""
        self._may.set()
        self._thread.join(10)
