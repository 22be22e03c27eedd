"""What a line says. Pure; docs/audit.md lists every key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge import __version__
from bridge.model.errors import BridgeError
from bridge.model.outcome import Stopped
from sinks.record import stamp

if TYPE_CHECKING:
    from bridge.model.outcome import Outcome
    from bridge.model.trail import Trail

BEGIN, END = "begin", "end"
DIED = "unknown: died"
RESULTS = {1: "failed", 2: "usage", 3: "incomplete", 4: "refused", 5: "attention"}
"""The outcome of an attempt that ended with an error, by its exit status."""

WHOSE = ("client", "client_id", "tenant", "command")
"""What the end of a record repeats of its beginning."""


def new_attempt() -> str:
    """Return a new attempt's id: it ties a beginning to its end, and stands in Auth0's logs as the correlation id."""
    return f"a-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Attempt:
    """Who attempts what. `claimed` is what the process says of itself, `proven` what each vault says of the caller."""

    client: str
    client_id: str
    tenant: str
    command: str
    options: tuple[str, ...]
    places: tuple[str, ...]
    strategy: str | None
    reason: str | None
    claimed: Mapping[str, Any]
    proven: Mapping[str, Mapping[str, str] | None]
    host: str
    process: Mapping[str, Any]
    id: str = field(default_factory=new_attempt)


def begin(attempt: Attempt, at: datetime) -> dict[str, Any]:
    """Return the line that is written before anything is changed."""
    return {
        **_header(BEGIN, attempt, at),
        "options": list(attempt.options),
        "strategy": attempt.strategy,
        "reason": attempt.reason,
        "places": list(attempt.places),
        "proven": dict(attempt.proven),
        "claimed": dict(attempt.claimed),
        "version": __version__,
    }


def end(
    attempt: Attempt, at: datetime, *, begun: int | None, became: Mapping[str, Any], trail: Trail, seconds: float
) -> dict[str, Any]:
    """Return the line that tells what became of an attempt. `begun`: its beginning's number."""
    return {
        **_header(END, attempt, at),
        "begin": begun,
        **became,
        "operations": trail.operations,
        "requests": trail.requests,
        "seconds": round(seconds, 3),
    }


def died(begun: Mapping[str, Any], closer: Attempt, at: datetime) -> dict[str, Any]:
    """Return the end of somebody else's attempt, which has none: written by whoever comes next."""
    return {
        "event": END,
        "at": stamp(at),
        "attempt": begun.get("attempt"),
        "host": closer.host,
        "process": dict(closer.process),
        **{key: begun.get(key) for key in WHOSE},
        "begin": begun.get("seq"),
        **_became(DIED, None, "its process ended without writing an end, or could not write it"),
        "closed_by": closer.id,
    }


def became(done: Outcome | None) -> dict[str, Any]:
    """Tell how an attempt ended that raised nothing; None: there was nothing to do."""
    if done is None:
        return _became("nothing to do", 0, None)
    versions = [
        {"uri": uri, "current": at.current, "fallback": at.fallback, "retired": list(at.retired)}
        for uri, at in done.places.items()
    ]
    return {**_became(done.result, done.exit_status, None), "versions": versions}


def failed(error: BridgeError) -> dict[str, Any]:
    """Tell how an attempt ended that raised an error."""
    told = _became(RESULTS[error.exit_status], error.exit_status, error.message)
    if isinstance(error, Stopped):
        return {**told, "production": error.standing.production, "stored": list(error.standing.stored)}
    return told


def _became(outcome: str, status: int | None, message: str | None) -> dict[str, Any]:
    return {"outcome": outcome, "exit": status, "message": message}


def _header(event: str, attempt: Attempt, at: datetime) -> dict[str, Any]:
    return {
        "event": event,
        "at": stamp(at),
        "attempt": attempt.id,
        "host": attempt.host,
        "process": dict(attempt.process),
        **{key: getattr(attempt, key) for key in WHOSE},
    }
