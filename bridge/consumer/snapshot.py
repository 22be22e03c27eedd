"""What was read at a place, and which values that makes candidates. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.secret import Secret
from sinks.versions import Stage

SIGHT = timedelta(seconds=90)
"""For how long after a promotion a refusal may be Auth0 still spreading the change: three times what it takes."""


@dataclass(frozen=True)
class Found:
    """A value and the stage at which it was read."""

    value: Secret
    stage: Stage


@dataclass(frozen=True)
class Snapshot:
    """A place at one moment. `started` is the monotonic time at which reading it began.

    `whole`: pending and fallback were read too. `promoted` is when current became current, by the server's clock.
    """

    started: float
    current: Secret
    latest: Latest
    whole: bool = False
    next: Next = field(default=NOTHING_NEXT)
    fallback: Secret | None = None
    promoted: datetime | None = None

    def candidates(self, salt: str) -> tuple[Found, ...]:
        """Return the different values that Auth0 may accept, the likeliest first.

        A fallback that an operation ends is none: Auth0 refuses it, or it leaked. Current is one as long as nothing
        else is: it is what Auth0 accepts until the moment of the change. Where it is ending, it comes last.
        """
        pending = Found(self.next.value, Stage.PENDING) if self.next.value else None
        current = Found(self.current, Stage.CURRENT)
        kept = self.fallback is not None and self.fallback.fingerprint(salt) not in self.next.ending
        fallback = Found(self.fallback, Stage.FALLBACK) if kept and self.fallback else None
        order = (pending, current, fallback) if self._ending(salt) else (current, pending, fallback)
        return tuple(_different(found for found in order if found is not None))

    def keys(self, salt: str) -> tuple[Secret, ...]:
        """Return the values that may have signed what is to be verified: never one that an operation ends."""
        ending = self.next.ending
        return tuple(f.value for f in self.candidates(salt) if f.value.fingerprint(salt) not in ending)

    def in_sight(self) -> bool:
        """Tell whether a change is on its way, or was made so lately that it may be spreading."""
        lately = self.promoted is not None and abs(self.latest.at - self.promoted) < SIGHT
        return self.next.value is not None or lately

    def holds(self, value: Secret, salt: str) -> bool:
        """Tell whether a value is a candidate."""
        return any(found.value == value for found in self.candidates(salt))

    def _ending(self, salt: str) -> bool:
        return self.next.value is not None and self.current.fingerprint(salt) in self.next.ending


def _different(found: Iterator[Found]) -> Iterator[Found]:
    seen: list[Secret] = []
    for each in found:
        if each.value not in seen:
            seen.append(each.value)
            yield each
