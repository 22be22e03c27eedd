"""What a follower needs from outside of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from bridge.config.settings import ClientSettings
from bridge.execution.session import Session
from bridge.watch.decide import Tell
from bridge.watch.look import Probed


class Means(Protocol):
    """What is done outside of this package: the operations, and the output."""

    def verify(self, session: Session) -> Sequence[Probed]:
        """Ask Auth0 about what a client's sinks hold."""
        ...

    def open(self, client: ClientSettings) -> Session:
        """Return what a look at a client needs."""
        ...

    def repair(self, client: ClientSettings) -> str:
        """Publish the value that Auth0 holds. Return what was done in words, or an empty text if nothing had to be.

        Raises:
            BridgeError: it failed.
        """
        ...

    def announce(self, client: ClientSettings | None, told: Tell, at: datetime) -> None:
        """Tell something, by a line and a message. Without a client it is about the tenant."""
        ...

    def each(self, work: Callable[[tuple[str, bool]], None], turns: Sequence[tuple[str, bool]]) -> None:
        """Do the work for each of these turns, for several at a time."""
        ...
