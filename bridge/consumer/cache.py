"""Cache of one sink's values, with the age limits that decide when to read the sink again.

A reading passes three limits as it ages. After the first it is read again in the background, after the second the
caller waits for a new reading, and after the third it is not used at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.consumer.errors import SecretUnavailable
from bridge.consumer.events import Event, Hook, Kind, tell
from bridge.consumer.loading import Flight, Loading
from bridge.consumer.snapshot import Found, Snapshot
from sinks.errors import SinkError
from sinks.versions import Stage

if TYPE_CHECKING:
    from datetime import timedelta

    from sinks.clock import Clock
    from sinks.reader import Reader

AHEAD = 0.8
"""Fraction of `max_age` after which a value is read again in the background."""
# A rotation promotes about a second after Auth0's change, so a few seconds later the sink shows the new state.
SOON = 5.0
"""Seconds until a sink is read again after a value other than current was accepted."""
# Often enough to notice a vault that is back, and seldom enough not to be a burden for one that is overloaded.
AGAIN = 10.0
"""Seconds until a sink is read again after a failed reading."""
# Three times the 30 s that Auth0 documents, as in `snapshot.SIGHT`.
SIGHT = 90.0
"""Seconds during which a change that this process noticed may still be spreading at Auth0."""
NEVER = float("-inf")
"""A moment before every other, for what has not happened yet."""
USED = {Stage.PENDING: Kind.PENDING_USED, Stage.FALLBACK: Kind.FALLBACK_USED}
"""The event to report when a value of this stage is accepted. Current is the normal case and has none."""


@dataclass(frozen=True)
class Limits:
    """How old a cached reading may become, in seconds."""

    max_age: float
    """A reading younger than this is used without asking the vault."""
    max_stale: float
    """A reading younger than this is still used while the vault cannot be read."""
    ahead: bool
    """Whether every refresh reads pending and fallback too."""


@dataclass(frozen=True)
class Standing:
    """How fresh the values of a sink are."""

    usable: bool
    """Whether there is a value that may be used."""
    age: float | None
    """The seconds since the last successful reading began. None before the first one."""
    failure: str
    """Why the last reading failed. Empty if it did not."""


class Cache:
    """The latest reading of one sink, shared by all threads of a process.

    Reads of the cached value take no lock. The fields that belong together are only written under `_guard`.
    """

    def __init__(
        self, client_id: str, uri: str, connect: Callable[[], Reader], limits: Limits, hook: Hook | None, clock: Clock
    ) -> None:
        self.client_id = client_id
        self._uri = uri
        self._limits = limits
        self._hook = hook
        self._clock = clock
        self._now = clock.monotonic
        self._loading = Loading(connect, clock, self._landed)
        self._guard = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._first: Found | None = None
        self._ahead_at = self._old_at = self._stale_at = self._noticed = NEVER
        self._failure: SinkError | None = None
        self._failed_at = NEVER
        self._told_denied = False

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest reading, or None before the first one succeeded."""
        return self._snapshot

    def first(self) -> Found | Future[Snapshot]:
        """Return the value to try first, or a future of the reading to wait for.

        While the cached value is fresh enough it is returned. If it is due for a refresh, that begins in the background
        at the same time.
        """
        # The deadlines are read before the clock. If another thread stores a reading in between, the
        # worst case is one refresh too many.
        due, old, first = self._ahead_at, self._old_at, self._first
        now = self._now()
        if now < due and first is not None:
            return first
        # Any reading that began since it was due will do, so concurrent callers share one.
        reading = self.load(after=due)
        # The old value is served while the refresh runs, so that a slow vault delays no token request.
        return first if now < old and first is not None else reading

    def whole(self, max_age: timedelta | None = None) -> Snapshot | None:
        """Return the latest reading if it covers every stage and is fresh enough, else None.

        Fresh enough means that `first` would still return a value without waiting. With `max_age`, the last attempt to
        read must also be younger than that.
        """
        snapshot, now = self._snapshot, self._now()
        if snapshot is None or not snapshot.whole or now >= self._old_at:
            return None
        # A failed attempt counts as well, so that a vault that is down is not asked more often because of `max_age`.
        tried = max(snapshot.started, self._failed_at)
        return snapshot if max_age is None or now - tried < max_age.total_seconds() else None

    def stale(self) -> Snapshot:
        """Return the latest reading for use while the sink cannot be read.

        Raises:
            SecretUnavailable: there is no reading, or it is older than `max_stale`.
        """
        if self._snapshot is not None and self._now() < self._stale_at:
            return self._snapshot
        error = self._failure
        raise SecretUnavailable(
            f"the secret at {self._uri} cannot be read" + (f": {error.message}" if error else ""),
            error.hint if error else None,
        )

    def load(self, *, whole: bool = False, after: float = NEVER) -> Future[Snapshot]:
        """Start reading the sink, or join a reading that began at or after the moment `after`.

        With `whole`, pending and fallback are read too. They are also read when `ahead` is set, or when the value that
        worked last is not current.
        """
        whole = whole or self._limits.ahead or (self._first is not None and self._first.stage is not Stage.CURRENT)
        return self._loading.load(whole=whole, after=after)

    def ordered(self, snapshot: Snapshot) -> tuple[Found, ...]:
        """Return a reading's candidates, with the value that worked last in front.

        If that value is not among them, they keep the order of `Snapshot.candidates`.
        """
        found, first = snapshot.candidates(self.client_id), self._first
        return tuple(sorted(found, key=lambda each: first is None or each.value != first.value))

    def accepted(self, found: Found) -> None:
        """Record that Auth0 accepted a value, so that it is tried first from now on.

        A value that differs from the one known so far means that a change is spreading. The sink is then read again
        soon, and an event is reported if the value is not current.
        """
        first = self._first
        # Without this every token request would report an event, and each would bring the next refresh forward.
        if first is found or (first is not None and first.value == found.value):
            return
        with self._guard:
            # The vault may have gone away since the request began, and with it a value that was ending.
            if (
                self._snapshot is not None
                and self._snapshot.unread
                and not self._snapshot.holds(found.value, self.client_id)
            ):
                return
            now = self._now()
            self._first, self._noticed = found, now
            self._ahead_at = min(self._ahead_at, now + SOON)
        if kind := USED.get(found.stage):
            self.tell(kind)

    def in_sight(self) -> bool:
        """Return whether a refusal may have a passing cause.

        That is a change that is spreading, or one that this process cannot see because the last reading failed.
        """
        snapshot = self._snapshot
        noticed = self._now() - self._noticed < SIGHT
        return noticed or self._failure is not None or (snapshot is not None and snapshot.in_sight())

    def standing(self) -> Standing:
        """Return whether there is a value to use, how old its reading is, and why a newer one failed."""
        snapshot, now = self._snapshot, self._now()
        age = now - snapshot.started if snapshot else None
        usable = snapshot is not None and now < self._stale_at
        return Standing(usable, age, self._failure.message if self._failure else "")

    def close(self) -> None:
        """Close the connections. The cached values stay usable.

        Any thread may call it. A reading that runs meanwhile may fail, and the next one opens new connections.
        """
        self._loading.close()

    def tell(self, kind: Kind, why: str = "") -> None:
        """Report an event for this sink to the log and to the application's hook."""
        version = self._snapshot.latest.version if self._snapshot else ""
        tell(Event(kind, self.client_id, self._uri, version, why), self._hook)

    def _landed(self, flight: Flight, read: Snapshot | SinkError) -> None:
        """Store a reading, wake the callers that wait for it, then report the events.

        Storing comes first, so that a woken caller that asks again finds the new value. The application's hook comes
        last, so that it delays no waiting caller.
        """
        told = self._failed(read) if isinstance(read, SinkError) else self._keep(read)
        flight.land(read)
        for kind, why in told:
            self.tell(kind, why)

    def _failed(self, error: SinkError) -> list[tuple[Kind, str]]:
        """Record a failed reading, and return the events to report.

        The cached values are kept. How long they may still be used depends on when they were read, not on this failure.
        """
        with self._guard:
            self._failure, self._failed_at = error, self._now()
            self._without_ending()
            # Known values are used for a while before the next attempt, but never beyond `max_stale`.
            self._ahead_at = self._old_at = min(max(self._old_at, self._now() + AGAIN), self._stale_at)
        return [(Kind.READ_FAILED, error.message)]

    def _without_ending(self) -> None:
        """Take a current value that an operation was ending out of the candidates. `_guard` is held.

        It may have leaked, and whether the operation has ended cannot be read any more.
        """
        if self._snapshot is not None:
            self._snapshot = replace(self._snapshot, unread=True)
            found = self._snapshot.candidates(self.client_id)
            if self._first is None or not self._snapshot.holds(self._first.value, self.client_id):
                self._first = found[0]

    def _keep(self, snapshot: Snapshot) -> list[tuple[Kind, str]]:
        """Store a successful reading with its deadlines, and return the events to report.

        The deadlines count from the start of the reading, because its values may have been replaced while it ran.
        """
        with self._guard:
            before, limits = self._snapshot, self._limits
            found = snapshot.candidates(self.client_id)
            first = self._first
            # The value that worked last stays in front if it is still stored. The first request after a refresh would
            # be refused otherwise, while a change is spreading.
            kept = next((each for each in found if first is not None and each.value == first.value), None)
            self._snapshot, self._first, self._failure = snapshot, kept or found[0], None
            changed = before is None or before.current != snapshot.current
            if before is not None and changed:
                self._noticed = self._now()
            # A value other than current is a transition, so its reading is refreshed after `SOON` at the latest.
            settled = self._first.stage is Stage.CURRENT
            self._ahead_at = snapshot.started + (min(limits.max_age * AHEAD, limits.max_age if settled else SOON))
            self._old_at = snapshot.started + limits.max_age
            self._stale_at = snapshot.started + limits.max_stale
        told = [(Kind.REFRESHED, "")] if changed else []
        if self._loading.denied and not self._told_denied:
            # Once is enough: a right that is missing stays missing, and each refresh would report it.
            self._told_denied = True
            told.append((Kind.READ_FAILED, f"{self._loading.denied}; a pending value is never seen"))
        return told
