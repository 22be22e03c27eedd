"""The tenant's log: entries, searching with its cap, and checkpoints. No HTTP. The time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bridge.sandbox.auth0.query import parse

SEARCH_CAP = 1000
"""How many results of a search can be paged through."""
Entry = Mapping[str, Any]


class OverCap(ValueError):
    """The page lies beyond the first thousand results of a search."""


class LogBook:
    """Entries in the order in which they were written, which is also the order of their ids."""

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, dict[str, Any]]] = []

    def write(self, at: datetime, type_: str, **told: object) -> str:
        """Add an entry and return its id. A field that is None is left out, as Auth0's schema requires."""
        # Ids grow with time, so a checkpoint needs nothing but the last one that was seen.
        log_id = f"900{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03d}{len(self._entries):035d}"
        date = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"date": date, "type": type_, **{name: value for name, value in told.items() if value is not None}}
        self._entries.append((at, {**entry, "log_id": log_id, "_id": log_id, "isMobile": False}))
        return log_id

    def visible(self, now: datetime, delay: timedelta, retention: timedelta) -> list[Entry]:
        """Return the entries that the log shows at `now`, the oldest first.

        `delay` is how long an entry takes to appear, and `retention` how long after its time it is still shown.
        """
        return [entry for at, entry in self._entries if delay <= now - at < retention]


def search(entries: list[Entry], query: str, sort: str | None, page: int, per_page: int) -> tuple[list[Entry], int]:
    """Return one page of the matching entries, and how many entries match in all.

    The newest come first, unless `sort` says otherwise (`FIELD:1` or `FIELD:-1`).

    Raises:
        OverCap: the page lies beyond the first thousand results.
        BadQuery: the query is not in the supported subset.
    """
    # The bridge has to narrow the dates of a search instead of paging on, so the cap is enforced as Auth0 does.
    if (page + 1) * per_page > SEARCH_CAP:
        raise OverCap(f"page {page} of {per_page}")
    wanted = parse(query)
    matching = [entry for entry in entries if wanted(entry)]
    name, _, direction = (sort or "date:-1").partition(":")
    # The id breaks ties, so that pages do not overlap.
    matching.sort(key=lambda entry: (str(entry.get(name, "")), entry["log_id"]), reverse=direction == "-1")
    return matching[page * per_page : (page + 1) * per_page], len(matching)


def after(entries: list[Entry], checkpoint: str | None, take: int) -> list[Entry]:
    """Return the entries that follow a checkpoint (a log id), the oldest first.

    At most `take` entries are returned. Without a checkpoint they begin with the oldest.
    """
    newer = [entry for entry in entries if checkpoint is None or entry["log_id"] > checkpoint]
    return newer[:take]
