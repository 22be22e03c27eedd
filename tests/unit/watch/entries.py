"""Entries of a log, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.evidence.judge import Source
from bridge.watch.entries import Position, Seen
from sinks.record import stamp

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MANAGED = ("AbC123", "DeF456")
SECOND = timedelta(seconds=1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def place(seconds: float) -> Position:
    return Position(f"id-{seconds:g}", at(seconds))


def seen(seconds: float) -> Seen:
    return Seen(place(seconds))


def call(path: str, method: str = "patch", **body: Any) -> dict[str, Any]:
    request = {"method": method, "path": path, **({"body": body} if body else {})}
    return {
        "log_id": "id-0",
        "date": stamp(NOON),
        "type": "sapi",
        "client_id": "someone",
        "details": {"request": request},
    }


def exchange(type_: str = "feccft", client_id: str = "AbC123", **told: str) -> dict[str, Any]:
    entry = {"log_id": "id-0", "date": stamp(NOON), "type": type_, "client_id": client_id, "ip": "10.2.3.4"}
    return {**entry, "user_agent": "requests/2", "description": "Unauthorized", **told}


def source(address: str = "10.2.3.4", last: float = 0.0, failures: int = 1) -> Source:
    return Source(address, "requests/2", failures, at(last), at(last), known_until=at(-3600))
