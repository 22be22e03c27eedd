"""How a run over several clients stands: a line for each tenant, at the bottom of the terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.cli.output.console import columns
from bridge.cli.output.footer import FOOTER
from sinks.clock import span

if TYPE_CHECKING:
    from bridge.auth0.pace import Pace

USUAL = 80  # columns of a terminal that does not know
LEAST = 5
"""After so many clients, the time that is left is told."""


@dataclass
class Row:
    """The clients of one tenant, by how they stand. Those that are neither have not been begun."""

    total: int
    running: int = 0
    waiting: int = 0
    done: int = 0
    failed: int = 0


class Board:
    """Counts the clients of a run, for all its threads. Without tenants it counts nothing."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self._rows = {tenant: Row(total) for tenant, total in totals.items()}
        self.paces: dict[str, Pace] = {}
        """How fast each tenant is asked, once that is known."""
        self.shown = False
        """Whether the lines are drawn."""
        self._lock = threading.Lock()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has taken by now."""
        return time.monotonic() - self._began

    def show(self) -> None:
        """Draw the lines from now on."""
        self.shown = True
        FOOTER.begin(self.lines)

    def hide(self) -> None:
        """Take the lines away."""
        if self.shown:
            FOOTER.end()

    @contextmanager
    def counting(self, tenant: str) -> Iterator[Callable[[bool], None]]:
        """Count a client that is worked on inside, and what becomes of it.

        Yields a function that is told whether the client only waits.
        """
        row, waits = self._rows.get(tenant, Row(0)), False

        def wait(now: bool) -> None:  # noqa: FBT001  # it is called with one value, from one place
            nonlocal waits
            with self._lock:
                row.waiting += now - waits
                row.running -= now - waits
                waits = now

        with self._lock:
            row.running += 1
        failed = True
        try:
            yield wait
            failed = False
        finally:
            with self._lock:
                row.waiting -= waits
                row.running -= not waits
                row.failed += failed
                row.done += not failed

    def lines(self) -> list[str]:
        """Return the lines as they stand now, no wider than the terminal."""
        room = columns(sys.stderr) or USUAL
        with self._lock:
            width = max(len(tenant) for tenant in self._rows)
            return [
                _fitting(f"{tenant:<{width}}  ", self._words(tenant, row), room) for tenant, row in self._rows.items()
            ]

    def _words(self, tenant: str, row: Row) -> Iterator[str]:
        """Yield what there is to say of a tenant, the most important first."""
        over = row.done + row.failed
        yield f"{over}/{row.total} done"
        for number, word in ((row.failed, "failed"), (row.running, "running"), (row.waiting, "waiting")):
            if number:
                yield f"{number} {word}"
        if LEAST <= over < row.total:
            seconds = self.seconds / over * (row.total - over)
            yield f"about {span(timedelta(seconds=seconds))} left"
        if over < row.total and (pace := self.paces.get(tenant)):
            of = "" if pace.unlimited else f" of {pace.rate:.3g}"
            yield f"{pace.used:.1f}{of} requests/s"


def _fitting(name: str, words: Iterable[str], room: int) -> str:
    """Return a line with as many of the words as there is room for."""
    line = name
    for number, word in enumerate(words):
        more = f"{', ' if number else ''}{word}"
        if len(line) + len(more) > room:
            break
        line += more
    return line[:room]
