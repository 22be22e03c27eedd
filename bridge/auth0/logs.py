"""The tenant's logs of token requests: which consumers exchanged a client's secret for a token, and which failed.

Auth0's logs name the address and the agent of an exchange, and never which secret was sent. A search shows its first
thousand entries only. Entries arrive late, and Auth0 deletes them after some days, depending on the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.auth0.errors import Unreachable
from bridge.auth0.http import USER_AGENT
from bridge.auth0.management import Management
from bridge.auth0.probe import PROBE_MARK
from sinks.record import stamp, unstamp

READ_LOGS = "read:logs"
SUCCEEDED = ("seccft", "seacft", "sertft")
FAILED = ("feccft", "feacft", "fertft")
PAGE, CAP, MOST = 100, 1000, 5000
"""The largest numbers of entries: of a page, of one search, and of everything that is read for one question."""

_SECRET_WAS_RIGHT = (
    "invalid authorization code", "unknown or invalid refresh token", "grant type", "client is not authorized to",
    "client has not been granted", "service not enabled", "no audience parameter",
)  # fmt: skip
"""Beginnings of the descriptions of failures in which the secret was right. Auth0 checks the secret first."""


@dataclass(frozen=True)
class Exchange:
    """One log entry: a consumer asked for a token with this client's id.

    `address` is the consumer's IP address, `agent` its User-Agent, and `description` Auth0's reason for a failure.
    """

    id: str
    at: datetime
    address: str
    agent: str
    description: str = ""

    @property
    def ours(self) -> bool:
        """Whether it was a probe of the bridge, of any version and from any address.

        Probes of an old value fail on purpose, and must not look like a consumer that still has it.
        """
        # Any client can send this User-Agent. That only hides failures of its own.
        return self.agent.startswith(USER_AGENT.partition("/")[0] + "/") and f" {PROBE_MARK}" in self.agent

    @property
    def refused(self) -> bool:
        """Whether the secret was the reason of the failure, as far as the description shows.

        A description that is not known to mean "the secret was right" counts as a refused secret.
        """
        # Doubt counts against a retirement, so an unknown description is taken for a refused secret.
        return not self.description.casefold().startswith(_SECRET_WAS_RIGHT)


@dataclass(frozen=True)
class Found:
    """The result of a search, newest entries first.

    If it is not `complete`, the log has more entries that are older than the last one, or of the same moment.
    """

    exchanges: tuple[Exchange, ...]
    complete: bool


def search(
    auth0: Management,
    client_id: str,
    types: tuple[str, ...],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    address: str = "",
    most: int | None = None,
) -> Found:
    """Return a client's exchanges of the given types between two times, both included.

    One search shows a thousand entries only, so the search is repeated with an earlier end until all of them are
    found. It ends early once `most` entries are known (default `MOST`), and the result is not `complete` then. The
    pages are read whole, so that a result may hold more.

    Raises:
        Auth0Error: the logs cannot be read.
    """
    found: dict[str, Exchange] = {}
    while True:
        known, shown = len(found), 0
        for entries in pages(auth0, query((client_id,), types, since, until, (address,) if address else ())):
            shown += len(entries)
            found |= {exchange.id: exchange for entry in entries if (exchange := exchange_of(entry))}
            if len(found) >= (most or MOST):
                return Found(tuple(found.values()), complete=False)
        if shown < CAP:
            return Found(tuple(found.values()), complete=True)
        if len(found) == known:  # a thousand entries of one moment, so an earlier end cannot be named
            return Found(tuple(found.values()), complete=False)
        # Both ends are included, so entries of that moment come again. Their ids tell them apart.
        until = list(found.values())[-1].at


def begins(auth0: Management) -> datetime | None:
    """Return the time of the oldest entry in the tenant's log, or None if the log is empty.

    Entries of all clients count. Whatever happened before that time cannot be read any more.

    Raises:
        Auth0Error: the log cannot be read.
    """
    entries = _read(auth0, {"sort": "date:1", "per_page": "1", "page": "0"})
    return _moment(entries[0]) if entries else None


def pages(auth0: Management, asked_for: str) -> Iterator[list[Any]]:
    """Yield the pages of one search (`query`), newest entries first. Each is requested when it is asked for.

    Raises:
        Auth0Error: the log cannot be read.
    """
    for page in range(CAP // PAGE):
        asked = {"q": asked_for, "sort": "date:-1", "per_page": str(PAGE), "page": str(page)}
        entries = _read(auth0, asked)
        yield entries
        if len(entries) < PAGE:
            return


def query(
    client_ids: Sequence[str],
    types: tuple[str, ...],
    since: datetime | None = None,
    until: datetime | None = None,
    addresses: Sequence[str] = (),
) -> str:
    """Return a search for exchanges of any of these clients and types, from any of the addresses if some are given."""
    first, last = (stamp(at) if at else "*" for at in (since, until))
    clauses = [f"type:({' OR '.join(types)})", _one_of("client_id", client_ids), f"date:[{first} TO {last}]"]
    return " AND ".join([*clauses, *([_one_of("ip", addresses)] if addresses else [])])


def _one_of(field: str, texts: Sequence[str]) -> str:
    quoted = " OR ".join(f'"{text}"' for text in texts)
    return f"{field}:({quoted})" if len(texts) > 1 else f"{field}:{quoted}"


def _read(auth0: Management, params: Mapping[str, str]) -> list[Any]:
    entries = auth0.get("/logs", params, doing="the tenant's logs")
    if not isinstance(entries, list):
        raise Unreachable(f"{auth0.name} answered with something that is not a log")
    return entries


def exchange_of(entry: Any) -> Exchange | None:
    """Return what an entry of the log says, or None if it has no date."""
    at = _moment(entry)
    if at is None:
        return None

    def text(name: str) -> str:
        return value if isinstance(value := entry.get(name), str) else ""

    # Without an id, an entry that is on two pages would count twice.
    name = text("log_id") or text("_id") or f"{stamp(at)} {text('ip')} {text('user_agent')}"
    return Exchange(name, at, text("ip"), text("user_agent"), text("description"))


def _moment(entry: Any) -> datetime | None:
    date = entry.get("date") if isinstance(entry, dict) else None
    found = unstamp(date) if isinstance(date, str) else None
    return found.astimezone(UTC) if found else None
