"""Windows and blackouts as `bridge.toml` writes them, and how each is read."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from bridge.config.fields import duration, quoted, refuse, text_schema
from bridge.config.settings import ClientSettings
from bridge.model.calendar import DAY, WEEKDAYS, Blackout, Calendar, Window, Zone
from sinks.clock import span

ZONE = r"UTC|[A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+){1,2}"
WINDOW = re.compile(rf"([A-Za-z,-]+) +(\d\d:\d\d)-(\d\d:\d\d) +({ZONE})")
_MOMENT = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?"
BLACKOUT = re.compile(rf"({_MOMENT})(?:/({_MOMENT}))? +({ZONE})(?:: *(\S.*))?")
EXPECTED_WINDOW = 'days, times and a zone such as "Mon-Thu 09:00-16:00 Europe/Berlin"'
EXPECTED_BLACKOUT = (
    'the first and last day or moment and a zone such as "2026-12-18/2027-01-04 Europe/Berlin: year-end freeze"'
)
TZDATA = "UTC: this machine has no time zones (install tzdata: apt-get install tzdata, or pip install tzdata)"


def window(text: str) -> Window:
    """Return the window that a text means.

    Raises:
        PydanticCustomError: it is none, or this machine does not know its zone.
    """
    match = WINDOW.fullmatch(text)
    if match is None:
        refuse(quoted(text), EXPECTED_WINDOW)
    days, start, end = _days(match[1]), _time(match[2]), _time(match[3])
    if start == end or start >= DAY:
        refuse(f"{match[2]}-{match[3]}", "two different times from 00:00, such as 00:00-24:00 for the whole day")
    return Window(days, start, end, zone(match[4]))


def blackout(text: str) -> Blackout:
    """Return the blackout that a text means. A day counts to its end, a time is the first one after the blackout.

    Raises:
        PydanticCustomError: it is none, or this machine does not know its zone.
    """
    match = BLACKOUT.fullmatch(text)
    if match is None:
        refuse(quoted(text), EXPECTED_BLACKOUT)
    if match[2] is None and "T" in match[1]:
        refuse(quoted(text), "a last day or moment after a moment, such as 2026-12-24T18:00/2026-12-27")
    place, first, last = zone(match[3]), match[1], match[2] or match[1]
    try:
        begin = place.moments(_moment(first))[0]
        end = place.moments(_moment(last) + (timedelta() if "T" in last else DAY))[1]
    except OverflowError:
        refuse(quoted(text), "years that a calendar can hold")
    if end <= begin:
        refuse(quoted(f"{first}/{last}"), "an end after the begin")
    return Blackout(begin, end, place, (match[4] or "").strip())


def zone(name: str) -> Zone:
    """Return the zone of a name: UTC, or one of the IANA database, which this machine has to have.

    Raises:
        PydanticCustomError: there is none of that name.
    """
    if name == "UTC":
        return Zone(name, UTC)
    import difflib
    import zoneinfo

    try:
        return Zone(name, zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
    near = difflib.get_close_matches(name, sorted(known), n=1)
    expected = "one of the IANA database, or UTC" + (f"; did you mean {near[0]}?" if near else "")
    return refuse(f'the zone "{name}"', expected if known else TZDATA)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        ends = part.split("-")
        if len(ends) > 2 or not set(ends) <= set(WEEKDAYS):
            refuse(f'the days "{part}"', f"one of {', '.join(WEEKDAYS)}, or a range such as Mon-Fri")
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        # Sat-Mon is a range, too.
        found |= {(first + number) % 7 for number in range((last - first) % 7 + 1)}
    return frozenset(found)


def _time(text: str) -> timedelta:
    hours, minutes = (int(part) for part in text.split(":"))
    found = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or found > DAY:
        refuse(f'the time "{text}"', "one from 00:00 to 24:00")
    return found


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text) if "T" in text else datetime.combine(date.fromisoformat(text), time())
    except ValueError:
        refuse(quoted(text), "a day such as 2026-12-18, or a moment such as 2026-12-18T18:00")


def calendar_of(windows: Iterable[str], blackouts: Iterable[str]) -> Calendar:
    """Return the calendar of texts that were checked.

    Raises:
        PydanticCustomError: one of them cannot be read.
        TypeError: one of them is no text.
    """
    return _calendar(tuple(windows), tuple(blackouts))


@functools.cache  # hundreds of clients have the same
def _calendar(windows: tuple[str, ...], blackouts: tuple[str, ...]) -> Calendar:
    return Calendar(tuple(map(window, windows)), tuple(map(blackout, blackouts)))


def unkept(table: Mapping[str, Any], said: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each key of a policy by which `max_age` cannot be kept, and why.

    `table` is the whole policy of a client. `said` are the keys that the client's table has itself: what [defaults]
    says is reported there. What cannot be read is skipped, because the model reports it.
    """
    try:
        ages = {key: duration(table[key]) if key in table else getattr(ClientSettings, key) for key in _AGES}
    except PydanticCustomError:
        return
    most, jitter = ages["max_age"], ages["jitter"]
    least, name = max((ages[key], key) for key in _AGES[2:])
    if jitter and most - jitter < least and (keys := [key for key in ("jitter", *_AGES) if key in said]):
        yield keys[0], f"jitter ({span(jitter)}) leaves less of max_age ({span(most)}) than {name} ({span(least)})"
    yield from _closed(table, said, most)


def _closed(table: Mapping[str, Any], said: Collection[str], most: timedelta) -> Iterator[tuple[str, str]]:
    # Of hundreds of clients, most say nothing of their own.
    if not {"windows", "blackouts", "max_age"} & set(said):
        return
    try:
        windows, blackouts = (tuple(table.get(key, ())) for key in ("windows", "blackouts"))
        calendars = {"windows": calendar_of(windows, ()), "blackouts": calendar_of(windows, blackouts)}
    except (PydanticCustomError, TypeError):
        return
    for key, calendar in calendars.items():
        wait = calendar.longest_wait()
        if (wait is None or wait > most) and (keys := [each for each in (key, "windows", "max_age") if each in said]):
            told = "nothing may ever begin" if wait is None else f"nothing may begin for {span(wait)}"
            yield keys[0], f"{told}, which is longer than max_age ({span(most)})"
            return


_AGES = ("max_age", "jitter", "min_interval", "fallback_min_age", "fallback_max_age")


def _checked(read: Callable[[str], object]) -> AfterValidator:
    """Return a check that a text can be read. The text itself stays the value."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


WindowText = Annotated[str, _checked(window), text_schema(WINDOW.pattern, f"A window: {EXPECTED_WINDOW}")]
BlackoutText = Annotated[str, _checked(blackout), text_schema(BLACKOUT.pattern, f"A blackout: {EXPECTED_BLACKOUT}")]
