"""Reads a tenant's log from a place in it on.

Auth0 answers `GET /api/v2/logs?from=ID&take=N` with the entries after that id, the oldest first, and takes no search
beside it. Its limit is ten requests at once and a hundred a minute.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bridge.auth0.errors import Auth0Error, Limited, NotFound, Rejected, Unreachable
from bridge.auth0.logs import PAGE, READ_LOGS, exchange_of
from bridge.auth0.management import Management
from bridge.model.progress import Silent, Stop, pause
from bridge.watch.entries import Position, Seen, seen
from bridge.watch.window import OVERLAP, Window, following
from sinks.clock import Clock
from sinks.record import stamp

BURST = 5
"""How many pages are read without a pause, of the ten that Auth0 allows at once."""
PACE = timedelta(seconds=0.75)
"""The pause before each further page: 80 requests a minute, of the hundred that Auth0 allows."""
MOST_PAGES = 50
"""How many pages are read before what they say is acted upon."""
LONGEST_WAIT = timedelta(minutes=5)
"""The longest wait at a time for a limit."""
NO_WAIT_TOLD = 30.0  # seconds to wait where a limit does not say how long


@dataclass(frozen=True)
class Log:
    """The log of one tenant, for the clients that are watched."""

    auth0: Management
    """Access to the tenant."""
    client_ids: Container[str]
    """The clients that matter."""
    clock: Clock
    """The clock of this machine."""
    stop: Stop
    """The request to stop."""

    def require(self) -> None:
        """Check that the log may be read.

        Raises:
            Auth0Error: it may not, or Auth0 cannot be asked.
        """
        self.auth0.require(READ_LOGS)

    def knows(self, position: Position) -> bool:
        """Return whether the log still has this entry, with this date.

        Auth0 does not say what comes after an entry that it has deleted, or after an id that somebody made up.
        """
        try:
            entry = self._get(f"/{position.id}", {})
        except (NotFound, Rejected):
            return False
        found = exchange_of(entry)
        return found is not None and found.id == position.id and stamp(found.at) == stamp(position.at)

    def now(self) -> Position | None:
        """Return the place from which to read, if what was before is of no interest. None: from the beginning.

        It lies a little back, because entries come late.
        """
        newest = self._newest("")
        return self._newest(f"date:[* TO {stamp(newest.at - OVERLAP)}]") if newest else None

    def _newest(self, query: str) -> Position | None:
        asked = {"sort": "date:-1", "per_page": "1", "page": "0", **({"q": query} if query else {})}
        found = list(seen(self._page(asked), ()))
        return found[0].position if found else None

    def news(self, window: Window) -> tuple[list[tuple[Seen, Position | None]], bool]:
        """Return the entries that are new, each with the place before it, and whether the log has more of them.

        Raises:
            Auth0Error: the log cannot be read.
        """
        fresh: list[tuple[Seen, Position | None]] = []
        at = window.begin(self.clock.monotonic())
        for number in range(MOST_PAGES):
            if number >= BURST:
                self._pause(PACE, "reading on in the tenant's log")
            try:
                page = self._page({"take": str(PAGE), **({"from": at.id} if at else {})})
            except Auth0Error:
                # What was read is not new a second time, so it must not be lost.
                if not fresh:
                    raise
                return fresh, True
            entries = list(seen(page, self.client_ids))
            fresh += window.take(entries, at)
            after = following(entries, at)
            if len(page) < PAGE or after is None:
                window.stopped(None)
                return fresh, False
            at = after
            window.stopped(at)
            if self.stop.asked:
                break
        return fresh, True

    def _page(self, params: Mapping[str, str]) -> list[Any]:
        entries = self._get("", params)
        if not isinstance(entries, list):
            raise Unreachable(f"{self.auth0.name} answered with something that is not a log")
        return entries

    def _get(self, path: str, params: Mapping[str, str]) -> Any:
        while True:
            try:
                return self.auth0.get(f"/logs{path}", params, doing="the tenant's logs")
            except Limited as error:
                # The request has been tried for a minute already. The limit is the tenant's, and others use it up.
                if self.stop.asked:
                    raise
                wait = timedelta(seconds=error.wait or NO_WAIT_TOLD)
                self._pause(min(wait, LONGEST_WAIT), "waiting for the tenant's rate limit")

    def _pause(self, time: timedelta, why: str) -> None:
        pause(time, why, clock=self.clock, watcher=Silent(), stop=lambda: self.stop.asked)
