"""Finds out, under the lock, which of all stored values Auth0 accepts.

The origin of a stored value does not matter. A forged one costs a probe, and Auth0 refuses it (ADR 33).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.auth0.values import generate
from bridge.execution.session import Session
from bridge.execution.snapshot import recall, staged
from bridge.model.errors import Failed
from bridge.model.operation_values import OperationValues
from bridge.model.origin import Origin
from bridge.model.progress import pause
from bridge.model.settlement import Settlement, Way
from bridge.planning.settle import generated, kills, never_held, settlement
from bridge.planning.sink_record import named
from sinks.port import Lock, SinkState, Stage
from sinks.secret import Secret, unlike

ROUNDS = 2
UNKNOWN = (
    "Auth0 accepts none of the values that are stored, and the live one cannot be read (the management token lacks the "
    "scope read:client_keys). Nothing was destroyed"
)
WHY = "Auth0 is asked once more: one answer proves nothing while a change spreads"


@dataclass(frozen=True)
class Found:
    """Result of an inquiry at the sinks and at Auth0.

    `value` is the one that Auth0 accepts, or None where it accepts none that can be read. `refused` are the other ones.
    """

    sinks: tuple[SinkState, ...]
    value: Secret | None
    refused: tuple[Secret, ...] = ()


def inquire(session: Session, client: Client, uris: Iterable[str], brought: Secret | None) -> Found:
    """Probe every candidate. After the time of a proof, probe the current values and the accepted one again.

    One answer proves nothing while a change spreads. If two values are accepted, or the second answers differ,
    everything is read and asked once more after the propagation time.

    Raises:
        SinkError: a sink cannot be read.
        Failed: Auth0 did not answer clearly, accepts two values, or the inquiry was stopped.
    """
    for _ in range(ROUNDS):
        sinks = tuple(session.sinks[uri].read() for uri in uris)
        known = candidates(session, sinks, brought)
        first = accepted(session, client, known)
        pause(session.timing.proof, WHY, clock=session.clock, watcher=session.watcher, stop=lambda: session.stop.asked)
        if session.stop.asked:
            raise Failed("stopped as asked, before it was known which value Auth0 accepts")
        current = [value for p in sinks if (value := p.value(Stage.CURRENT))]
        # A request of a dead process may be carried out between the two rounds, and bring another value to life.
        again = accepted(session, client, unlike((), (*current, *first)))
        if len(first) <= 1 and again == first:
            return Found(sinks, next(iter(first), None), unlike(first, known))
        pause(
            session.timing.propagation,
            WHY,
            clock=session.clock,
            watcher=session.watcher,
            stop=lambda: session.stop.asked,
        )
    raise Failed("Auth0 accepts more than one of the values that are stored, or now one and now another", "try again")


def candidates(session: Session, sinks: tuple[SinkState, ...], brought: Secret | None) -> tuple[Secret, ...]:
    """Return the different values that Auth0 may accept, as far as they can be read, the likeliest first.

    These are the values at the sinks' stages, the `brought` one, what dead operations have left, and what records
    name.
    """
    # Dead operations and foreign writers may have written over the live value, so older versions are read too.
    left = [value for p in sinks for value in session.sinks[p.uri].candidates()]
    found = unlike((), (*staged(sinks), *((brought,) if brought else ()), *left))
    return unlike((), (*found, *recent(session, sinks, found)))


def recent(
    session: Session, sinks: tuple[SinkState, ...], found: tuple[Secret, ...], *, endable: bool = False
) -> Iterable[Secret]:
    """Yield values that were current lately and are not in `found`, as far as they can still be read.

    Records name such values by fingerprint. With `endable`, only values are yielded that can still be ended.
    """
    salt = session.settings.client_id
    fingerprints = {value.fingerprint(salt) for value in found}
    for state in sinks:
        said = (each for known in (state.record, state.remembered) if known for each in known.recent)
        for fingerprint in dict.fromkeys(said):
            if fingerprint in fingerprints:
                continue
            if value := recall(session, fingerprint, state.uri, endable=endable):
                fingerprints.add(fingerprint)
                yield value


def accepted(session: Session, client: Client, values: Iterable[Secret]) -> tuple[Secret, ...]:
    """Return those of the values that Auth0 accepts.

    Raises:
        Failed: Auth0 gave no answer on one of them.
    """
    found = []
    for value in values:
        # No answer is not a refusal. Taken for one, it could end the live value.
        verdict = session.auth0.probe(client, value)
        if verdict is Verdict.UNKNOWN:
            raise Failed("Auth0 did not say which of the stored values it accepts", "try again")
        if verdict is Verdict.ACCEPTED:
            found.append(value)
    return tuple(found)


def choose(
    session: Session,
    client: Client,
    found: Found,
    sinks: tuple[SinkState, ...],
    says: Lock | None,
    values: OperationValues,
) -> Settlement:
    """Return how an interruption ends. The value, and what ends with it, are noted in `values`.

    `sinks` are those that were read under the lock, and the empty ones. `says` is the lock of the interrupted
    operation, or None where nothing was locked.

    Raises:
        Failed: it cannot be known which value Auth0 accepts. Nothing is destroyed.
    """
    value, origin, way = found.value, Origin.ACCEPTED, None
    # The answer of `rotate-secret` was lost, or the secret was rotated in the dashboard.
    if value is None and not never_held(sinks):
        value, way = session.auth0.live_secret(client.client_id), Way.PUBLISH
        if value is None and generated(sinks, says):
            value, origin, way = generate(client), Origin.GENERATED, Way.REPLACE
        if value is None:
            raise Failed(
                UNKNOWN, f"grant the scope; or pipe it in: {session.client_ref.command('sync', sinks)} --secret-stdin"
            )
    if value is None:
        return _if_all_were_read(Settlement(Way.GIVE_BACK), values)
    chosen = settlement(sinks, value, session.settings.client_id, interrupted=says is not None)
    chosen = replace(chosen, way=way) if way else chosen
    chosen, values.value, values.origin = _if_all_were_read(chosen, values), value, origin
    values.proven, values.former = chosen.proven, named(sinks, value)
    # After a leak nothing is ended here. The answer has to be given again, and proves what it ends.
    if chosen.way is not Way.GIVE_BACK and not kills(says):
        values.ends = _ended(session, sinks, found, chosen.base)
    values.initial = values.value
    return chosen


def _if_all_were_read(chosen: Settlement, values: OperationValues) -> Settlement:
    """Return `chosen`, unless it needs to know a sink that did not answer.

    Such a sink may hold the live value. Until it was read, nothing is given back and no fresh value is set.

    Raises:
        Failed: a sink was not read.
    """
    if values.unseen and chosen.way in (Way.GIVE_BACK, Way.REPLACE):
        raise Failed(f"{', '.join(values.unseen)} did not answer: what stands there decides what is done", "try again")
    return chosen


def _ended(session: Session, sinks: tuple[SinkState, ...], found: Found, base: str) -> tuple[str, ...]:
    """Return the fingerprints of older fallbacks that Auth0 has just refused.

    They end, because there is one fallback at a time (ADR 19).
    """
    salt = session.settings.client_id
    refused = {value.fingerprint(salt) for value in found.refused}
    # Their promotion had not ended them yet when it was interrupted.
    older = [value.fingerprint(salt) for p in sinks if (value := p.value(Stage.FALLBACK))]
    older += [each for p in sinks if p.lock and p.remembered for each in p.remembered.recent[1:2]]
    return tuple(dict.fromkeys(each for each in older if base and each != base and each in refused))
