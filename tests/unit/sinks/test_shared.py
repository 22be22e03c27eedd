"""What several sinks use in common is made once."""

from __future__ import annotations

import threading
import time

import pytest

from sinks.shared import Shared


def test_a_thing_is_made_once_also_for_threads_that_ask_at_the_same_time() -> None:
    shared, made, got = Shared(), list[object](), list[object]()

    def make() -> object:
        time.sleep(0.05)
        made.append(thing := object())
        return thing

    threads = [threading.Thread(target=lambda: got.append(shared.one("a", make))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert got == made * 20


def test_one_that_takes_long_holds_up_nobody_who_needs_another() -> None:
    shared, go = Shared(), threading.Event()
    slow = threading.Thread(target=lambda: shared.one("slow", lambda: go.wait(10)))
    slow.start()
    assert shared.one("quick", lambda: 7) == 7
    go.set()
    slow.join()


def test_what_could_not_be_made_is_made_for_the_next_one() -> None:
    shared = Shared()
    with pytest.raises(ZeroDivisionError):
        shared.one("a", lambda: 1 // 0)
    assert shared.one("a", lambda: 5) == 5
    assert shared.one("a", lambda: 6) == 5


def test_one_thing_may_need_another() -> None:
    shared = Shared()
    assert shared.one("a", lambda: shared.one("b", lambda: 1) + 1) == 2
