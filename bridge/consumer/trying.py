"""The retry plan: the order of candidates, when to read the sink again, and when to give up."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bridge.consumer.events import Kind
from bridge.consumer.snapshot import Found, Snapshot

if TYPE_CHECKING:
    from bridge.consumer.cache import Cache
    from sinks.clock import Clock

# While a change spreads, each request meets the old or the new value at random, so a short pause is often enough.
PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between rounds: the first pause, and the longest one

Step = Found | Future[Snapshot] | float
"""A value to try, a reading to wait for (send its result, or None if it failed), or a number of seconds to wait."""


def steps(
    cache: Cache, clock: Clock, patience: float, first: Found | Future[Snapshot]
) -> Generator[Step, Snapshot | None, None]:
    """Yield what to do next, until every value was refused for as long as a retry makes sense.

    If the caller asks for another step after a value, that value counts as refused. `first` is what `Cache.first`
    returned. If it is a value, the caller has already tried it, and Auth0 refused it. `patience` is the longest time in
    seconds to retry while a change may be spreading.

    Raises:
        SecretUnavailable: nothing could be read.
    """
    # No value was fresh enough, so the caller has tried nothing yet.
    if isinstance(first, Future):
        snapshot = yield first
        first = cache.ordered(snapshot or cache.stale())[0]
        yield first
    just_refused: Found | None = first
    end, pause = clock.monotonic() + patience, PAUSE
    # A snapshot that was read ahead holds more candidates, which can be tried even while the vault is down.
    if (known := cache.snapshot) and known.next.value:
        for found in cache.ordered(known):
            if found.value != first.value:
                yield found
    while True:
        # Only a reading that begins after the refusal is sure to hold the value that Auth0 accepts (ADR 27).
        snapshot = yield cache.load(whole=True, after=clock.monotonic())
        for found in cache.ordered(snapshot or cache.stale()):
            if just_refused is None or found.value != just_refused.value:
                yield found
        just_refused = None  # in later rounds it is tried again, because a spreading change refuses by chance
        # Without a change in sight the refusal will not pass, and waiting would only keep the caller from
        # an error that it needs to see.
        if not cache.in_sight() or clock.monotonic() >= end:
            cache.tell(Kind.ALL_REFUSED)
            return
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)
