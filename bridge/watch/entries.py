"""What entries of a tenant's log have to do with managed clients. Pure.

An entry is a reason to look at a client, and never proves anything: what is so is asked at Auth0 and at the sinks. So
an entry that comes twice, late or not at all costs a look, or time, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.auth0.logs import FAILED, Exchange, exchange_of

CALL = "sapi"
"""The type of an entry about a successful call of the Management API. The dashboard's own calls have it too."""
_CLIENT = re.compile(r"/api/v2/clients/([^/?]+)")
_GRANTS = re.compile(r"/api/v2/client-grants\b")


@dataclass(frozen=True)
class Position:
    """A place in the log: the id of an entry, and the time of that entry."""

    id: str
    at: datetime


@dataclass(frozen=True)
class Seen:
    """One entry, as far as it matters."""

    position: Position
    """Its place in the log."""
    changed: str = ""
    """The managed client that a call was about. Empty if it was about none."""
    given: bool = False
    """Whether that call gave the client another secret, as far as the log says that."""
    failed: str = ""
    """The managed client whose exchange failed. Empty if it is no such entry."""
    exchange: Exchange | None = None
    """The failed exchange."""


def seen(page: Iterable[Any], client_ids: Container[str]) -> Iterator[Seen]:
    """Yield the entries of a page, in its order. What has no id or no date is left out."""
    for entry in page:
        exchange = exchange_of(entry)
        if exchange is None or not isinstance(entry.get("log_id") or entry.get("_id"), str):
            continue
        position = Position(exchange.id, exchange.at)
        if entry.get("type") == CALL and (client_id := _about(entry)) in client_ids:
            yield Seen(position, changed=client_id, given=_gives(entry))
        elif entry.get("type") in FAILED and entry.get("client_id") in client_ids and _counts(exchange):
            yield Seen(position, failed=str(entry["client_id"]), exchange=exchange)
        else:
            yield Seen(position)


def _counts(exchange: Exchange) -> bool:
    """Return whether a failure may be a consumer's with an old value, as `bridge.evidence.judge` counts them."""
    return exchange.refused and not exchange.ours


def _gives(entry: Any) -> bool:
    # Auth0 hides the values of a body in its log. Only the name of the field is of interest here.
    request = _table(_table(entry.get("details")).get("request"))
    return str(request.get("path")).endswith("/rotate-secret") or "client_secret" in _table(request.get("body"))


def _about(entry: Any) -> str:
    """Return the client that a call was about, by its path, or for a client's grants by what was sent or answered."""
    details = _table(entry.get("details"))
    request, response = _table(details.get("request")), _table(details.get("response"))
    path = request.get("path")
    if not isinstance(path, str):
        return ""
    if found := _CLIENT.match(path):
        return found.group(1)
    bodies = (_table(request.get("body")), _table(response.get("body"))) if _GRANTS.match(path) else ()
    return next((text for body in bodies if isinstance(text := body.get("client_id"), str)), "")


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
