from __future__ import annotations

from bridge.watch.bell import Bell
from bridge.watch.cases import Cases
from bridge.watch.entries import Seen
from tests.unit.watch.entries import MANAGED, call, exchange, place

ONE, TWO = MANAGED


def test_it_holds_who_was_changed_until_that_is_taken() -> None:
    bell = Bell(MANAGED)
    assert bell.ring([call(f"/api/v2/clients/{ONE}"), call(f"/api/v2/clients/{TWO}"), call("/api/v2/users/x")]) == 2
    assert bell.ring([call(f"/api/v2/clients/{ONE}")]) == 1
    assert bell.rang
    assert bell.take() == {ONE, TWO}
    assert (bell.rang, bell.take()) == (False, set())


def test_a_failure_rings_and_names_nobody() -> None:
    bell = Bell(MANAGED)
    assert bell.ring([exchange()]) == 1
    assert (bell.rang, bell.take()) == (True, set())


def test_what_is_about_nobody_does_not_ring() -> None:
    bell = Bell(MANAGED)
    assert (
        bell.ring([exchange(client_id="another"), call("/api/v2/clients/another"), {}, {"log_id": 7}, "x", None]) == 0
    )
    assert not bell.rang


def test_a_stream_delays_no_look_however_often_it_speaks() -> None:
    cases = Cases()
    cases.changed(Seen(place(0), changed=ONE), 31.0, place(-1))
    for now in range(100):
        cases.spoken_of(ONE, now + 31.0)
        cases.spoken_of(TWO, now + 31.0)
    assert cases.ready(31.0, 0) == {ONE: True, TWO: True}


def test_a_stream_holds_no_checkpoint_back() -> None:
    cases = Cases()
    cases.spoken_of(ONE, 31.0)
    assert cases.place(place(5), place(9)) == place(5)
