"""How long things take at Auth0, and what follows for the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

PROPAGATION = timedelta(seconds=30)
"""How long a changed secret may take to spread; meanwhile either value may be accepted (Auth0's documentation)."""


@dataclass(frozen=True)
class Timing:
    """All waits of the protocol, as fractions of the propagation time; only a sandbox's is shorter than 30 s."""

    propagation: timedelta = PROPAGATION

    @property
    def lease(self) -> timedelta:
        """Within how long after a look an unguarded call has to end: 10 s."""
        return self.propagation / 3

    @property
    def fence(self) -> timedelta:
        """How long after a release nobody may begin unguarded calls: it outlasts every lease."""
        return self.propagation

    @property
    def proof(self) -> timedelta:
        """For how long every probe has to be answered alike before a change counts as spread: 10 s."""
        return self.propagation / 3

    @property
    def patience(self) -> timedelta:
        """After how long settling is given up: 120 s."""
        return self.propagation * 4

    @property
    def margin(self) -> timedelta:
        """How long an operation may hold its places, waits not counted, before it counts as dead: 60 s."""
        return self.propagation * 2


def span(time: timedelta) -> str:
    """Write a duration as people do: "1 d 2 h", "3 h", "4 min", "5 s"."""
    seconds = max(0, int(time.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"  # hours say nothing more
    if hours:
        return f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
