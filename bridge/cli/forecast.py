"""What a run over many clients is about, before it begins: how many clients of which tenant, and how long it takes."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bridge.cli.output.text import clients
from sinks.clock import span

HEAD = ("tenant", "clients", "requests/s", "at least")
READING = 100
"""From so many clients on, reading their state takes so long that it is told."""
PATIENCE = 5.0
"""Seconds that all tenants together get to tell their limit. One that does not answer delays the start by that."""


@dataclass(frozen=True)
class Share:
    """The clients of one tenant.

    `rate` is in requests per second, None if it is unknown, and infinite if the tenant has no limit. `probes` are what
    proves one client's change, and `probing` is how many of them can be sent in a second.
    """

    clients: int
    rate: float | None
    probes: int = 0
    probing: float = math.inf

    def time(self, spreading: timedelta = timedelta()) -> timedelta | None:
        """Return how long it takes at least: one request for each client, or the probes if these take longer.

        `spreading` is how long a change takes to spread. Probes are sent meanwhile.
        """
        if not self.rate:
            return None
        changes = timedelta(seconds=self.clients / self.rate) + spreading
        return max(changes, timedelta(seconds=self.clients * self.probes / self.probing))


def reading(count: int) -> Iterator[str]:
    """Yield what to say before the state of so many clients is read: it may take a minute for ten thousand."""
    if count >= READING:
        yield f"reading the state of {clients(count)}"


def ask(questions: Mapping[str, Callable[[], float | None]], otherwise: float | None) -> dict[str, float | None]:
    """Return each tenant's answer. Tenants are asked at the same time, and not waited for longer than `PATIENCE`.

    `otherwise` is the answer of one that has none by then.
    """
    found: dict[str, float | None] = dict.fromkeys(questions, otherwise)

    def note(tenant: str, question: Callable[[], float | None]) -> None:
        found[tenant] = question()

    threads = [threading.Thread(target=note, args=each, daemon=True) for each in questions.items()]
    for thread in threads:
        thread.start()
    left = PATIENCE / max(1, len(threads))
    for thread in threads:
        thread.join(left)
    return dict(found)


def forecast(shares: Mapping[str, Share], spreading: timedelta | None, rate: float | None) -> Iterator[str]:
    """Yield a table of the tenants, and a line that sums it up.

    `spreading` is how long a change takes to spread, which every client waits for at the end. None: there is nothing to
    say about time. `rate` is the one that the user has set.
    """
    rows = [HEAD, *(_row(tenant, share) for tenant, share in shares.items())]
    columns = len(HEAD) if spreading is not None else 2
    widths = [max(len(row[at]) for row in rows) for at in range(columns)]
    for row in rows:
        first, *others = (f"{cell:<{width}}" if not at else f"{cell:>{width}}" for at, (cell, width) in
                          enumerate(zip(row, widths, strict=False)))  # fmt: skip
        yield "  ".join(("", first, *others))
    yield _summed_up(shares, spreading, rate)


def _row(tenant: str, share: Share) -> tuple[str, ...]:
    rate, time = share.rate, share.time()
    told = "no limit" if rate == math.inf else f"{rate:.3g}" if rate else "?"
    return tenant, str(share.clients), told, span(time) if time is not None else "?"


def _summed_up(shares: Mapping[str, Share], spreading: timedelta | None, rate: float | None) -> str:
    told = clients(sum(share.clients for share in shares.values()))
    if len(shares) > 1:
        told += f", {len(shares)} tenants"
    times = [share.time(spreading or timedelta()) for share in shares.values()]
    if spreading is None or None in times:
        return told
    longest = max(time for time in times if time is not None)  # tenants do not wait for each other
    if longest < timedelta(seconds=1):
        return told
    if all(share.rate == math.inf for share in shares.values()):
        return f"{told}, at least {span(longest)}"
    limit = f"{rate:g} requests/s" if rate else f"80 % of the {'limits' if len(shares) > 1 else 'limit'}"
    return f"{told}, at least {span(longest)} at {limit}"
