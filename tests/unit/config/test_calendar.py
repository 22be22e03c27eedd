"""Windows, blackouts and jitter in `bridge.toml`: how they are read, and each fault."""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.config.calendar import window
from bridge.config.settings import ClientSettings
from bridge.model.calendar import ALWAYS

AGE = 'max_age = "90d"'
OWNER = 'owner = "team-billing"'
WINDOWS = 'windows = ["Mon-Thu 09:00-16:00 Europe/Berlin", "Fri 22:00-04:00 UTC"]'
BLACKOUTS = 'blackouts = ["2026-12-18/2027-01-04 Europe/Berlin: year-end freeze"]'


def said(good: str, *lines: str, at: str = AGE) -> str:
    """Return the configuration with more lines in [defaults], or in the client's table."""
    assert good.count(at) == 1
    return good.replace(at, "\n".join((at, *lines)))


def test_they_are_read_from_the_defaults_and_from_a_client(load_text: Any, good: str) -> None:
    (client,) = load_text(said(good, WINDOWS, BLACKOUTS, 'jitter = "7d"')).clients.values()
    night = client.calendar.windows[1]
    assert (night.days, night.start, night.end) == ({4}, timedelta(hours=22), timedelta(hours=4))
    (freeze,) = client.calendar.blackouts
    assert freeze.begin == datetime(2026, 12, 17, 23, tzinfo=UTC)
    assert freeze.end == datetime(2027, 1, 4, 23, tzinfo=UTC)
    assert (freeze.reason, freeze.zone.name, client.jitter) == ("year-end freeze", "Europe/Berlin", timedelta(days=7))


def test_a_clients_own_list_replaces_that_of_the_defaults(load_text: Any, good: str) -> None:
    text = said(said(good, WINDOWS, BLACKOUTS), "windows = []", at=OWNER)
    (client,) = load_text(text).clients.values()
    assert client.calendar.windows == ()
    assert len(client.calendar.blackouts) == 1
    (client,) = load_text(good).clients.values()
    assert (client.calendar, client.jitter) == (ALWAYS, ClientSettings.jitter)


FORM = 'expected days, times and a zone such as "Mon-Thu 09:00-16:00 Europe/Berlin"'
DARK = (
    'expected the first and last day or moment and a zone such as "2026-12-18/2027-01-04 Europe/Berlin: '
    'year-end freeze"'
)
DAYS = "expected one of Mon, Tue, Wed, Thu, Fri, Sat, Sun, or a range such as Mon-Fri"
ONE_FAULT = [
    ('windows = "Mon 09:00-10:00 UTC"', "windows: found a text, expected a list"),
    ("windows = [9]", "windows[0]: found a number, expected a text"),
    ('windows = ["09:00-16:00 UTC"]', f'windows[0]: found "09:00-16:00 UTC", {FORM}'),
    ('windows = ["Mon 09:00-16:00"]', f'windows[0]: found "Mon 09:00-16:00", {FORM}'),
    ('windows = ["Mon 9:00-16:00 UTC"]', f'windows[0]: found "Mon 9:00-16:00 UTC", {FORM}'),
    ('windows = ["Mo-Do 09:00-16:00 UTC"]', f'windows[0]: found the days "Mo-Do", {DAYS}'),
    ('windows = ["Mon-Wed-Fri 09:00-16:00 UTC"]', f'windows[0]: found the days "Mon-Wed-Fri", {DAYS}'),
    ('windows = ["Mon, 09:00-16:00 UTC"]', f'windows[0]: found the days "", {DAYS}'),
    ('windows = ["Mon 09:00-24:01 UTC"]', 'windows[0]: found the time "24:01", expected one from 00:00 to 24:00'),
    ('windows = ["Mon 09:60-12:00 UTC"]', 'windows[0]: found the time "09:60", expected one from 00:00 to 24:00'),
    ('windows = ["Mon 09:00-09:00 UTC"]',
     "windows[0]: found 09:00-09:00, expected two different times from 00:00, such as 00:00-24:00 for the whole day"),
    ('windows = ["Mon 24:00-09:00 UTC"]',
     "windows[0]: found 24:00-09:00, expected two different times from 00:00, such as 00:00-24:00 for the whole day"),
    ('windows = ["Mon 09:00-16:00 Europe/Berlni"]',
     ('windows[0]: found the zone "Europe/Berlni", expected one of the IANA database, or UTC; did you mean '
      "Europe/Berlin?")),
    ('windows = ["Mon 09:00-16:00 CET"]', f'windows[0]: found "Mon 09:00-16:00 CET", {FORM}'),
    ('blackouts = ["2026-12-18/2027-01-04"]', f'blackouts[0]: found "2026-12-18/2027-01-04", {DARK}'),
    ('blackouts = ["christmas UTC"]', f'blackouts[0]: found "christmas UTC", {DARK}'),
    ('blackouts = ["2027-01-04/2026-12-18 UTC"]',
     'blackouts[0]: found "2027-01-04/2026-12-18", expected an end after the begin'),
    ('blackouts = ["2027-02-29 UTC"]',
     'blackouts[0]: found "2027-02-29", expected a day such as 2026-12-18, or a moment such as 2026-12-18T18:00'),
    ('blackouts = ["2027-02-28T12:00 UTC"]',
     ('blackouts[0]: found "2027-02-28T12:00 UTC", expected a last day or moment after a moment, such as '
      "2026-12-24T18:00/2026-12-27")),
    ('blackouts = ["9999-12-31 UTC"]', 'blackouts[0]: found "9999-12-31 UTC", expected years that a calendar can hold'),
    ('jitter = "soon"', 'jitter: found "soon", expected a duration such as 90d, 24h, 30m or 10s'),
    ('jitter = "80d"', "jitter: jitter (80 d) leaves less of max_age (90 d) than fallback_max_age (14 d)"),
    ('blackouts = ["2026-01-01/2026-06-30 UTC"]',
     "blackouts: nothing may begin for 181 d, which is longer than max_age (90 d)"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "fault"), ONE_FAULT, ids=[line for line, _ in ONE_FAULT])
