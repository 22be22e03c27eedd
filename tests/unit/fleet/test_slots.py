"""Whose turn it is, when several groups want to work: no group waits for another one's server."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from bridge.fleet.jobs import Crew, Done, Order
from bridge.fleet.slots import HERE, Place, SharingClock, Slots
from sinks.clock import SystemClock

Item = tuple[str, int]
BY_NAME: Order[Item] = Order(group=lambda item: item[0])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def items(**numbers: int) -> list[Item]:
    return [(name, number) for name, many in numbers.items() for number in range(many)]


def test_a_group_that_hangs_holds_up_no_other() -> None:
    """All clients of one tenant hang. Those of the other are done meanwhile, however often none of them is waiting."""
    hang, lock = threading.Event(), threading.Lock()
    now, most, done = Counter[str](), Counter[str](), Counter[str]()

    def work(item: Item) -> None:
        with lock:
            now[item[0]] += 1
            most[item[0]] = max(most[item[0]], now[item[0]])
        if item[0] == "hangs":
            hang.wait(10)
        else:
            time.sleep(0.001)
        with lock:
            now[item[0]] -= 1
            done[item[0]] += 1

    crew = Crew(work, 8, BY_NAME)
    thread = threading.Thread(target=lambda: list(crew.results(items(hangs=50, works=50))))
    thread.start()
    until(lambda: done["works"] == 50)
    assert most["hangs"] <= 8
    assert done["hangs"] == 0
    hang.set()
    thread.join(10)
    assert done == {"works": 50, "hangs": 50}


def test_a_group_that_is_stuck_begins_nothing_more_while_others_want_to_work() -> None:
    hang, begun = threading.Event(), list[Item]()

    def work(item: Item) -> None:
        begun.append(item)
        if item[0] == "hangs":
            hang.wait(20)
        else:
            time.sleep(0.2)

    crew = Crew(work, 2, BY_NAME)
    thread = threading.Thread(target=lambda: list(crew.results(items(hangs=20, works=30))))
    thread.start()
    until(lambda: Counter(name for name, _ in begun)["works"] == 30)
    assert Counter(name for name, _ in begun)["hangs"] <= 2
    hang.set()
    thread.join(20)
    assert Counter(name for name, _ in begun) == {"hangs": 20, "works": 30}


def test_a_group_that_only_sleeps_takes_nothing_from_the_others() -> None:
    lock, now, most = threading.Lock(), Counter[str](), Counter[str]()
    clock, go = SharingClock(SystemClock()), threading.Event()

    def work(item: Item) -> None:
        if item[0] == "limited":
            while not go.is_set():
                clock.sleep(0.01)
            return
        with lock:
            now["works"] += 1
            most["works"] = max(most["works"], now["works"])
        until(lambda: most["works"] == 4)
        with lock:
            now["works"] -= 1

    crew = Crew(work, 4, BY_NAME)
    thread = threading.Thread(target=lambda: list(crew.results(items(limited=20, works=8))))
    thread.start()
    until(lambda: most["works"] == 4)  # all of the slots, although four of the limited ones have begun
    go.set()
    thread.join(10)
    assert not thread.is_alive()
    assert most["works"] == 4


def test_one_that_has_begun_comes_before_one_that_has_not() -> None:
    """It may hold a lock. The lock's lease must not end because others begin."""
    slots, order = Slots(1), list[str]()
    place = Place(slots, "tenant")
    slept, back = threading.Event(), threading.Event()

    def begun() -> None:
        with place, place.idle():
            slept.set()
            back.wait(10)
        # `idle` has ended, so the slot was this thread's again.

    def fresh(name: str) -> None:
        with Place(slots, "tenant"):
            order.append(name)

    first = threading.Thread(target=begun)
    first.start()
    slept.wait(10)
    slot = slots.take("tenant")
    waiting = [threading.Thread(target=fresh, args=(name,)) for name in "ab"]
    for thread in waiting:
        thread.start()
    until(lambda: len(slots._waiting) == 2)
    back.set()
    until(lambda: len(slots._waiting) == 3)
    following = min(slots._waiting, key=lambda each: each.fresh)
    assert not following.fresh
    slots.give(slot)
    for thread in (first, *waiting):
        thread.join(10)
    assert order == ["a", "b"]


def test_one_that_holds_a_lock_for_which_those_that_work_wait_goes_on() -> None:
    slots, lock, done = Slots(2), threading.Lock(), list[str]()
    has_it = threading.Event()

    def owner() -> None:
        place = Place(slots, "tenant")
        with place, lock:
            with place.idle():
                has_it.set()
                until(lambda: len(slots._working) == 2)
            done.append("owner")

    def other() -> None:
        with Place(slots, "tenant"), lock:
            done.append("other")

    threads = [threading.Thread(target=owner)]
    threads[0].start()
    has_it.wait(10)
    for _ in range(2):
        threads.append(threading.Thread(target=other))
        threads[-1].start()
    for thread in threads:
        thread.join(10)
    assert done == ["owner", "other", "other"]
    assert not slots._working


def test_without_a_place_the_clock_only_sleeps() -> None:
    assert HERE.get() is None
    began = time.monotonic()
    SharingClock(SystemClock()).sleep(0.01)
    assert time.monotonic() - began >= 0.01


def test_the_order_chooses_among_what_is_left_of_its_group() -> None:
    """What one choice takes, the next one does not see. Another group's items are never offered."""
    offered: list[set[str]] = []

    def last(left: object) -> int:
        assert isinstance(left, dict)
        offered.append({item[0] for item in left.values()})
        return max(left)

    begun: list[Item] = []
    list(Crew(begun.append, 2, Order(lambda item: item[0], last)).results(items(a=4, b=3)))
    assert sorted(begun) == items(a=4, b=3)
    assert all(len(names) == 1 for names in offered)
    assert begun.index(("a", 3)) < begun.index(("a", 0))


def test_whoever_sleeps_with_a_lock_goes_on_although_all_others_wait_for_such_locks() -> None:
    """A token is asked for again after a pause, while the other threads of its tenant wait for it: in every tenant."""
    locks, clock = {name: threading.Lock() for name in "abcdef"}, SharingClock(SystemClock())

    def work(item: Item) -> None:
        with locks[item[0]]:
            clock.sleep(2.5)  # meanwhile those that wait count as stuck, so that others get slots, and wait as well

    done: list[object] = []
    crew = Crew(work, 2, BY_NAME)
    thread = threading.Thread(
        target=lambda: done.extend(crew.results(items(a=2, b=2, c=2, d=2, e=2, f=2))), daemon=True
    )
    thread.start()
    thread.join(40)
    assert len(done) == 12


def test_an_order_that_fails_costs_no_item() -> None:
    def fails(_left: object) -> int:
        raise ValueError

    found: list[Done[Item]] = []
    crew = Crew(lambda item: item, 3, Order(lambda item: item[0], fails))
    thread = threading.Thread(target=lambda: found.extend(crew.results(items(a=4, b=3))), daemon=True)
    thread.start()
    thread.join(10)
    assert sorted(done.item for done in found) == items(a=4, b=3)
