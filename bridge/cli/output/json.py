"""The output for programs: one JSON object per client and line, as docs/reference/json.md describes it.

No secret can get here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.audit.records import RESULTS
from bridge.cli.output.console import Whole
from bridge.model.errors import BridgeError, Usage
from bridge.model.outcome import Stopped
from bridge.model.printable import printable
from bridge.planning.sink_record import ANCHOR, RETIREMENT
from sinks.record import stamp

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Exemption
    from bridge.evidence.judge import Evidence
    from bridge.model.outcome import Outcome
    from bridge.operations.verify import Verified
    from bridge.planning.discovery import Finding
    from bridge.planning.due import Held
    from bridge.planning.status import Status
    from bridge.report.figures import Row
    from sinks.port import SinkState

# Keys may be added under the same number. A key that changes its meaning needs another one.
SCHEMA = 1


def line(data: dict[str, Any]) -> Whole:
    """Return an object as one line of JSON, with the number of the schema.

    Times are written as `sinks.record.stamp` does, and durations as seconds.
    """
    # A type that is not known raises. Printing its `repr` could show anything.
    # In ASCII, so that nothing in it is unprintable, and any terminal and locale can take it.
    return Whole(json.dumps({"schema": SCHEMA, **data}, default=_plain))


def plain(data: dict[str, Any]) -> dict[str, Any]:
    """Return an object as a reader of `line` gets it: with JSON's types only, and without the schema's number."""
    read: dict[str, Any] = json.loads(json.dumps(data, default=_plain))
    return read


def shown(data: dict[str, Any]) -> dict[str, Any]:
    """Return an object as `plain` does, with every text in it as it may be shown to people."""
    return {key: _shown(value) for key, value in plain(data).items()}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return printable(value) if isinstance(value, str) else value


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)


def failure(client: ClientSettings | None, error: BridgeError) -> dict[str, Any]:
    """Return the object for an error. `client` is None if the error is not about one client.

    A usage error has all of its faults. An operation that stopped after its first write also has what the sinks and
    Auth0 hold.
    """
    told: dict[str, Any] = {
        "client": client.name if client else None,
        "client_id": client.client_id if client else None,
        "result": RESULTS[error.exit_status],
        "exit": error.exit_status,
        "changed": error.changed,
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, Usage):
        told["faults"] = list(error.faults)
    if isinstance(error, Stopped):
        standing = error.standing
        told |= {"rotation": standing.id, "production": standing.production, "stored": list(standing.stored)}
        told |= {"began": standing.began, "next": standing.next, "dont": standing.dont}
    return told


def outcome(done: Outcome) -> dict[str, Any]:
    """Return the object for the outcome of an operation. Only a dry run has a `plan`.

    Keys without a value are null, so that a program can rely on every key.
    """
    return {
        "client": done.client,
        "client_id": done.client_id,
        "operation": done.operation,
        "rotation": done.id,
        "result": done.result,
        "exit": done.exit_status,
        "sinks": [
            {"uri": uri, "current": at.current, "fallback": at.fallback, "retired": list(at.retired)}
            for uri, at in done.sinks.items()
        ],
        "verified": done.propagated.proven if done.propagated else None,
        "retire_from": done.retire_from,
        "retire_by": done.retire_by,
        "notes": list(done.notes),
        "seconds": round(done.seconds, 3),
        "plan": [str(step) for step in done.plan.steps] if done.result == "planned" else None,
        "audit": done.audit,
    }


def summary(words: Mapping[str, int], seconds: float) -> dict[str, Any]:
    """Return how many clients of a run ended in which way."""
    return {"summary": {"clients": sum(words.values()), "results": dict(words), "seconds": round(seconds, 1)}}


def held(found: Iterable[tuple[ClientSettings, Held]]) -> dict[str, Any]:
    """Return the clients that are due and wait for their windows, or for the end of a blackout."""
    each = (
        {"client": client.name, "client_id": client.client_id, "until": wait.until, "blackout": wait.blackout}
        for client, wait in found
    )
    return {"held_back": list(each)}


def nothing(client: ClientSettings, why: str) -> dict[str, Any]:
    """Return the object for a client with nothing to do, with the reason `why`."""
    told = {"client": client.name, "client_id": client.client_id}
    return {**told, "result": "nothing", "exit": 0, "message": why}


def status(found: Status) -> dict[str, Any]:
    """Return the object for the state of a client, with all of its sinks.

    It holds what the sinks' metadata say, and no value.
    """
    return {
        "client": found.client,
        "client_id": found.client_id,
        "owner": found.owner,
        "kind": found.kind,
        "state": found.state,
        "attention": found.attention,
        "next": found.next,
        "age_seconds": found.age,
        "age_is_minimum": found.age_is_minimum,
        "due_at": found.due_at,
        "held_until": found.held_until,
        "retire_from": found.retire_from,
        "retire_by": found.retire_by,
        "exception": exemption(found.exception, found.at) if found.exception else None,
        "sinks": [sink(p) for p in found.sinks],
    }


def report(row: Row) -> dict[str, Any]:
    """Return the object for a client's row of the report.

    It is the state of the client, the limits that its ages are measured by, and the sinks that could not be read.
    """
    return {
        **status(row.status),
        "at": row.status.at,
        "tenant": row.client.tenant,
        "promoted_at": row.status.promoted,
        "max_age_seconds": row.client.max_age,
        "fallback_since": row.fallback_since,
        "fallback_age_seconds": row.fallback_age,
        "fallback_min_age_seconds": row.client.fallback_min_age,
        "fallback_max_age_seconds": row.client.fallback_max_age,
        "evidence": list(row.evidence) if row.evidence is not None else None,
        "evidence_next": row.ask if row.status.fallbacks else None,
        "unread": [{"uri": each.uri, "message": each.why} for each in row.unread],
    }


def discovered(found: Finding) -> dict[str, Any]:
    """Return the object for an application, or a client whose application is gone, as the rules see it."""
    return {
        "client": found.name,
        "client_id": found.client_id,
        "tenant": found.tenant,
        "application": found.application or None,
        "state": found.state,
        "attention": found.attention,
        "rule": found.rule,
        "sinks": list(found.table["sinks"]) if found.table else [],
        "differs": list(found.differs),
        "message": found.reason or None,
    }


def exemption(granted: Exemption, now: datetime) -> dict[str, Any]:
    """Return the object for an exception, and whether it still counts at the time `now`.

    `until` is its last day.
    """
    until = granted.until.isoformat()
    return {"owner": granted.owner, "reason": granted.reason, "until": until, "counts": granted.counts(now)}


def sink(seen: SinkState, limit: int | None = None) -> dict[str, Any]:
    """Return the object for one sink, from its metadata only. `limit` is for the latest changes and versions.

    `managed` is False for a sink that was not adopted. The keys that come from
    its record are null then.
    """
    lock = seen.lock
    return {
        "uri": seen.uri,
        "managed": seen.record is not None,
        "rotation": seen.record.rotation if seen.record else None,
        "promoted_at": seen.record.promoted_at if seen.record else None,
        "edits": seen.edits,
        "room": seen.room,
        "lock": {"operation": lock.operation, "id": lock.id, "actor": lock.actor, "until": lock.expected_end}
        if lock
        else None,
        "soft_deleted": list(seen.soft_deleted.versions) if seen.soft_deleted else None,
        "log": list(seen.record.log[:limit]) if seen.record else [],
        "audit": seen.record.audit or None if seen.record else None,
        "retirement": seen.noted.get(RETIREMENT),
        "retirement_audit": seen.noted.get(ANCHOR),
        "versions": [
            {"id": v.id, "stage": v.stage, "created": v.created} for v in seen.history.versions[-(limit or 0) :]
        ],
    }


def evidence(client: ClientSettings, found: Evidence) -> dict[str, Any]:
    """Return the object for the evidence in the tenant's logs.

    `stale` lists the known consumers that still fail, `sources` all that failed, and `not_checked` the gaps.
    """
    return {
        "client": client.name,
        "client_id": client.client_id,
        "change": found.change,
        "at": found.at,
        "window_seconds": found.window.total_seconds(),
        "stale": [source.address for source in found.stale],
        "sources": [
            {
                "address": source.address,
                "agent": source.agent,
                "known": source.known,
                "failures": source.failures,
                "first": source.first,
                "last": source.last,
                "succeeded_until": source.known_until,
                "succeeds_again": source.back,
            }
            for source in found.sources
        ],
        "not_checked": list(found.unknown),
        "notes": list(found.notes),
    }


def verified(client: ClientSettings, found: tuple[Verified, ...]) -> dict[str, Any]:
    """Return the object for Auth0's verdicts about the values in each sink.

    `good` is True if Auth0's verdicts about all sinks are as they should be.
    """
    return {
        "client": client.name,
        "client_id": client.client_id,
        "good": all(v.good for v in found),
        "sinks": [
            {
                "uri": v.uri,
                "current": v.current,
                "current_is": v.current_verdict,
                "fallback": v.fallback,
                "fallback_is": v.fallback_verdict,
                "changed": list(v.changed),
                "next": v.next,
            }
            for v in found
        ],
    }