def test_one_fault_is_one_line(faults_of: Any, good: str, line: str, fault: str) -> None:
    assert faults_of(said(good, line)) == (f"defaults.{fault}",)


def test_all_faults_are_told_at_once(faults_of: Any, good: str) -> None:
    windows = 'windows = ["Mo 09:00-10:00 UTC", "Tue 25:00-26:00 UTC"]'
    text = said(good, windows, 'blackouts = ["never"]', 'jitter = "80d"')
    assert [fault.partition(":")[0] for fault in faults_of(text)] == [
        "defaults.windows[0]", "defaults.windows[1]", "defaults.blackouts[0]", "defaults.jitter",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("default", "own", "fault"),
    [
        (WINDOWS, 'max_age = "1d"', "max_age: nothing may begin for 2 d 4 h, which is longer than max_age (1 d)"),
        ('jitter = "7d"', 'max_age = "20d"',
         "max_age: jitter (7 d) leaves less of max_age (20 d) than fallback_max_age (14 d)"),
        ("", 'windows = ["Mon 09:00-10:00 UTC"]\nmax_age = "3d"',
         "windows: nothing may begin for 6 d 23 h, which is longer than max_age (3 d)"),
    ],
)  # fmt: skip
def test_what_a_client_says_against_the_defaults_is_told_at_the_client(
    faults_of: Any, good: str, default: str, own: str, fault: str
) -> None:
    assert faults_of(said(said(good, default), own, at=OWNER)) == (f"clients.billing.{fault}",)


def test_a_wrong_default_is_not_a_fault_of_every_client(faults_of: Any, good: str) -> None:
    assert len(faults_of(said(said(good, 'jitter = "80d"'), "sibling_keys = false", at=OWNER))) == 1


@pytest.fixture
def without_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the time zones away, as on a machine without tzdata."""
    for name in {"tzdata", *(name for name in sys.modules if name.startswith("tzdata."))}:
        monkeypatch.setitem(sys.modules, name, None)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)


@pytest.mark.usefixtures("without_zones")
def test_without_time_zones_it_names_what_to_install_and_utc_still_works(faults_of: Any, good: str) -> None:
    assert faults_of(said(good, 'windows = ["Mon-Thu 09:00-16:00 Europe/Berlin"]')) == (
        (
            'defaults.windows[0]: found the zone "Europe/Berlin", expected UTC: this machine has no time zones '
            "(install tzdata: apt-get install tzdata, or pip install tzdata)"
        ),
    )
    assert window("Mon-Thu 09:00-16:00 UTC").zone.info is UTC
