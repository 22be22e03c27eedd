"""What was read at a sink, and which of its values are candidates. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.secret import Secret
from sinks.versions import Stage

SIGHT = timedelta(seconds=90)
"""How long after a promotion a refusal may still mean that Auth0 is spreading the change.

This is three times the 30 s that a change takes.
"""


@dataclass(frozen=True)
class Found:
    """A value and the stage at which it was read.

    The same value may be found at two stages, for example in the moment of a promotion.
    `Snapshot.candidates` keeps the first.
    """

    value: Secret
    stage: Stage


@dataclass(frozen=True)
class Snapshot:
    """A sink at one moment."""

    started: float
    """The monotonic time at which reading it began."""
    current: Secret
    """The current value."""
    latest: Latest
    """The reading of the latest document that `current` comes from."""
    whole: bool = False
    """Whether pending and fallback were read too."""
    next: Next = field(default=NOTHING_NEXT)
    """The pending value, and the fingerprints of the values that the operation in progress ends."""
    fallback: Secret | None = None
    """The previous value, if there is one."""
    promoted: datetime | None = None
    """When the current value became current, by the server's clock."""
    unread: bool = False
    """Whether the sink could not be read since. A value that was about to end may have ended meanwhile."""

    def candidates(self, salt: str) -> tuple[Found, ...]:
        """Return the distinct values that Auth0 may accept, the most likely one first. `salt` is the client id.

        A fallback that an operation ends is not a candidate: Auth0 refuses it, or it has leaked. Current remains a
        candidate as long as it is current, because Auth0 accepts it until the moment of the change. If it is ending, it
        comes last, and not at all in a reading that is `unread`.
        """
        pending = Found(self.next.value, Stage.PENDING) if self.next.value else None
        current = Found(self.current, Stage.CURRENT)
        kept = self.fallback is not None and self.fallback.fingerprint(salt) not in self.next.ending
        fallback = Found(self.fallback, Stage.FALLBACK) if kept and self.fallback else None
        order: tuple[Found | None, ...] = (current, pending, fallback)
        # The current value of a client that answers a leak is refused a moment later, so pending is the likelier one.
        if self._ending(salt):
            order = (pending, fallback) if self.unread else (pending, current, fallback)
        return tuple(_different(found for found in order if found is not None))

    def keys(self, salt: str) -> tuple[Secret, ...]:
        """Return the values that may have signed a token to be verified. `salt` is the client id.

        A value that an operation ends is not among them, not even the current one: with a leaked key, a forger could
        sign.
        """
        ending = self.next.ending
        return tuple(f.value for f in self.candidates(salt) if f.value.fingerprint(salt) not in ending)

    def version(self, found: Found) -> str | None:
        """Return the vault's name for the version that a candidate was read from, where the reading names it."""
        return {Stage.CURRENT: self.latest.version, Stage.FALLBACK: self.latest.fallback}.get(found.stage)

    def in_sight(self) -> bool:
        """Return whether a change is in progress, or was made so recently that it may still be spreading.

        Both times come from the server's clock, so this machine's clock does not matter.
        """
        lately = self.promoted is not None and abs(self.latest.at - self.promoted) < SIGHT
        return self.next.value is not None or lately

    def holds(self, value: Secret, salt: str) -> bool:
        """Return whether a value is a candidate.

        The comparison takes constant time (`Secret`).
        """
        return any(found.value == value for found in self.candidates(salt))

    def _ending(self, salt: str) -> bool:
        # Without a pending value nothing replaces the current one, so it is not about to end.
        return self.next.value is not None and self.current.fingerprint(salt) in self.next.ending


def _different(found: Iterator[Found]) -> Iterator[Found]:
    # A list, because a `Secret` cannot be hashed. There are three values at most.
    seen: list[Secret] = []
    for each in found:
        if each.value not in seen:
            seen.append(each.value)
            yield each
