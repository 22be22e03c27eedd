"""When scheduled work may begin: weekly windows and blackouts, by the clocks of their own time zones. Pure.

A window is open while a clock on a wall of its zone shows a day and a time of it. So what such a clock skips in spring
is never open, and what it shows twice in autumn is open twice.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
REACH = 15
"""Days to look ahead for an opening. A clock that goes forward can skip a window of one week, but not of two."""
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Zone:
    """A time zone, and its name in the configuration."""

    name: str
    info: tzinfo

    def wall(self, moment: datetime) -> datetime:
        """Return what a clock there shows at a moment, without a zone."""
        return moment.astimezone(self.info).replace(tzinfo=None)

    def moments(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the first and the last moment, in UTC, for which a clock there shows this time.

        They differ where clocks go back. For a time that is skipped, they are as far apart as the clocks go forward.
        """
        found = sorted(wall.replace(tzinfo=self.info, fold=fold).astimezone(UTC) for fold in (0, 1))
        return found[0], found[1]

    def shown(self, moment: datetime) -> str:
        """Return a moment as people there write it, such as "Mon 2026-11-30 09:00 Europe/Berlin"."""
        wall = self.wall(moment)
        return f"{WEEKDAYS[wall.weekday()]} {wall:%Y-%m-%d %H:%M} {self.name}"


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Window:
    """A part of some days of each week. With an end before its start, it reaches over midnight."""

    days: frozenset[int]
    """The weekdays on which it begins. Monday is 0."""
    start: timedelta
    """When it begins, from midnight."""
    end: timedelta
    """The first time after it, from midnight, at most 24 hours. It is never equal to the start."""
    zone: Zone

    @property
    def length(self) -> timedelta:
        """How long it is open, on a day without a change of clocks."""
        return self.end - self.start + (DAY if self.end < self.start else timedelta())

    def open_at(self, moment: datetime) -> bool:
        """Return whether a clock of the zone is within the window."""
        wall = self.zone.wall(moment)
        today = wall.weekday()
        passed = wall - datetime.combine(wall, time())
        if self.start < self.end:
            return today in self.days and self.start <= passed < self.end
        begun = today in self.days and passed >= self.start
        return begun or ((today - 1) % 7 in self.days and passed < self.end)

    def edges(self, moment: datetime) -> Iterator[datetime]:
        """Yield moments after `moment` at which the window may open, in no order, for the next two weeks."""
        midnight = datetime.combine(self.zone.wall(moment), time()) - DAY
        days = [midnight + number * DAY for number in range(REACH + 2)]
        for day in days:
            if day.weekday() in self.days:
                yield from self.zone.moments(day + self.start)
        yield from _shifts(self.zone, days)


def _shifts(zone: Zone, days: Sequence[datetime]) -> Iterator[datetime]:
    """Yield the moments between the first day and the last at which the clocks go forward or back."""
    # UTC has none, and asking each day takes most of the time.
    bounds = [zone.moments(day)[0].astimezone(zone.info) for day in days if zone.info is not UTC]
    for before, after in itertools.pairwise(bounds):
        if before.utcoffset() != after.utcoffset():
            yield _shift(zone, before.astimezone(UTC), after.astimezone(UTC))


def _shift(zone: Zone, before: datetime, after: datetime) -> datetime:
    """Return the moment between two of a day, in UTC, at which the clocks go forward or back."""
    former = before.astimezone(zone.info).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if middle.astimezone(zone.info).utcoffset() == former:
            before = middle
        else:
            after = middle
    return after


@dataclass(frozen=True)
class Blackout:
    """A time in which nothing is begun, from `begin` to before `end`, both in UTC."""

    begin: datetime
    end: datetime
    zone: Zone
    reason: str = ""

    def covers(self, moment: datetime) -> bool:
        """Return whether a moment is in it."""
        return self.begin <= moment < self.end


@dataclass(frozen=True)
class Calendar:
    """The windows and blackouts of a client. Without windows it is open except in a blackout."""

    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()

    def open_at(self, moment: datetime) -> bool:
        """Return whether scheduled work may begin at a moment."""
        return self._in_window(moment) and self.blackout_at(moment) is None

    def blackout_at(self, moment: datetime) -> Blackout | None:
        """Return the blackout that covers a moment, the longest one of several."""
        return max((each for each in self.blackouts if each.covers(moment)), key=lambda each: each.end, default=None)

    def next_opening(self, moment: datetime) -> datetime | None:
        """Return the first moment from `moment` on, in UTC, at which scheduled work may begin.

        Return None if there is none: no window opens within two weeks outside of blackouts.
        """
        found: datetime | None = moment.astimezone(UTC)
        while found is not None and not self.open_at(found):
            closed = self.blackout_at(found)
            found = closed.end if closed else self._next_window(found)
        return found

    def shown(self, moment: datetime) -> str:
        """Return a moment by the clock of the window that is open then, or of the blackout that has just ended."""
        zones = [each.zone for each in self.windows if each.open_at(moment)]
        zones += [each.zone for each in self.blackouts if each.end == moment]
        return (zones or [Zone("UTC", UTC)])[0].shown(moment)

    @functools.cache  # noqa: B019  # a file has few, and many clients share them
    def longest_wait(self) -> timedelta | None:
        """Return how long, at the most, nothing may begin at a time, or None if nothing may ever begin.

        It is exact but for weeks in which clocks change, and for a blackout that follows on a closed window.
        """
        starts = [each.begin for each in self.blackouts]
        for each in self.windows:
            opened = [edge for edge in each.edges(MONDAY) if edge < MONDAY + 8 * DAY and each.open_at(edge)]
            starts += [edge + each.length for edge in opened]
        waits = [(opening - start) if (opening := self.next_opening(start)) else None for start in starts]
        return None if None in waits else max((wait for wait in waits if wait is not None), default=timedelta())

    def _in_window(self, moment: datetime) -> bool:
        return not self.windows or any(each.open_at(moment) for each in self.windows)

    def _next_window(self, moment: datetime) -> datetime | None:
        edges = (edge for each in self.windows for edge in each.edges(moment))
        return min((edge for edge in edges if edge > moment and self._in_window(edge)), default=None)


ALWAYS = Calendar()
"""The calendar without windows and blackouts."""
