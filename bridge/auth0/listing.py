"""Reads the clients of a tenant by the page, for commands over many of them.

A page has up to 100 clients and costs one request, as one client does. What was listed lately counts as read.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from bridge.auth0.client import Client
from bridge.model.errors import BridgeError
from sinks.clock import Clock

FRESH = 60.0
"""For so many seconds a listed client counts as read. An operation that reads it itself may take as long."""
SPARE = 3
"""How many pages may be read beyond the number of requests that the pages before have saved, at least."""
PART = 4
"""One such page more for so many clients that the command is about. It costs that part of reading each by itself."""
LOG = logging.getLogger(__name__)


class Listing:
    """The listed clients of one tenant, for all threads of a command.

    `pages` begins a listing. Pages are read as they are needed, and no longer when they save nothing: a tenant may have
    thousands of applications, and the command may be about twenty of them. `clients` is how many it is about.
    """

    def __init__(
        self, pages: Callable[[], Iterator[Sequence[Mapping[str, Any]]]], clock: Clock, clients: int = 1
    ) -> None:
        self._begin = pages
        self._clock = clock
        # The wanted ones may all be on the last pages: a command that goes on finds those it has done on the first.
        self._spare = max(SPARE, clients // PART)
        self._lock = threading.Lock()
        self._pages: Iterator[Sequence[Mapping[str, Any]]] | None = None
        self._began: float | None = None
        self._listed: dict[str, tuple[Client, float]] = {}
        self._ready: deque[str] = deque()
        self._read = self._saved = 0

    def begin(self) -> bool:
        """Read the first page, and return whether that could be done."""
        with self._lock:
            return bool(self._listed) or self._more()

    def get(self, client_id: str) -> Client | None:
        """Return a client that was listed lately, or None where it is not worth while to list any further."""
        with self._lock:
            while (found := self._fresh(client_id)) is None and self._more():
                pass
            if found:
                # Once only: whoever asks again wants to know what is so now.
                del self._listed[client_id]
                self._saved += 1
            return found

    def following(self, wanted: Container[str]) -> str | None:
        """Return one of the `wanted` clients that was listed lately, or None if no such client is found.

        Each is returned once.
        """
        with self._lock:
            while True:
                while self._ready:
                    client_id = self._ready.popleft()
                    if client_id in wanted and self._fresh(client_id):
                        return client_id
                if not self._more():
                    return None

    def _fresh(self, client_id: str) -> Client | None:
        client, at = self._listed.get(client_id, (None, 0.0))
        return client if self._clock.monotonic() - at < FRESH else None

    def _more(self) -> bool:
        """Read the next page, and return whether there was one that was worth while."""
        now = self._clock.monotonic()
        if self._pages is None:
            if self._began is not None and now - self._began < FRESH:
                return False  # all was listed, and lately
            self._pages, self._began, self._read, self._saved = self._begin(), now, 0, 0
        if self._read > self._saved + self._spare:
            return False
        self._read += 1
        try:
            page = next(self._pages, None)
        except BridgeError as error:
            # Each client is read by itself then, and its error is its own. That a key cannot sign is one as well.
            LOG.debug("the clients cannot be listed: %s", error.message)
            self._pages = None
            return False
        if page is None:
            self._pages = None
            return self._more()  # once more from the beginning, if that is long ago
        self._keep(page)
        return True

    def _keep(self, page: Sequence[Mapping[str, Any]]) -> None:
        at = self._clock.monotonic()
        for entry in page:
            client = Client.from_api(entry, str(entry["client_id"]))
            self._listed[client.client_id] = client, at
            self._ready.append(client.client_id)
