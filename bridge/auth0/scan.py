"""One search of a tenant's log about several clients, read only as far back as somebody needs it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from bridge.auth0.logs import CAP, PAGE, Exchange, Found, exchange_of, pages, query
from bridge.auth0.management import Management
from sinks.record import stamp, unstamp

CLIENTS, ADDRESSES = 50, 20
"""How many clients and addresses one search may name. Auth0 refuses a URL that is too long (414)."""


class Scan:
    """A search about several clients at once, newest entries first, of at most a thousand entries.

    For a client it answers what a search about that client alone would answer, or nothing. One client with many entries
    can fill the search, and whatever lies behind them is then not known of any client. It is not safe for threads.
    """

    def __init__(
        self,
        auth0: Management,
        client_ids: Sequence[str],
        types: tuple[str, ...],
        addresses: Sequence[str] = (),
        *,
        most: int = CAP // PAGE,
    ) -> None:
        """Prepare the search. Nothing is sent yet. `most` is the largest number of pages to read."""
        self.types = types
        self.addresses = frozenset(addresses)
        self.ended = False
        """Whether there is nothing more to read, because everything was read or because it is too much."""
        self._pages = islice(pages(auth0, query(client_ids, types, addresses=addresses)), most)
        self._found: dict[str, dict[str, Exchange]] = {client_id: {} for client_id in client_ids}
        self._oldest: datetime | None = None
        self.strange = False
        """Whether the answer was about other clients than those that were asked about."""
        self._whole = False

    def asks_about(self, client_id: str) -> bool:
        """Return whether the search names this client."""
        return client_id in self._found

    def read(self) -> dict[str, tuple[Exchange, ...]]:
        """Return what was read so far, by client."""
        return {client_id: tuple(found.values()) for client_id, found in self._found.items()}

    def of(
        self, client_id: str, since: datetime | None = None, until: datetime | None = None, address: str = ""
    ) -> Found | None:
        """Return what a search about this client alone would return, or None if this one does not reach so far back.

        It reads on where that is needed. Without `since` everything has to be read.

        Raises:
            Auth0Error: the log cannot be read.
        """
        first, last = (unstamp(stamp(at)) if at else None for at in (since, until))
        # Of the oldest moment that was read, the next page may hold more.
        while not self._whole and not (first and self._oldest and self._oldest < first):
            if not self._more():
                return None
        if self.strange:
            return None
        own = self._found[client_id].values()
        return Found(
            tuple(
                exchange
                for exchange in own
                if (first is None or first <= exchange.at)
                and (last is None or exchange.at <= last)
                and address in ("", exchange.address)
            ),
            complete=True,
        )

    def _more(self) -> bool:
        page = None if self.ended else next(self._pages, None)
        if page is None:
            self.ended = True
            return False
        for entry in page:
            self._keep(entry)
        self._whole = self.ended = len(page) < PAGE
        return True

    def _keep(self, entry: Any) -> None:
        exchange = exchange_of(entry)
        if exchange is None:
            return
        self._oldest = min(self._oldest or exchange.at, exchange.at)
        own = self._found.get(entry.get("client_id"))
        # An answer about others was no answer to this question, so nothing can be concluded from what it lacks.
        if own is None:
            self.strange = True
        else:
            own[exchange.id] = exchange
