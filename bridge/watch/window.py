"""Where a tenant's log was read last, and which entries are new. Pure.

Entries may appear late and out of order, so the last minutes are read again and again. Ids tell what is new. Only so
many are remembered: an entry that is taken for a new one costs a look, and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from bridge.auth0.logs import PAGE
from bridge.watch.entries import Position, Seen

OVERLAP = timedelta(minutes=2)
"""How far the log is read again, by the times of its entries."""
AGAIN = 30.0
"""Seconds after which that is done where it takes more than one page. Where it takes one, it is done each time."""
MOST_IDS = 20_000
"""How many ids are remembered."""


class Window:
    """The last minutes of one tenant's log, as they were read. It begins at `start`, or with the oldest entry."""

    def __init__(self, start: Position | None) -> None:
        self._trail = deque([start] if start else [])
        self._known: dict[str, None] = {}
        self._unread: Position | None = None
        self._whole = float("-inf")

    @property
    def oldest(self) -> Position | None:
        """From where on the log is read again. None: from its beginning."""
        return self._trail[0] if self._trail else None

    @property
    def newest(self) -> Position | None:
        """The latest entry that was read, by its time. None: there was none yet."""
        return self._trail[-1] if self._trail else None

    def begin(self, now: float) -> Position | None:
        """Return the place from which to read at `now` (monotonic). None: from the beginning of the log."""
        if self._unread:
            return self._unread
        if len(self._trail) <= PAGE // 2 or now - self._whole >= AGAIN:
            self._whole = now
            return self.oldest
        return self.newest

    def stopped(self, at: Position | None) -> None:
        """Note that a reading stopped before the end of the log, after `at`, so that the next one goes on there."""
        self._unread = at

    def take(self, entries: Iterable[Seen], start: Position | None) -> Iterator[tuple[Seen, Position | None]]:
        """Yield the entries that are new, each with the place before it. `start` is the one before the first."""
        for entry in entries:
            before, start = start, entry.position
            if entry.position.id in self._known:
                continue
            self._known[entry.position.id] = None
            if self.newest is None or self.newest.at <= entry.position.at:
                self._trail.append(entry.position)
            yield entry, before
        self._forget()

    def _forget(self) -> None:
        newest = self.newest
        while newest and len(self._trail) > 1 and self._trail[1].at <= newest.at - OVERLAP:
            self._trail.popleft()
        while len(self._known) > MOST_IDS:
            del self._known[next(iter(self._known))]


def following(page: Sequence[Seen], start: Position | None) -> Position | None:
    """Return the place after a page: its latest entry. None: nothing in it is later than `start`."""
    latest = max((entry.position for entry in reversed(page)), key=lambda position: position.at, default=None)
    return latest if latest and (start is None or (latest.at >= start.at and latest.id != start.id)) else None
