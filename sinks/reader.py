"""Reading for applications: one stage at a time, with as few requests and rights as possible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sinks.secret import Secret


@dataclass(frozen=True)
class Latest:
    """What the latest document says. `at` is the server's clock; `version` the vault's name for what was read.

    `promoted` is when the value became current, as far as that is told there; `fallback` names the version that is the
    fallback, in stores that tell it with every reading of current.
    """

    value: Secret | None
    version: str
    at: datetime
    promoted: datetime | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class Next:
    """What an operation that is on its way has stored.

    `ending` holds the fingerprints of the values that it makes unreadable at its end (`Secret.fingerprint`, salted with
    the client's id): an open fallback's, or a leaked one's.
    """

    value: Secret | None
    ending: frozenset[str] = frozenset()


NOTHING_NEXT = Next(None)


class Reader(Protocol):
    """One place, for those who only read. Every method is one request, and may raise a `SinkError`."""

    @property
    def uri(self) -> str:
        """The place's name, without a key."""
        ...

    def latest(self) -> Latest:
        """Read current.

        Raises:
            Refused: there is nothing, or no text at the key.
        """
        ...

    def pending(self) -> Next:
        """Read what is stored to become current.

        Raises:
            Denied: this reader may not see it.
        """
        ...

    def fallback(self, latest: Latest) -> Secret | None:
        """Read the value that was current before, as `latest` names it."""
        ...

    def promoted(self, latest: Latest) -> datetime | None:
        """Return when current became current; asks the server only where `latest` does not tell."""
        ...

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        ...
