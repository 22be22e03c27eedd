"""How long changes take at Auth0, and the waits that the protocol derives from that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

PROPAGATION = timedelta(seconds=30)
"""How long a changed secret may take to spread. Meanwhile either value may be accepted (Auth0's documentation)."""


@dataclass(frozen=True)
class Timing:
    """All waits of the protocol, derived from the propagation time.

    Only a sandbox has a propagation time below 30 s. The durations below are those for 30 s.
    """

    # All waits follow from this one, so that a sandbox scales them together and none outruns another (ADR 5).
    propagation: timedelta = PROPAGATION

    @property
    def lease(self) -> timedelta:
        """How soon after the start of a look a call without compare-and-set must have ended: 10 s.

        A process that slept finds its lease over and sends nothing. Timeouts are set from what is left of it.
        """
        # Far shorter than the fence, so that clocks and slow answers have room in between.
        return self.propagation / 3

    @property
    def fence(self) -> timedelta:
        """How long after a change of the lock key no call without compare-and-set may begin: 30 s.

        The fence outlasts every lease, so late calls of an earlier holder have ended by then.
        """
        return self.propagation

    @property
    def proof(self) -> timedelta:
        """How long all probes have to be answered alike before a change counts as spread: 10 s.

        One answer proves nothing, because different parts of Auth0 may still answer differently.
        """
        return self.propagation / 3

    @property
    def patience(self) -> timedelta:
        """After how long settling gives up: 120 s.

        The change itself is complete then. Only the proof is missing.
        """
        return self.propagation * 4

    @property
    def margin(self) -> timedelta:
        """How long an operation may hold its sinks, without its planned waits, before it counts as dead: 60 s.

        Shorter, and a slow operation would be taken over while it works. Longer, and a dead one would block the next.
        """
        return self.propagation * 2
