from __future__ import annotations

import random

from bridge.auth0.logs import PAGE
from bridge.watch.entries import Position, Seen
from bridge.watch.window import AGAIN, MOST_IDS, OVERLAP, Window, following
from tests.unit.watch.entries import at, place, seen

MINUTES = OVERLAP.total_seconds()


def read(window: Window, *seconds: float, start: Position | None = None) -> list[str]:
    return [entry.position.id for entry, _ in window.take([seen(each) for each in seconds], start)]


def test_an_entry_is_new_once() -> None:
    window = Window(place(0))
    assert read(window, 1, 2, 2, 1) == ["id-1", "id-2"]
    assert read(window, 1, 2, 3) == ["id-3"]


def test_an_entry_that_appears_late_is_new_when_the_last_minutes_are_read_again() -> None:
    window = Window(place(0))
    read(window, 1, 5)
    assert window.begin(0.0) == place(0)
    assert read(window, 1, 3, 5) == ["id-3"]
    assert window.newest == place(5)


def test_each_new_entry_comes_with_the_place_before_it() -> None:
    window = Window(place(0))
    found = list(window.take([seen(1), seen(2)], place(0)))
    assert [before for _, before in found] == [place(0), place(1)]
    assert [before for _, before in window.take([seen(2), seen(3)], place(1))] == [place(2)]
    assert [before for _, before in Window(None).take([seen(1)], None)] == [None]


def test_it_keeps_the_last_minutes_and_no_more() -> None:
    window = Window(place(0))
    read(window, *range(1, 500))
    assert window.newest == place(499)
    assert window.oldest == place(499 - MINUTES)


def test_a_quiet_log_keeps_the_place_where_it_began() -> None:
    window = Window(place(0))
    assert (window.oldest, window.newest) == (place(0), place(0))
    assert Window(None).begin(0.0) is None


def test_where_the_last_minutes_take_more_than_a_page_they_are_read_again_now_and_then() -> None:
    window = Window(place(0))
    assert window.begin(0.0) == place(0)
    read(window, *(number / 10 for number in range(1, 10 * PAGE)))
    assert window.begin(AGAIN - 1) == window.newest
    assert window.begin(AGAIN) == window.oldest
    assert window.begin(AGAIN + 1) == window.newest


def test_a_reading_that_stopped_goes_on_where_it_was() -> None:
    window = Window(place(0))
    window.stopped(place(7))
    assert window.begin(0.0) == place(7)
    window.stopped(None)
    assert window.begin(0.0) == place(0)


def test_the_ids_that_it_remembers_are_bounded_and_the_latest_stay() -> None:
    window = Window(place(0))
    read(window, *range(1, MOST_IDS + 100))
    assert read(window, MOST_IDS + 99) == []
    assert read(window, 1) == ["id-1"]


def test_whatever_the_order_no_entry_is_lost_and_none_is_new_twice() -> None:
    chance = random.Random(1)
    for _ in range(20):
        window, found = Window(place(0)), list[str]()
        appears = {each: each + chance.uniform(0, MINUTES - 30) for each in range(1, 200)}
        for now in range(0, 400, 10):
            start = window.begin(now)
            after = (start.at - at(0)).total_seconds() if start else 0.0
            page = (seen(each) for each, shown in appears.items() if after < each and shown <= now)
            found += [entry.position.id for entry, _ in window.take(page, start)]
        assert sorted(found) == sorted(f"id-{each}" for each in appears)


def test_what_follows_a_page_is_its_latest_entry_and_never_the_place_before_it() -> None:
    assert following([seen(1), seen(3), seen(2)], place(0)) == place(3)
    assert following([], place(0)) is None
    assert following([seen(1)], place(5)) is None
    assert following([seen(5)], place(5)) is None
    same = [Seen(Position("a", at(1))), Seen(Position("b", at(1)))]
    assert following(same, place(0)) == Position("b", at(1))
