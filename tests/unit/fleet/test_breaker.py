"""When the rest of a run is not begun."""

from __future__ import annotations

import pytest

from bridge.fleet.breaker import IN_A_ROW, LEAST, Breaker, CircuitOpen
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused, Usage


def heard(breaker: Breaker, tenant: str, error: BaseException | None = None) -> None:
    if error is None:
        with breaker.counting(tenant):
            return
    with pytest.raises(type(error)), breaker.counting(tenant):
        raise error


def is_open(breaker: Breaker, tenant: str) -> bool:
    try:
        breaker.check(tenant)
    except CircuitOpen:
        return True
    return False


def test_what_is_told_says_that_it_was_not_begun_and_what_to_do() -> None:
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        heard(breaker, "eu", Failed("x"))
    with pytest.raises(
        CircuitOpen, match=r"not begun \(circuit open\): 5 clients in a row have failed in the tenant eu"
    ) as told:
        breaker.check("eu")
    assert (told.value.exit_status, told.value.changed) == (3, False)
    assert "--keep-going" in (told.value.hint or "")


@pytest.mark.parametrize("error", [Failed("x"), Incomplete("x"), ZeroDivisionError()], ids=repr)
def test_failures_in_a_row_end_one_tenants_run_and_no_other(error: Exception) -> None:
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        assert not is_open(breaker, "a")
        heard(breaker, "a", error)
    assert is_open(breaker, "a")
    assert not is_open(breaker, "b")


def test_a_success_in_between_begins_the_row_anew() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            heard(breaker, "a", Failed("x"))
        heard(breaker, "a")
    assert not is_open(breaker, "a")


@pytest.mark.parametrize("error", [Refused("x"), Usage("x"), BridgeError("x")][:2], ids=repr)
def test_a_refusal_is_one_clients_own(error: BridgeError) -> None:
    breaker = Breaker()
    for _ in range(LEAST * 2):
        heard(breaker, "a", error)
    assert not is_open(breaker, "a")


def test_a_share_of_failures_ends_the_whole_run() -> None:
    breaker = Breaker()
    for number in range(LEAST):
        assert not is_open(breaker, "b")
        heard(breaker, "a", Failed("x") if number % 3 == 0 else None)
    assert is_open(breaker, "b")


def test_who_wants_to_go_on_goes_on() -> None:
    breaker = Breaker(off=True)
    for _ in range(LEAST * 2):
        heard(breaker, "a", Failed("x"))
    assert not is_open(breaker, "a")


def test_what_ended_without_an_error_may_have_failed_too() -> None:
    """Nothing proves the change, for example, because the token endpoint cannot be reached."""
    breaker = Breaker()
    for _ in range(IN_A_ROW):
        assert not is_open(breaker, "a")
        with breaker.counting("a") as ended:
            ended(3)
    assert is_open(breaker, "a")
    with breaker.counting("a") as ended:
        ended(5)  # its hook failed
    assert not is_open(breaker, "a")
