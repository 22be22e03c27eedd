"""Finds out, under the lock, which of all stored values Auth0 accepts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.auth0.values import generate
from bridge.execution.session import Job
from bridge.execution.snapshot import recall, staged
from bridge.model.errors import Failed
from bridge.model.operation_values import Facts
from bridge.model.origin import Origin
from bridge.model.progress import pause
from bridge.model.settlement import Settlement, Way
from bridge.planning.place_record import named
from bridge.planning.settle import generated, kills, never_held, settlement
from sinks.port import Lock, Place, Stage
from sinks.secret import Secret, unlike

ROUNDS = 2
UNKNOWN = (
    "Auth0 accepts none of the values that are stored, and the live one cannot be read (the management token lacks the "
    "scope read:client_keys). Nothing was destroyed"
)
WHY = "Auth0 is asked once more: one answer proves nothing while a change spreads"


@dataclass(frozen=True)
class Found:
    """Result of an inquiry at the places and at Auth0.

    `value` is the one that Auth0 accepts, or None where it accepts none that can be read. `refused` are the other ones.
    """

    places: tuple[Place, ...]
    value: Secret | None
    refused: tuple[Secret, ...] = ()


def inquire(job: Job, client: Client, uris: Iterable[str], brought: Secret | None) -> Found:
    """Probe every candidate. After the time of a proof, probe the current values and the accepted one again.

    One answer proves nothing while a change spreads. If two values are accepted, or the second answers differ,
    everything is read and asked once more after the propagation time.

    Raises:
        SinkError: a place cannot be read.
        Failed: Auth0 did not answer clearly, accepts two values, or the inquiry was stopped.
    """
    for _ in range(ROUNDS):
        places = tuple(job.sinks[uri].read() for uri in uris)
        known = candidates(job, places, brought)
        first = accepted(job, client, known)
        pause(job.timing.proof, WHY, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
        if job.stop.asked:
            raise Failed("stopped as asked, before it was known which value Auth0 accepts")
        current = [value for p in places if (value := p.value(Stage.CURRENT))]
        again = accepted(job, client, unlike((), (*current, *first)))
        if len(first) <= 1 and again == first:
            return Found(places, next(iter(first), None), unlike(first, known))
        pause(job.timing.propagation, WHY, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
    raise Failed("Auth0 accepts more than one of the values that are stored, or now one and now another", "try again")


def candidates(job: Job, places: tuple[Place, ...], brought: Secret | None) -> tuple[Secret, ...]:
    """Return the different values that Auth0 may accept, as far as they can be read, the likeliest first.

    These are the values at the places' stages, the `brought` one, what dead operations have left, and what records
    name.
    """
    left = [value for p in places for value in job.sinks[p.uri].candidates()]
    found = unlike((), (*staged(places), *((brought,) if brought else ()), *left))
    return unlike((), (*found, *recent(job, places, found)))


def recent(
    job: Job, places: tuple[Place, ...], found: tuple[Secret, ...], *, endable: bool = False
) -> Iterable[Secret]:
    """Yield values that were current lately and are not in `found`, as far as they can still be read.

    Records name such values by fingerprint. With `endable`, only values are yielded that can still be ended.
    """
    salt = job.settings.client_id
    fingerprints = {value.fingerprint(salt) for value in found}
    for place in places:
        said = (each for known in (place.record, place.remembered) if known for each in known.recent)
        for fingerprint in dict.fromkeys(said):
            if fingerprint in fingerprints:
                continue
            if value := recall(job, fingerprint, place.uri, endable=endable):
                fingerprints.add(fingerprint)
                yield value


def accepted(job: Job, client: Client, values: Iterable[Secret]) -> tuple[Secret, ...]:
    """Return those of the values that Auth0 accepts.

    Raises:
        Failed: Auth0 gave no answer on one of them.
    """
    found = []
    for value in values:
        verdict = job.auth0.probe(client, value)
        if verdict is Verdict.UNKNOWN:
            raise Failed("Auth0 did not say which of the stored values it accepts", "try again")
        if verdict is Verdict.ACCEPTED:
            found.append(value)
    return tuple(found)


def choose(
    job: Job, client: Client, found: Found, places: tuple[Place, ...], says: Lock | None, facts: Facts
) -> Settlement:
    """Return how an interruption ends. The value, and what ends with it, are noted in `facts`.

    `places` are those that were read under the lock, and the empty ones. `says` is the lock of the interrupted
    operation, or None where nothing was locked.

    Raises:
        Failed: it cannot be known which value Auth0 accepts. Nothing is destroyed.
    """
    value, origin, way = found.value, Origin.ACCEPTED, None
    if value is None and not never_held(places):
        value, way = job.auth0.live_secret(client.client_id), Way.PUBLISH
        if value is None and generated(places, says):
            value, origin, way = generate(client), Origin.GENERATED, Way.REPLACE
        if value is None:
            raise Failed(UNKNOWN, f"grant the scope; or pipe it in: {job.whose.command('sync', places)} --secret-stdin")
    if value is None:
        return _seen(Settlement(Way.GIVE_BACK), facts)
    chosen = settlement(places, value, job.settings.client_id, interrupted=says is not None)
    chosen = replace(chosen, way=way) if way else chosen
    chosen, facts.value, facts.origin = _seen(chosen, facts), value, origin
    facts.proven, facts.former = chosen.proven, named(places, value)
    if chosen.way is not Way.GIVE_BACK and not kills(says):
        facts.ends = _ended(job, places, found, chosen.base)
    facts.initial = facts.value
    return chosen


def _seen(chosen: Settlement, facts: Facts) -> Settlement:
    """Return `chosen`, unless it needs to know a place that did not answer.

    Such a place may hold the live value. Until it was read, nothing is given back and no fresh value is set.

    Raises:
        Failed: a place was not read.
    """
    if facts.unseen and chosen.way in (Way.GIVE_BACK, Way.REPLACE):
        raise Failed(f"{', '.join(facts.unseen)} did not answer: what stands there decides what is done", "try again")
    return chosen


def _ended(job: Job, places: tuple[Place, ...], found: Found, base: str) -> tuple[str, ...]:
    """Return the fingerprints of older fallbacks that Auth0 has just refused.

    They end, because there is one fallback at a time (ADR 19).
    """
    salt = job.settings.client_id
    refused = {value.fingerprint(salt) for value in found.refused}
    older = [value.fingerprint(salt) for p in places if (value := p.value(Stage.FALLBACK))]
    older += [each for p in places if p.lock and p.remembered for each in p.remembered.recent[1:2]]
    return tuple(dict.fromkeys(each for each in older if base and each != base and each in refused))
