"""Windows and blackouts by the clocks of their zones: tables of moments, and what holds for any of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bridge.config.calendar import calendar_of
from bridge.model.calendar import ALWAYS, REACH, Calendar

BERLIN, YORK, CAIRO = "Europe/Berlin", "America/New_York", "Africa/Cairo"
DAYTIME = f"Mon-Thu 09:00-16:00 {BERLIN}"
NIGHT = f"Fri 22:00-04:00 {BERLIN}"
FREEZE = f"2026-12-18/2027-01-04 {BERLIN}: year-end freeze"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def calendar(*windows: str, but: tuple[str, ...] = ()) -> Calendar:
    return calendar_of(list(windows), list(but))


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        (DAYTIME, "2026-11-30T09:00+01:00", True),  # a Monday
        (DAYTIME, "2026-11-30T08:59:59+01:00", False),
        (DAYTIME, "2026-11-30T15:59:59+01:00", True),
        (DAYTIME, "2026-11-30T16:00+01:00", False),
        (DAYTIME, "2026-12-04T10:00+01:00", False),  # a Friday
        (DAYTIME, "2026-07-06T07:00Z", True),  # in summer it is an hour earlier in UTC
        (DAYTIME, "2026-12-07T07:59Z", False),
        (NIGHT, "2026-12-04T22:00+01:00", True),
        (NIGHT, "2026-12-05T03:59+01:00", True),  # it belongs to the Friday
        (NIGHT, "2026-12-05T04:00+01:00", False),
        (NIGHT, "2026-12-04T03:00+01:00", False),  # the night before it
        ("Sat-Mon 10:00-11:00 UTC", "2026-11-29T10:30Z", True),
        ("Sat-Mon 10:00-11:00 UTC", "2026-12-01T10:30Z", False),
        ("Mon,Wed 10:00-11:00 UTC", "2026-12-01T10:30Z", False),
        ("Sun 00:00-24:00 UTC", "2026-11-29T23:59:59.999Z", True),
        ("Sun 00:00-24:00 UTC", "2026-11-30T00:00Z", False),
        ("Tue 00:00-24:00 UTC", "2028-02-29T12:00Z", True),  # a leap day
        # Berlin goes from 02:00 to 03:00 on 2027-03-28.
        (f"Sun 02:30-03:30 {BERLIN}", "2027-03-28T00:59:59Z", False),
        (f"Sun 02:30-03:30 {BERLIN}", "2027-03-28T01:00Z", True),
        (f"Sun 02:30-03:30 {BERLIN}", "2027-03-28T01:30Z", False),
        # Berlin goes from 03:00 back to 02:00 on 2026-10-25.
        (f"Sun 01:00-02:30 {BERLIN}", "2026-10-25T00:29Z", True),
        (f"Sun 01:00-02:30 {BERLIN}", "2026-10-25T00:30Z", False),
        (f"Sun 01:00-02:30 {BERLIN}", "2026-10-25T01:00Z", True),
        (f"Sun 01:00-02:30 {BERLIN}", "2026-10-25T01:30Z", False),
    ],
)
def test_a_window_is_open_while_a_clock_of_its_zone_is_in_it(window: str, moment: str, is_open: bool) -> None:
    assert calendar(window).open_at(at(moment)) is is_open


@pytest.mark.parametrize(
    ("blackout", "moment", "covered"),
    [
        (FREEZE, "2026-12-18T00:00+01:00", True),
        (FREEZE, "2026-12-17T23:59:59+01:00", False),
        (FREEZE, "2027-01-04T23:59:59+01:00", True),  # its last day counts as a whole
        (FREEZE, "2027-01-05T00:00+01:00", False),
        ("2028-02-29 UTC", "2028-02-29T23:59Z", True),
        ("2028-02-29 UTC", "2028-03-01T00:00Z", False),
        (f"2026-12-24T18:00/2026-12-24T20:00:30 {YORK}", "2026-12-25T01:00:29Z", True),
        (f"2026-12-24T18:00/2026-12-24T20:00:30 {YORK}", "2026-12-25T01:00:30Z", False),
        # What a clock shows twice, or never, is meant in the longer way.
        (f"2026-10-25T02:30/2026-10-25T02:45 {BERLIN}", "2026-10-25T00:30Z", True),
        (f"2026-10-25T02:30/2026-10-25T02:45 {BERLIN}", "2026-10-25T01:44Z", True),
        (f"2027-03-28T01:00/2027-03-28T02:30 {BERLIN}", "2027-03-28T01:29Z", True),
    ],
)
def test_a_blackout_covers_its_days_and_moments(blackout: str, moment: str, covered: bool) -> None:
    assert calendar(but=(blackout,)).open_at(at(moment)) is not covered


@pytest.mark.parametrize(
    ("found", "moment", "opening"),
    [
        (ALWAYS, "2026-11-29T13:00Z", "2026-11-29T13:00Z"),
        (calendar(DAYTIME), "2026-11-29T13:00Z", "2026-11-30T08:00Z"),
        (calendar(DAYTIME), "2026-11-30T12:34:56Z", "2026-11-30T12:34:56Z"),
        (calendar(DAYTIME), "2026-12-03T15:00Z", "2026-12-07T08:00Z"),
        (calendar(DAYTIME, NIGHT), "2026-12-03T15:00Z", "2026-12-04T21:00Z"),
        (calendar(DAYTIME, but=(FREEZE,)), "2026-12-17T15:00Z", "2027-01-05T08:00Z"),
        (calendar(but=(FREEZE,)), "2026-12-20T00:00Z", "2027-01-04T23:00Z"),
        # A blackout that begins before another one has ended.
        (calendar(but=(FREEZE, "2027-01-01/2027-01-10 UTC")), "2026-12-20T00:00Z", "2027-01-11T00:00Z"),
        # The window of this Sunday is skipped by the clocks, the one of the next is not.
        (calendar(f"Sun 02:00-02:30 {BERLIN}"), "2027-03-22T00:00Z", "2027-04-04T00:00Z"),
        (calendar(f"Sun 02:30-03:30 {BERLIN}"), "2027-03-28T00:00Z", "2027-03-28T01:00Z"),
        (calendar(f"Sun 01:00-02:30 {BERLIN}"), "2026-10-25T00:45Z", "2026-10-25T01:00Z"),
        (calendar("Mon 09:00-10:00 UTC"), "2028-02-28T10:00Z", "2028-03-06T09:00Z"),
        # In Cairo the clocks go forward at midnight.
        (calendar(f"Fri 00:00-02:00 {CAIRO}"), "2026-04-23T12:00Z", "2026-04-23T22:00Z"),
    ],
)
def test_the_next_opening(found: Calendar, moment: str, opening: str) -> None:
    assert found.next_opening(at(moment)) == at(opening)


def test_an_opening_is_shown_by_the_clock_of_its_window_or_of_the_blackout_before_it() -> None:
    assert calendar(DAYTIME).shown(at("2026-11-30T08:00Z")) == "Mon 2026-11-30 09:00 Europe/Berlin"
    assert calendar(but=(FREEZE,)).shown(at("2027-01-04T23:00Z")) == "Tue 2027-01-05 00:00 Europe/Berlin"
    assert ALWAYS.shown(at("2027-01-04T23:00Z")) == "Mon 2027-01-04 23:00 UTC"


@pytest.mark.parametrize(
    ("found", "days"),
    [
        (ALWAYS, 0),
        (calendar("Mon-Sun 00:00-24:00 UTC"), 0),
        (calendar("Mon 00:00-24:00 UTC"), 6),
        (calendar(DAYTIME), 3 + 17 / 24),
        (calendar(but=("2026-12-01/2026-12-10 UTC", "2026-12-11/2026-12-20 UTC")), 20),
    ],
)
def test_the_longest_wait(found: Calendar, days: float) -> None:
    assert found.longest_wait() == timedelta(days=days)


ZONES = some.sampled_from(["UTC", BERLIN, YORK, CAIRO, "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"])
TIMES = some.tuples(some.integers(0, 23), some.sampled_from([0, 15, 30, 59])).map(lambda t: f"{t[0]:02}:{t[1]:02}")
DAYS = some.sampled_from(["Mon", "Sun", "Fri-Mon", "Tue,Thu", "Mon-Sun", "Wed-Fri,Sun"])
WINDOWS = some.tuples(DAYS, TIMES, TIMES, ZONES).filter(lambda w: w[1] != w[2]).map(lambda w: "{} {}-{} {}".format(*w))
# Around the days on which the clocks of these zones change, and a leap day.
MOMENTS = some.tuples(
    some.sampled_from(
        ["2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-25", "2026-11-01", "2028-02-29"]
    ),
    some.integers(-3 * 24 * 60, 3 * 24 * 60),
).map(lambda m: at(f"{m[0]}T00:00Z") + m[1] * timedelta(minutes=1))
SPANS = some.tuples(MOMENTS, some.integers(1, 4000), ZONES).map(
    lambda s: f"{s[0]:%Y-%m-%dT%H:%M}/{s[0] + s[1] * timedelta(minutes=1):%Y-%m-%dT%H:%M} {s[2]}"
)


@settings(max_examples=150, deadline=None)
@given(some.lists(WINDOWS, max_size=3), some.lists(SPANS, max_size=2), MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(
    windows: list[str], blackouts: list[str], moment: datetime
) -> None:
    found = calendar_of(windows, blackouts)
    opening = found.next_opening(moment)
    assert opening is not None
    assert found.open_at(opening)
    assert (opening == moment) is found.open_at(moment)
    assert opening - moment < REACH * timedelta(days=1) + len(blackouts) * timedelta(days=3)
    assert not any(found.open_at(each) for each in minutes(moment, opening))


def minutes(start: datetime, end: datetime) -> list[datetime]:
    """Return moments before the end: a step of five minutes, and the last second."""
    every = [start + number * timedelta(minutes=5) for number in range((end - start) // timedelta(minutes=5))]
    return [*every, *([end - timedelta(seconds=1)] if end > start else [])]


def test_moments_are_compared_in_utc() -> None:
    """Two moments of one zone would be compared by their clocks alone, which show 02:30 twice in autumn."""
    opening = calendar(f"Sun 01:00-02:30 {BERLIN}").next_opening(at("2026-10-25T00:45Z"))
    assert opening is not None
    assert opening.tzinfo is UTC
