"""When a secret is due, and what `--due` has to wait for. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.config.settings import ClientSettings

SPREAD = 1 << 64


def jitter_of(settings: ClientSettings) -> timedelta:
    """Return how much earlier than its `max_age` a client's secret is due, in whole seconds.

    It follows from the client id alone, so it is the same on every machine and at any time. It is never longer than
    `jitter`, and leaves at least `least_age`.
    """
    # Evenly spread and without a state. Who knows the client id may know the day: it is no secret.
    share = int.from_bytes(hashlib.sha256(settings.client_id.encode()).digest()[:8], "big")
    room = max(settings.max_age - least_age(settings), timedelta())
    return timedelta(seconds=min(settings.jitter, room) // timedelta(seconds=1) * share // SPREAD)


def least_age(settings: ClientSettings) -> timedelta:
    """Return the age before which jitter must not make a secret due.

    A rotation ends the fallback. Before `fallback_max_age` has passed, that could be one that is still in use.
    """
    return max(settings.min_interval, settings.fallback_min_age, settings.fallback_max_age)


def due_after(settings: ClientSettings) -> timedelta:
    """Return the age from which a client's secret is due: its `max_age` less its share of the jitter."""
    return settings.max_age - jitter_of(settings)


@dataclass(frozen=True)
class Held:
    """A client for which `--due` begins nothing for now."""

    until: datetime | None
    """The first moment at which it may begin, in UTC. None: there is none to be found."""
    shown: str
    """The same by the clock of the window that opens then, for people."""
    blackout: str | None
    """The reason of the blackout in which it is, "" for one without a reason. None: only its window is closed."""

    @property
    def words(self) -> str:
        """Until when it is, and the blackout if it is in one."""
        return f"until {self.shown}" + self.cause

    @property
    def cause(self) -> str:
        """The blackout, in brackets, if there is one."""
        if self.blackout is None:
            return ""
        return f" (blackout: {self.blackout})" if self.blackout else " (blackout)"


def held(settings: ClientSettings, now: datetime) -> Held | None:
    """Return what a client has to wait for at `now`, or None if `--due` may begin."""
    calendar = settings.calendar
    if calendar.open_at(now):
        return None
    until, blackout = calendar.next_opening(now), calendar.blackout_at(now)
    shown = calendar.shown(until) if until else "an unknown time"
    return Held(until, shown, blackout.reason if blackout else None)
