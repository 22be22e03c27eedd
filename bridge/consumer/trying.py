"""In which order values are tried, when the place is read again, and how long it makes sense: the same for all."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bridge.consumer.events import Kind
from bridge.consumer.snapshot import Found, Snapshot

if TYPE_CHECKING:
    from bridge.consumer.cache import Cache
    from sinks.clock import Clock

PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between rounds: at first, and at the most

Step = Found | Future[Snapshot] | float
"""A value to try, a reading to wait for (send its result, or None), or seconds to wait."""


def steps(
    cache: Cache, clock: Clock, patience: float, first: Found | Future[Snapshot]
) -> Generator[Step, Snapshot | None, None]:
    """Yield what to do next; that the next step is asked for after a value means that the value was refused.

    `first` is what `Cache.first` told: a value that was known, which has been tried and refused by now, or a reading.

    Raises:
        SecretUnavailable: nothing could be read.
    """
    if isinstance(first, Future):
        snapshot = yield first
        first = cache.ordered(snapshot or cache.stale())[0]
        yield first
    just_refused: Found | None = first
    end, pause = clock.monotonic() + patience, PAUSE
    if (known := cache.snapshot) and known.next.value:  # read ahead: there is something to try without the vault
        for found in cache.ordered(known):
            if found.value != first.value:
                yield found
    while True:
        snapshot = yield cache.load(whole=True, after=clock.monotonic())
        for found in cache.ordered(snapshot or cache.stale()):
            if just_refused is None or found.value != just_refused.value:
                yield found
        just_refused = None
        if not cache.in_sight() or clock.monotonic() >= end:
            cache.tell(Kind.ALL_REFUSED)
            return
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)
