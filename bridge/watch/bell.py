"""What a tenant's log stream has sent, until the follower takes it.

Whoever knows the stream's token can send anything. So its entries are believed even less than the log's: they make the
follower read the log at once, and look at a client. They keep nothing else from happening, and hold nothing up.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable
from typing import Any

from bridge.watch.entries import seen


class Bell:
    """Rung by a server's thread, heard by the follower's. It holds one name for each client at most."""

    def __init__(self, client_ids: Container[str]) -> None:
        self._client_ids = client_ids
        self._guard = threading.Lock()
        self._changed: set[str] = set()
        self._rang = threading.Event()

    def ring(self, entries: Iterable[Any]) -> int:
        """Take entries of the log, and return how many of them are about clients that are watched."""
        about = [entry for entry in seen(entries, self._client_ids) if entry.changed or entry.failed]
        if about:
            with self._guard:
                self._changed.update(entry.changed for entry in about if entry.changed)
                self._rang.set()
        return len(about)

    @property
    def rang(self) -> bool:
        """Whether something came since the last `take`."""
        return self._rang.is_set()

    def take(self) -> set[str]:
        """Return the ids of the clients that were changed, and forget them."""
        with self._guard:
            self._rang.clear()
            taken, self._changed = self._changed, set()
        return taken
