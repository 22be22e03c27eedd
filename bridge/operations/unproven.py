"""Fallbacks that no seal names. Others may have tagged them, so the user has to confirm one by its version."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.auth0.client import Objection
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen, translate
from bridge.model.errors import Refused
from sinks.port import Place, Secret, SinkError, Stage
from sinks.record import stamp
from sinks.seal import UNPROVEN
from sinks.versions import Version, short

UNSEALED, REFUSED = "no seal says so", "nobody has seen Auth0 accept its value"
LEAST = 8  # characters of an id that suffice to name a version


def unproven(
    job: Job, seen: Seen, command: str, *, vouched: str = "", accepted: bool = False, softly: bool = False
) -> tuple[Objection, ...]:
    """Return the objections against relying on the fallbacks.

    With `softly`, fallbacks that were retired softly are included. `vouched` is the version that the user says was the
    fallback. `command` is what the user could type to say so. With `accepted`, the bridge must also have seen Auth0
    accept the value.
    """
    there = tuple(_open(job, seen.places, softly=softly))
    known = _named(seen.places, accepted=accepted) | {value for _, version, value in there if _is(version.id, vouched)}
    open_still = [each for each in there if each[2] not in known]
    ways = f"look at it: {job.whose.command('history')}; {_repair(job, seen)}; or, if you know that it was: {command}"
    return tuple(
        Objection(
            f"{place.uri}: nothing proves that {short(version.id)}{_made(version)} was the fallback: "
            f"{REFUSED if place.record and place.record.former else UNSEALED}",
            f"{ways} --unproven {short(open_still[0][1].id).removesuffix('…')}",
        )
        for place, version, _ in open_still
    )


def contradicted(job: Job, seen: Seen) -> tuple[Objection, ...]:
    """Return objections to places whose tags name another fallback than the seal does."""
    return tuple(Objection(f"{p.uri}: {p.contradicted}", _repair(job, seen)) for p in seen.places if p.contradicted)


def vouching(job: Job, seen: Seen, vouched: str) -> tuple[str, ...]:
    """Return what to show to a user who vouches for a version.

    Raises:
        Refused: no place has that version as its fallback.
    """
    found = [(p, v) for p, v, _ in _open(job, seen.places, softly=True) if _is(v.id, vouched)]
    if vouched and not found:
        there = ", ".join(f"{short(v.id)} in {p.uri}" for p, v, _ in _open(job, seen.places, softly=True)) or "none"
        raise Refused(
            f"--unproven: found '{vouched}', expected a version that is tagged as the fallback: {there}",
            f"look at it: {job.whose.command('history')}",
        )
    return tuple(f"you say that {short(v.id)} of {p.uri}{_made(v)} was the fallback" for p, v in found)


def read_version(job: Job, seen: Seen, text: str) -> Secret:
    """Read the value in a version that the user names, from the place that has it.

    Raises:
        Refused: no place has it, several have it, or it cannot be read.
    """
    found = [(p, v) for p in seen.places for v in p.history.versions if _is(v.id, text)]
    hint = f"look at the versions: {job.whose.command('history')}"
    if len(found) != 1:
        told = "several places have" if found else "no place has"
        raise Refused(f"--fallback: found '{text}', expected one version, and {told} it", hint)
    place, version = found[0]
    try:
        value = job.sinks[place.uri].at(version.id)
    except SinkError as error:
        raise translate(error) from None
    if value is None:
        raise Refused(f"{short(version.id)} of {place.uri} cannot be read any more", hint)
    return value


def _named(places: tuple[Place, ...], *, accepted: bool) -> set[str]:
    """Return the fingerprints that seals name, also of fallbacks that were retired softly.

    One good seal suffices for all places.
    """
    sealed = [place for place in places if place.record and place.record.former is not None]
    formers = {place.record.former or "" for place in sealed if place.record}
    named = {former.removeprefix(UNPROVEN) for former in formers if not (accepted and former.startswith(UNPROVEN))}
    return named | {place.aside.fingerprint for place in sealed if place.aside}


def _open(job: Job, places: tuple[Place, ...], *, softly: bool) -> Iterator[tuple[Place, Version, str]]:
    """Yield the place, version and fingerprint of every open fallback."""
    for place in places:
        version, value = place.history.at(Stage.FALLBACK), place.value(Stage.FALLBACK)
        if version and value:
            yield place, version, value.fingerprint(job.settings.client_id)
        if softly and place.aside:
            yield place, Version(place.aside.versions[0]), place.aside.fingerprint


def _repair(job: Job, seen: Seen) -> str:
    return f"set the tags right: {job.whose.command('adopt', seen.places)} --repair"


def _made(version: Version) -> str:
    return f" (written {stamp(version.created)})" if version.created else ""


def _is(version: str, text: str) -> bool:
    """Return whether a text names a version: "v7" or "7", or the beginning of an id."""
    wanted = text.strip().removesuffix("…").lower()
    return version.lower() == wanted.removeprefix("v") or (len(wanted) >= LEAST and version.lower().startswith(wanted))
