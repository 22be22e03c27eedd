"""What is known of a place, and for how long: fresh, old enough to be read ahead, stale, or gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
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
"""At this part of its time a value is read again in the background."""
SOON = 5.0  # seconds until a place is read again at which something else than current was accepted
AGAIN = 10.0  # seconds until a place is read again that could not be read
SIGHT = 90.0  # seconds for which a change that was noticed here may still be spreading
NEVER = float("-inf")
USED = {Stage.PENDING: Kind.PENDING_USED, Stage.FALLBACK: Kind.FALLBACK_USED}


@dataclass(frozen=True)
class Limits:
    """Seconds. `max_age`: used without asking; `max_stale`: used at the most while the place cannot be read."""

    max_age: float
    max_stale: float
    ahead: bool


class Cache:
    """The latest reading of one place, shared by all threads of a process."""

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
        """What was read last."""
        return self._snapshot

    def first(self) -> Found | Future[Snapshot]:
        """Return the value to try first, or the reading to wait for where that is too old."""
        due, old, first = self._ahead_at, self._old_at, self._first
        now = self._now()
        if now < due and first is not None:
            return first
        reading = self.load(after=due)
        return first if now < old and first is not None else reading

    def whole(self, max_age: timedelta | None = None) -> Snapshot | None:
        """Return what was read last, if that was every stage, and not too long ago: than `max_age` at the most."""
        snapshot, now = self._snapshot, self._now()
        if snapshot is None or not snapshot.whole or now >= self._old_at:
            return None
        tried = max(snapshot.started, self._failed_at)  # a vault that is away is not asked more often for it
        return snapshot if max_age is None or now - tried < max_age.total_seconds() else None

    def stale(self) -> Snapshot:
        """Return what was read last although it is old: the place could not be read.

        Raises:
            SecretUnavailable: there is nothing, or it is too old.
        """
        if self._snapshot is not None and self._now() < self._stale_at:
            return self._snapshot
        error = self._failure
        raise SecretUnavailable(
            f"the secret at {self._uri} cannot be read" + (f": {error.message}" if error else ""),
            error.hint if error else None,
        )

    def load(self, *, whole: bool = False, after: float = NEVER) -> Future[Snapshot]:
        """Begin to read the place, or join who does; `whole`: pending and fallback too."""
        whole = whole or self._limits.ahead or (self._first is not None and self._first.stage is not Stage.CURRENT)
        return self._loading.load(whole=whole, after=after)

    def ordered(self, snapshot: Snapshot) -> tuple[Found, ...]:
        """Return a reading's candidates, the one that worked last in front."""
        found, first = snapshot.candidates(self.client_id), self._first
        return tuple(sorted(found, key=lambda each: first is None or each.value != first.value))

    def accepted(self, found: Found) -> None:
        """Take note of which value works."""
        first = self._first
        if first is found or (first is not None and first.value == found.value):
            return
        with self._guard:
            now = self._now()
            self._first, self._noticed = found, now
            self._ahead_at = min(self._ahead_at, now + SOON)
        if kind := USED.get(found.stage):
            self.tell(kind)

    def in_sight(self) -> bool:
        """Tell whether a refusal may be a change that is spreading, or one that cannot be seen for now."""
        snapshot = self._snapshot
        noticed = self._now() - self._noticed < SIGHT
        return noticed or self._failure is not None or (snapshot is not None and snapshot.in_sight())

    def close(self) -> None:
        """Close the connections; what is known stays."""
        self._loading.close()

    def tell(self, kind: Kind, why: str = "") -> None:
        """Tell that something happened."""
        version = self._snapshot.latest.version if self._snapshot else ""
        tell(Event(kind, self.client_id, self._uri, version, why), self._hook)

    def _landed(self, flight: Flight, read: Snapshot | SinkError) -> None:
        """Keep what was read before who waits for it is woken and asks again; the application's hook comes last."""
        told = self._failed(read) if isinstance(read, SinkError) else self._keep(read)
        flight.land(read)
        for kind, why in told:
            self.tell(kind, why)

    def _failed(self, error: SinkError) -> list[tuple[Kind, str]]:
        with self._guard:
            self._failure, self._failed_at = error, self._now()
            self._ahead_at = self._old_at = min(max(self._old_at, self._now() + AGAIN), self._stale_at)
        return [(Kind.READ_FAILED, error.message)]

    def _keep(self, snapshot: Snapshot) -> list[tuple[Kind, str]]:
        with self._guard:
            before, limits = self._snapshot, self._limits
            found = snapshot.candidates(self.client_id)
            first = self._first
            kept = next((each for each in found if first is not None and each.value == first.value), None)
            self._snapshot, self._first, self._failure = snapshot, kept or found[0], None
            changed = before is None or before.current != snapshot.current
            if before is not None and changed:
                self._noticed = self._now()
            settled = self._first.stage is Stage.CURRENT
            self._ahead_at = snapshot.started + (min(limits.max_age * AHEAD, limits.max_age if settled else SOON))
            self._old_at = snapshot.started + limits.max_age
            self._stale_at = snapshot.started + limits.max_stale
        told = [(Kind.REFRESHED, "")] if changed else []
        if self._loading.denied and not self._told_denied:
            self._told_denied = True
            told.append((Kind.READ_FAILED, f"{self._loading.denied}; a pending value is never seen"))
        return told
