from __future__ import annotations

from bridge.watch.cases import FIRST_WAIT, JUDGED, LONGEST_HOLD, LONGEST_WAIT, MOST_EXCHANGES, Cases
from bridge.watch.entries import Seen, seen
from tests.unit.watch.entries import MANAGED, at, exchange, place

ONE, TWO = MANAGED
(FAILED,) = (each.exchange for each in seen([exchange()], MANAGED) if each.exchange)


def changed(cases: Cases, due: float = 31.0, seconds: float = 0.0, *, given: bool = False) -> None:
    cases.changed(Seen(place(seconds), changed=ONE, given=given), due, place(seconds - 1))


def test_a_client_is_looked_at_when_its_last_change_has_spread() -> None:
    cases = Cases()
    changed(cases)
    assert cases.next_due(0.0) == 31.0
    assert cases.ready(30.0, 0) == {}
    changed(cases, 50.0, 20.0)
    assert cases.ready(31.0, 0) == {}
    assert cases.ready(50.0, 0) == {ONE: True}
    cases.done(ONE)
    assert cases.ready(50.0, 0) == {}


def test_the_latest_new_secret_of_the_log_counts() -> None:
    cases = Cases()
    assert cases.given(ONE) is None
    for seconds in (5.0, 9.0, 7.0):
        changed(cases, seconds=seconds, given=True)
    changed(cases, seconds=11.0)
    assert cases.given(ONE) == at(9)


def test_failures_are_judged_at_once_and_then_now_and_then() -> None:
    cases = Cases()
    cases.failed(ONE, FAILED)
    assert cases.ready(0.0, 0) == {ONE: False}
    assert cases.take(ONE, 0.0) == [FAILED]
    cases.failed(ONE, FAILED)
    assert (cases.take(ONE, 1.0), cases.ready(1.0, 0), cases.next_due(1.0)) == ([], {}, JUDGED)
    assert cases.take(ONE, JUDGED) == [FAILED]


def test_failures_that_could_not_be_judged_soon_are() -> None:
    cases = Cases()
    cases.failed(ONE, FAILED)
    cases.give_back(ONE, cases.take(ONE, 0.0), 0.0)
    assert cases.next_due(0.0) == FIRST_WAIT
    assert cases.take(ONE, FIRST_WAIT) == [FAILED]


def test_of_many_failures_the_latest_are_kept() -> None:
    cases = Cases()
    for _ in range(MOST_EXCHANGES + 5):
        cases.failed(ONE, FAILED)
    assert len(cases.take(ONE, 0.0)) == MOST_EXCHANGES


def test_a_round_gives_each_client_a_turn_few_at_a_time() -> None:
    cases = Cases()
    cases.begin_round(MANAGED)
    assert cases.next_due(7.0) == 7.0
    assert cases.ready(0.0, 1) == {ONE: True}
    assert cases.ready(0.0, 1) == {TWO: True}
    assert cases.next_due(7.0) == float("inf")


def test_a_round_leaves_out_a_client_whose_change_is_spreading() -> None:
    cases = Cases()
    changed(cases)
    cases.begin_round(MANAGED)
    assert cases.ready(0.0, 9) == {TWO: True}


def test_a_look_that_fails_is_made_again_ever_more_rarely() -> None:
    cases, waits = Cases(), list[float]()
    for _ in range(7):
        cases.again(ONE, 0.0)
        waits.append(cases.open[ONE].due)
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_what_cannot_be_looked_at_yet_has_another_turn() -> None:
    cases = Cases()
    cases.later(ONE, 15.0, look_too=False)
    assert cases.ready(99.0, 0) == {}
    changed(cases)
    cases.later(ONE, 45.0, look_too=True)
    assert cases.next_due(0.0) == 45.0


def test_the_checkpoint_stays_before_an_entry_that_nothing_was_done_about_yet() -> None:
    cases = Cases()
    assert cases.place(place(-120), place(0)) == place(-120)
    cases.changed(Seen(place(-500), changed=ONE), 0.0, place(-501))
    assert cases.place(place(-120), place(0)) == place(-501)
    changed(cases)
    assert cases.place(place(-120), place(0)) == place(-501)
    cases.done(ONE)
    assert cases.place(place(-120), place(0)) == place(-120)


def test_it_does_not_wait_for_ever_and_there_is_none_before_the_beginning_of_the_log() -> None:
    cases = Cases()
    long = -LONGEST_HOLD.total_seconds()
    cases.changed(Seen(place(long), changed=ONE), 0.0, place(long - 1))
    assert cases.place(place(-120), place(0)) == place(-120)
    cases.changed(Seen(place(-5), changed=TWO), 0.0, None)
    assert cases.place(place(-120), place(0)) is None
    assert Cases().place(None, None) is None


def test_a_look_without_an_entry_does_not_hold_it() -> None:
    cases = Cases()
    cases.later(ONE, 15.0, look_too=True)
    cases.again(TWO, 0.0)
    assert cases.place(place(-120), place(0)) == place(-120)
