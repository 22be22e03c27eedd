"""The words that the cases are told in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sinks.port import Lease, Lock, Promoted, Record, Sink, SinkState
from sinks.secret import Secret
from tests.contract.clock import START
from tests.contract.harness import KEY, Harness

CLIENT = "AbC123"
TENANT = "acme.eu.auth0.com"
S0, P1, P2 = Secret("S0-the-oldest-value"), Secret("P1-the-first-new-value"), Secret("P2-the-second-new-value")


def lock(
    place: Harness,
    holder: str = "ci-1",
    *,
    base: Secret | None = S0,
    operation: str = "rotate",
    ends: tuple[Secret, ...] = (),
    sibling_keys: str = "",
) -> Lock:
    """Return a lock of an operator; each holder has an operation of its own."""
    return Lock(
        operation=operation,
        id=f"r-{holder}",
        actor=f"actor {holder}",
        started=START,
        expected_end=START + timedelta(minutes=5),
        client_id=CLIENT,
        tenant=TENANT,
        sinks=(place.uri,),
        base=base.fingerprint(CLIENT) if base else "",
        holder=holder,
        ends=tuple(value.fingerprint(CLIENT) for value in ends),
        sibling_keys=sibling_keys,
    )


def record(place: Harness, *values: Secret, rotation: str = "r-ci-1") -> Record:
    """Return what a sink remembers after the first of `values` became current."""
    recent = tuple(value.fingerprint(CLIENT) for value in values)
    return Record(CLIENT, TENANT, (place.uri,), rotation, START, recent=recent)


def filled(place: Harness, value: Secret = S0) -> None:
    """Let people without the bridge have a document with our key, one of theirs, and a tag."""
    place.write_key(KEY, value.reveal())
    place.write_key("db_url", "postgres://theirs")
    place.tag("owner", "team-billing")


def claimed(
    place: Harness,
    value: Secret | None = P1,
    *,
    base: Secret | None = S0,
    holder: str = "ci-1",
    operation: str = "rotate",
    **words: Any,
) -> tuple[Sink, Lease]:
    """Claim a sink as another operator."""
    sink = place.sink()
    return sink, sink.claim(sink.read(), lock(place, holder, base=base, operation=operation, **words), value)


def rotated(place: Harness, old: Secret = S0, new: Secret = P1, *, holder: str = "ci-1", keep: bool = True) -> Promoted:
    """Rotate from one value to another."""
    sink, held = claimed(place, new, base=old, holder=holder)
    promoted = sink.promote(held, new, record(place, new, old, rotation=held.lock.id), keep=keep)
    sink.release(held, "rotated")
    return promoted


def taken_over(place: Harness, holder: str = "late-1", **words: Any) -> tuple[Sink, Lease]:
    """Take an operation over: the same words except those given, another holder."""
    sink = place.sink()
    seen = sink.read()
    assert seen.lock is not None
    return sink, sink.take_over(seen, replace(seen.lock, holder=holder, actor=f"actor {holder}", **words))


def text(value: Secret | None) -> str | None:
    return value.reveal() if value else None


def seen_again(place: Harness) -> SinkState:
    return place.sink().read()
