"""Sinks as they may be read, for what is decided without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sinks.port import History, Lock, Record, SinkState, Stage, Version
from sinks.secret import Secret

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CLIENT, TENANT = "client", "tenant"
A, B = "aws://eu-west-1/a", "vault://secret/a"
URIS = (A, B)
OLD, NEW, ANCIENT, STRANGE = Secret("old"), Secret("new"), Secret("ancient"), Secret("strange")


def mark(value: Secret) -> str:
    """Return a value's fingerprint."""
    return value.fingerprint(CLIENT)


def record(*recent: Secret, **more: object) -> Record:
    """Return the record of a sink, with the values that were current lately, the newest first."""
    known = Record(CLIENT, TENANT, URIS, "r-0", NOW - DAY, recent=tuple(map(mark, recent)))
    return replace(known, **more)  # type: ignore[arg-type]  # a record's own fields


def lock(operation: str = "rotate", **more: object) -> Lock:
    """Return the lock of an operation that began a minute ago."""
    known = Lock(operation, "r-1", "ci", NOW - timedelta(minutes=1), NOW, CLIENT, TENANT, URIS)
    return replace(known, **more)  # type: ignore[arg-type]  # a lock's own fields


def place(
    uri: str = B,
    current: Secret | None = OLD,
    pending: Secret | None = None,
    fallback: Secret | None = None,
    **more: object,
) -> SinkState:
    """Return a managed sink with these values; its record knows the current one and the fallback."""
    values = {Stage.CURRENT: current, Stage.PENDING: pending, Stage.FALLBACK: fallback}
    versions = [
        Version(str(number), stage, NOW - DAY + timedelta(hours=number))
        for number, (stage, value) in enumerate(((Stage.FALLBACK, fallback), (Stage.CURRENT, current)), 1)
        if value
    ]
    known = [value for value in (current, fallback) if value]
    found = SinkState(
        uri,
        NOW,
        exists=True,
        record=record(*known),
        history=History(tuple(versions)),
        values={stage: value for stage, value in values.items() if value},
    )
    return replace(found, **more)  # type: ignore[arg-type]  # a sink's own fields
