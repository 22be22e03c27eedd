"""Reading for applications: one stage at a time, with as few requests and rights as possible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sinks.secret import Secret


@dataclass(frozen=True)
class Latest:
    """What the latest document says. `at` is the server's clock, `version` the vault's name for what was read.

    `promoted` is when the value became current, where the document says it. `fallback` is the version of the fallback,
    in stores that name it with every reading of current.
    """

    value: Secret | None
    version: str
    at: datetime
    promoted: datetime | None = None
    fallback: str | None = None


@dataclass(frozen=True)
class Next:
    """What a running operation has stored.

    `ending` holds the fingerprints of the values that it makes unreadable at its end (`Secret.fingerprint`, salted with
    the client's id): an open fallback's, or a leaked one's.
    """

    value: Secret | None
    ending: frozenset[str] = frozenset()


NOTHING_NEXT = Next(None)


class Reader(Protocol):
    """One sink, for callers that only read. Every method takes at most one request and may raise a `SinkError`."""

    @property
    def uri(self) -> str:
        """The sink's name, without a key."""
        ...

    def latest(self) -> Latest:
        """Read current.

        Raises:
            Refused: there is nothing, or no text at the key.
        """
        ...

    def pending(self) -> Next:
        """Read the value that is stored to become current.

        The result is `NOTHING_NEXT` where no operation is under way.

        Raises:
            Denied: this reader may not see it.
        """
        ...

    def fallback(self, latest: Latest) -> Secret | None:
        """Read the value that was current before, as `latest` names it.

        None: there is no fallback, or it cannot be read any more.
        """
        ...

    def promoted(self, latest: Latest) -> datetime | None:
        """Return when current became current, or None where that is not known.

        It asks the server only where `latest` does not say.
        """
        ...

    def close(self) -> None:
        """Close the connections.

        The next request opens new ones, so a closed reader can still be used.
        """
        ...
