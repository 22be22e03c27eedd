"""Alarms: each at its time, unless it was cancelled, and one thread for all of them."""

from __future__ import annotations

import os
import threading
import time

from sinks import alarm


def watching() -> int:
    return sum(thread.name == "alarms" for thread in threading.enumerate())


def until(seconds: float, true: object) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.002)


def test_each_is_called_at_its_time_in_whatever_order_they_were_set() -> None:
    called: list[str] = []
    began = time.monotonic()
    times: dict[str, float] = {}
    for name, seconds in (("late", 0.3), ("soon", 0.05), ("middle", 0.15)):
        alarm.after(seconds, lambda name=name: (called.append(name), times.__setitem__(name, time.monotonic() - began)))
    until(5, lambda: len(called) == 3)
    assert called == ["soon", "middle", "late"]
    assert times["soon"] >= 0.05
    assert times["late"] >= 0.3


def test_what_is_cancelled_is_not_called_and_the_thread_ends_with_the_last_one() -> None:
    called: list[int] = []
    many = [alarm.after(0.1, lambda number=number: called.append(number)) for number in range(500)]
    assert watching() == 1
    for each in many[:-1]:
        each.cancel()
        each.cancel()
    until(5, lambda: called == [499])
    until(5, lambda: watching() == 0)
    alarm.after(0.01, lambda: called.append(0))
    until(5, lambda: called == [499, 0])


def test_a_forked_process_has_alarms_of_its_own() -> None:
    far = alarm.after(30, lambda: None)
    child = os.fork()
    if not child:
        rung = threading.Event()
        alarm.after(0.01, rung.set)
        os._exit(0 if rung.wait(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    far.cancel()
