"""The content of the audit record's lines. Pure.

docs/guide/audit.md lists every key.
"""

from __future__ import annotations

import os
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

# These words are in files that outlive this version, so they can be extended but never renamed.
BEGIN, END = "begin", "end"
DIED = "unknown: died"
RESULTS = {1: "failed", 2: "usage", 3: "incomplete", 4: "refused", 5: "attention"}
"""The outcome of an attempt that raised an error, by the error's exit status."""

WHOSE = ("client", "client_id", "tenant", "command")
"""The keys that the last line of an attempt repeats from the first."""


def new_attempt() -> str:
    """Return the id of a new attempt.

    It connects the first line with the last. Auth0 gets it as the correlation id of each change, and so it is in the
    tenant's logs, too.
    """
    # Random, because several machines write records without knowing of each other.
    return f"a-{os.urandom(8).hex()}"


@dataclass(frozen=True)
class Attempt:
    """One command's attempt to change one client, with the identity of its caller."""

    client: str
    """The client's name, or its client id if there is no file."""
    client_id: str
    """The application."""
    tenant: str
    """The tenant's domain."""
    command: str
    """The command's name, for example `rotate`."""
    options: tuple[str, ...]
    """The options that were given."""
    sinks: tuple[str, ...]
    """The URIs of all the client's sinks."""
    strategy: str | None
    """The strategy of `rotate`. None for other commands."""
    reason: str | None
    """The text of `--reason`."""
    claimed: Mapping[str, Any]
    """The caller's identity as the process itself states it, which proves nothing."""
    proven: Mapping[str, Mapping[str, str] | None]
    """The caller's identity as each vault sees it, by the vault's name. None if the vault does not tell it."""
    host: str
    """This machine's host name."""
    process: Mapping[str, Any]
    """The identity of the process (`process.this_process`)."""
    id: str = field(default_factory=new_attempt)
    """The attempt's id, the same in both lines."""


def begin(attempt: Attempt, at: datetime) -> dict[str, Any]:
    """Return the first line of an attempt, which is written before anything is changed.

    It says what was asked for, by whom, and about which sinks. The result is not known yet. No option holds a secret,
    so all of them are recorded.
    """
    return {
        **_header(BEGIN, attempt, at),
        "options": list(attempt.options),
        "strategy": attempt.strategy,
        "reason": attempt.reason,
        "sinks": list(attempt.sinks),
        "proven": dict(attempt.proven),
        "claimed": dict(attempt.claimed),
        "version": __version__,
    }


def end(
    attempt: Attempt, at: datetime, *, begun: int | None, became: Mapping[str, Any], trail: Trail, seconds: float
) -> dict[str, Any]:
    """Return the last line of an attempt.

    `begun` is the number of its first line, or None if the target has no chain. `became` is the result, as `became` or
    `failed` describe it. `seconds` is the time since the first line.
    """
    return {
        **_header(END, attempt, at),
        "begin": begun,
        **became,
        "operations": trail.operations,
        "requests": trail.requests,
        "seconds": round(seconds, 3),
    }


def died(begun: Mapping[str, Any], closer: Attempt, at: datetime) -> dict[str, Any]:
    """Return the last line of another attempt, `begun`, whose process died without writing one.

    The attempt `closer`, the next one about the same client, writes it before its own first line.
    """
    return {
        # Only what the dead attempt's first line tells is repeated. What it
        # did after that is not known to anybody here.
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
    """Return the result of an attempt that raised nothing. `done` is None if there was nothing to do."""
    if done is None:
        return _became("nothing to do", 0, None)
    versions = [
        {"uri": uri, "current": at.current, "fallback": at.fallback, "retired": list(at.retired)}
        for uri, at in done.sinks.items()
    ]
    return {**_became(done.result, done.exit_status, None), "versions": versions}


def failed(error: BridgeError) -> dict[str, Any]:
    """Return the result of an attempt that raised an error.

    If it stopped after the first write, the result also says which value Auth0 accepts, and what each sink holds.
    """
    told = _became(RESULTS[error.exit_status], error.exit_status, error.message)
    # Only then something was written, and the reader of the record has to know which value is live and where it is.
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
