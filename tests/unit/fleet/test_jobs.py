"""Several clients at a time: how many, in which order, and what an interruption leaves."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from bridge.cli import options
from bridge.fleet.jobs import Crew, Done, Order, in_order, let_another_begin
from bridge.fleet.slots import SharingClock
from sinks.clock import SystemClock


class Busy:
    """Work that knows how many do it at once. Each item waits until it is let go."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.begun = threading.Lock(), 0, 0, list[int]()
        self.go = threading.Event()

    def __call__(self, item: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.begun.append(item)
        self.go.wait(10)
        with self.lock:
            self.now -= 1
        return item


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts, as it does unless a shell has begun the process in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("jobs", [1, 2, 5, 16])
def test_so_many_are_worked_on_and_no_more(jobs: int) -> None:
    work = Busy()
    timer = threading.Timer(0.2, work.go.set)
    timer.start()
    found = list(Crew(work, jobs).results(range(20)))
    timer.join()
    assert work.most == jobs
    assert sorted(done.value() for done in found) == list(range(20))
    assert work.begun[0] == 0


def test_each_is_told_when_it_is_done_or_in_the_order_of_the_items() -> None:
    waits = [0.2, 0.0, 0.1]

    def work(item: int) -> int:
        time.sleep(waits[item])
        return item

    assert [done.value() for done in Crew(work, 3).results(range(3))] == [1, 2, 0]
    assert [done.value() for done in in_order(Crew(work, 3).results(range(3)))] == [0, 1, 2]


def test_an_error_is_one_items_own() -> None:
    def work(item: int) -> int:
        if item == 1:
            raise ValueError(item)
        return item

    for jobs in (1, 3):
        found = sorted(Crew(work, jobs).results(range(3)), key=lambda done: done.number)
        assert [type(done.raised) for done in found] == [type(None), ValueError, type(None)]
        with pytest.raises(ValueError, match="1"):
            found[1].value()


def test_one_that_waits_lets_another_begin() -> None:
    """However many wait, as many as there are jobs do work."""
    go, begun, clock = threading.Event(), list[int](), SharingClock(SystemClock())

    def work(item: int) -> int:
        begun.append(item)
        let_another_begin()
        let_another_begin()  # a second time it gives nothing
        while not go.is_set():
            clock.sleep(0.01)
        return item

    found: list[Done[int]] = []
    thread = threading.Thread(target=lambda: found.extend(Crew(work, 2).results(range(50))))
    thread.start()
    until(lambda: len(begun) == 50)
    go.set()
    thread.join(10)
    assert len(found) == 50


def test_without_jobs_nothing_is_let_go() -> None:
    let_another_begin()
    assert [done.value() for done in Crew(lambda item: let_another_begin() or item, 1).results([7])] == [7]


def test_an_interruption_names_what_is_under_way_and_begins_nothing_more(ctrl_c: None) -> None:
    work = Busy()

    def interrupt() -> None:
        until(lambda: work.now == 3)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    found = list(Crew(work, 3).results(range(9)))
    thread.join()
    work.go.set()
    assert [(done.number, type(done.raised)) for done in found] == [(n, KeyboardInterrupt) for n in range(3)]
    assert work.begun == [0, 1, 2]


def test_so_does_one_that_comes_while_a_result_is_shown() -> None:
    work = Busy()
    found: list[Any] = []

    def quick(item: int) -> int:
        return item if item == 0 else work(item)

    crew: Crew[int] = Crew(quick, 3)
    for done in crew.results(range(9)):
        found.append((done.number, done.raised is not None))
        if done.number == 0:
            until(lambda: work.now == 2)
            crew.interrupt()
    work.go.set()
    assert found[0] == (0, False)
    assert found[1:] == [(1, True), (2, True)]


def test_with_one_job_the_first_interruption_is_the_last_result() -> None:
    def work(item: int) -> int:
        raise KeyboardInterrupt

    assert [done.number for done in Crew(work, 1).results(range(5))] == [0]


def test_where_no_more_threads_are_to_be_had_the_others_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may allow few of them. What is under way must not be given up for that."""
    start, lock, now = threading.Thread.start, threading.Lock(), [0]

    def scarce(thread: threading.Thread) -> None:
        with lock:
            if now[0] == 2:
                raise RuntimeError("can't start new thread")
            now[0] += 1
        start(thread)

    def work(item: int) -> int:
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return item

    monkeypatch.setattr(threading.Thread, "start", scarce)
    assert sorted(done.value() for done in Crew(work, 5).results(range(9))) == list(range(9))


def test_no_more_of_a_group_are_under_way_than_there_is_room_for_those_that_wait_included() -> None:
    now, most, lock, clock = 0, 0, threading.Lock(), SharingClock(SystemClock())

    def work(item: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        let_another_begin()
        clock.sleep(0.02)
        with lock:
            now -= 1
        return item

    found = list(Crew(work, 2, Order(room=lambda _: 5)).results(range(40)))
    assert sorted(done.value() for done in found) == list(range(40))
    assert 2 < most <= 5


@pytest.mark.parametrize(
    ("number", "forced", "why"),
    [
        (1, "", ""),
        (16, "", ""),
        (0, "", "found 0, expected a number from 1 to 16$"),
        (17, "", "found 17, expected a number from 1 to 16, or BRIDGE_MOST_JOBS=17 beside it"),
        (65, "", "found 65, expected a number from 1 to 16$"),
        (32, "32", ""),
        (8, "32", ""),
        (33, "32", r"found 33, expected a number from 1 to 32 \(BRIDGE_MOST_JOBS\)"),
        (17, "9", "BRIDGE_MOST_JOBS: found '9', expected a number from 17 to 64"),
        (17, "many", "BRIDGE_MOST_JOBS: found 'many', expected a number from 17 to 64"),
        (64, "65", "BRIDGE_MOST_JOBS: found '65'"),
    ],
)
def test_more_than_sixteen_at_a_time_are_forced_or_refused(
    number: int, forced: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(options.FORCE_VARIABLE, forced)
    if not why:
        assert options._possible_jobs(number) == number
        return
    with pytest.raises(typer.BadParameter, match=why):
        options._possible_jobs(number)
