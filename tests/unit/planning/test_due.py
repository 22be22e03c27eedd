"""When a secret is due: never later than `max_age`, not all on one day, and the same in `status` and for `--due`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.config.calendar import calendar_of
from bridge.config.settings import ClientSettings
from bridge.planning.due import due_after, held, jitter_of, least_age
from sinks.clock import span
from sinks.port import SinkState
from tests.unit.planning.sinks import CLIENT, DAY, NOW, TENANT, URIS, A, B
from tests.unit.planning.test_status import aged, of

SETTINGS = ClientSettings("billing", CLIENT, TENANT, URIS, jitter=7 * DAY)
SPANS = some.integers(0, 400 * 24).map(lambda hours: timedelta(hours=hours))


def old(days: float) -> tuple[SinkState, ...]:
    return aged(days, uri=A), aged(days, uri=B)


@given(some.text(min_size=1), SPANS, SPANS, SPANS, SPANS)
def test_jitter_stays_within_its_bounds(
    client_id: str, max_age: timedelta, jitter: timedelta, least: timedelta, most: timedelta
) -> None:
    settings = replace(
        SETTINGS, client_id=client_id, max_age=max_age, jitter=jitter, fallback_min_age=least, fallback_max_age=most
    )
    assert timedelta(0) <= jitter_of(settings) <= jitter
    assert due_after(settings) <= max_age
    assert due_after(settings) >= min(max_age, least_age(settings))
    # Of the client's id alone, so every machine and every run finds the same.
    assert jitter_of(settings) == jitter_of(replace(settings, name="another", owner="somebody"))


def test_clients_are_spread_over_the_whole_jitter() -> None:
    found = [jitter_of(replace(SETTINGS, client_id=f"client-{number}")) for number in range(700)]
    for day in range(7):
        of_the_day = sum(day * DAY <= each < (day + 1) * DAY for each in found)
        assert 70 <= of_the_day <= 130, day  # 100 are expected, with a deviation of 9


def test_the_share_of_a_client_never_changes() -> None:
    """A later version that spread clients otherwise would make many of them due at once."""
    assert jitter_of(replace(SETTINGS, client_id="AbC123")) == timedelta(days=3, seconds=18436)
    assert jitter_of(replace(SETTINGS, jitter=timedelta(0))) == timedelta(0)


@pytest.mark.parametrize("early", [True, False])
def test_status_says_when_it_is_due_with_jitter(early: bool) -> None:
    over = timedelta(hours=-1 if early else 1)
    found = of(*old((due_after(SETTINGS) + over) / DAY), settings=SETTINGS)
    assert found.due is not early
    assert found.due_at == NOW - over
    assert found.state == (
        "ok" if early else f"due since 1 h (max_age 90 d, {span(jitter_of(SETTINGS))} of jitter less)"
    )


def test_what_is_due_says_until_when_it_waits_and_is_due_all_the_same() -> None:
    # NOW is a Thursday.
    calendar = calendar_of(["Mon 09:00-10:00 UTC"], ["2026-01-01/2026-01-05 UTC: new year"])
    found = of(*old(91), settings=replace(SETTINGS, jitter=timedelta(0), calendar=calendar))
    assert (found.due, found.attention) == (True, True)
    assert found.state == (
        "due since 1 d (max_age 90 d); --due waits until Mon 2026-01-12 09:00 UTC (blackout: new year)"
    )
    assert found.held_until == NOW.replace(day=12, hour=9)
    calm = of(*old(1), settings=replace(SETTINGS, calendar=calendar))
    assert (calm.state, calm.held_until) == ("ok", found.held_until)


def test_an_open_window_holds_nothing() -> None:
    assert held(replace(SETTINGS, calendar=calendar_of(["Thu 12:00-13:00 UTC"], [])), NOW) is None
