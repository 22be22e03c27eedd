"""Ends a run where going on would only make the same failure again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridge.fleet.errors import NotBegun
from bridge.model.errors import BridgeError

IN_A_ROW = 5
"""After so many failures in a row in one tenant, no further client of that tenant is begun."""
SHARE, LEAST = 0.2, 20
"""After this share of failures among the clients of a run, and at least so many clients, none is begun any more."""
FAILURES = frozenset({1, 3})
"""The exit statuses that count. A refusal is one client's own."""


class CircuitOpen(NotBegun):
    """A client was not begun, because too many before it have failed."""

    exit_status = 3  # the run as a whole is not done


class Breaker:
    """Counts the failures of one run, for all its threads. With `off` it stops nothing."""

    def __init__(self, *, off: bool = False) -> None:
        self._off = off
        self._lock = threading.Lock()
        self._row: Counter[str] = Counter()
        self._done = self._failed = 0

    def check(self, tenant: str) -> None:
        """Return where a client of this tenant may be begun.

        Raises:
            CircuitOpen: it may not.
        """
        with self._lock:
            row, done, failed = self._row[tenant], self._done, self._failed
        if self._off:
            return
        if row >= IN_A_ROW:
            raise CircuitOpen(
                f"not begun (circuit open): {row} clients in a row have failed in the tenant {tenant}",
                (
                    "mend what the first of them says",
                    f"then give the same command with --tenant {tenant} (done clients: --not-since, --due)",
                    "to go on whatever fails: --keep-going",
                ),
            )
        if done >= LEAST and failed > done * SHARE:
            raise CircuitOpen(
                f"not begun (circuit open): {failed} of {done} clients have failed",
                ("mend what they say, then give the same command again", "to go on whatever fails: --keep-going"),
            )

    @contextmanager
    def counting(self, tenant: str) -> Iterator[Callable[[int], None]]:
        """Count whether what is done inside fails.

        Yields a function that takes the exit status of what ended without an error. Also such a one may have failed: a
        change that nothing proves, or one whose end could not be recorded.
        """
        ended = [0]
        try:
            yield ended.append
        except BridgeError as error:
            self._count(tenant, failed=error.exit_status in FAILURES)
            raise
        except Exception:
            self._count(tenant, failed=True)
            raise
        self._count(tenant, failed=ended[-1] in FAILURES)

    def _count(self, tenant: str, *, failed: bool) -> None:
        with self._lock:
            self._row[tenant] = self._row[tenant] + 1 if failed else 0
            self._done += 1
            self._failed += failed
