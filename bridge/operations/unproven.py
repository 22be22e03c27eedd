"""Fallbacks that no seal names. Others may have tagged them, so the user has to confirm one by its version.

Every writer of metadata can tag a version. Believing the tag would let them choose what `rollback` sets at Auth0 and
what `retire` destroys (ADR 34).
"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.auth0.client import Objection
from bridge.execution.session import Session
from bridge.execution.snapshot import Snapshot, translate
from bridge.model.errors import Refused
from sinks.port import Secret, SinkError, SinkState, Stage
from sinks.record import stamp
from sinks.seal import UNPROVEN
from sinks.versions import Version, short

UNSEALED, REFUSED = "no seal says so", "nobody has seen Auth0 accept its value"
LEAST = 8  # characters of an id that suffice to name a version


def unproven(
    session: Session,
    snapshot: Snapshot,
    command: str,
    *,
    vouched: str = "",
    accepted: bool = False,
    softly: bool = False,
) -> tuple[Objection, ...]:
    """Return the objections against relying on the fallbacks.

    With `softly`, fallbacks that were retired softly are included. `vouched` is the version that the user says was the
    fallback. `command` is what the user could type to say so. With `accepted`, the bridge must also have seen Auth0
    accept the value.
    """
    there = tuple(_open(session, snapshot.sinks, softly=softly))
    # By value: one seal, or one confirmed version, speaks for the same fallback in every sink.
    known = _named(snapshot.sinks, accepted=accepted) | {
        value for _, version, value in there if _is(version.id, vouched)
    }
    open_still = [each for each in there if each[2] not in known]
    look = f"look at it: {session.client_ref.command('history')}"
    ways = f"{look}; {_repair(session, snapshot)}; or, if you know that it was: {command}"
    return tuple(
        Objection(
            f"{state.uri}: nothing proves that {short(version.id)}{_made(version)} was the fallback: "
            f"{REFUSED if state.record and state.record.former else UNSEALED}",
            f"{ways} --unproven {short(open_still[0][1].id).removesuffix('…')}",
        )
        for state, version, _ in open_still
    )


def contradicted(session: Session, snapshot: Snapshot) -> tuple[Objection, ...]:
    """Return objections to sinks whose tags name another fallback than the seal does.

    Every writer of metadata can move the tag. The operation is refused until `adopt --repair` has set it right.
    """
    return tuple(
        Objection(f"{p.uri}: {p.contradicted}", _repair(session, snapshot)) for p in snapshot.sinks if p.contradicted
    )


def vouching(session: Session, snapshot: Snapshot, vouched: str) -> tuple[str, ...]:
    """Return what to show to a user who vouches for a version.

    Raises:
        Refused: no sink has that version as its fallback.
    """
    found = [(p, v) for p, v, _ in _open(session, snapshot.sinks, softly=True) if _is(v.id, vouched)]
    # A mistyped version must not pass as a confirmation of something else.
    if vouched and not found:
        there = (
            ", ".join(f"{short(v.id)} in {p.uri}" for p, v, _ in _open(session, snapshot.sinks, softly=True)) or "none"
        )
        raise Refused(
            f"--unproven: found '{vouched}', expected a version that is tagged as the fallback: {there}",
            f"look at it: {session.client_ref.command('history')}",
        )
    return tuple(f"you say that {short(v.id)} of {p.uri}{_made(v)} was the fallback" for p, v in found)


def read_version(session: Session, snapshot: Snapshot, text: str) -> Secret:
    """Read the value in a version that the user names, from the sink that has it.

    Raises:
        Refused: no sink has it, several have it, or it cannot be read.
    """
    found = [(p, v) for p in snapshot.sinks for v in p.history.versions if _is(v.id, text)]
    hint = f"look at the versions: {session.client_ref.command('history')}"
    # Numbers repeat from sink to sink, so a version may name several values.
    if len(found) != 1:
        told = "several sinks have" if found else "no sink has"
        raise Refused(f"--fallback: found '{text}', expected one version, and {told} it", hint)
    state, version = found[0]
    try:
        value = session.sinks[state.uri].at(version.id)
    except SinkError as error:
        raise translate(error) from None
    if value is None:
        raise Refused(f"{short(version.id)} of {state.uri} cannot be read any more", hint)
    return value


def _named(sinks: tuple[SinkState, ...], *, accepted: bool) -> set[str]:
    """Return the fingerprints that seals name, also of fallbacks that were retired softly.

    One good seal suffices for all sinks.
    """
    sealed = [state for state in sinks if state.record and state.record.former is not None]
    formers = {state.record.former or "" for state in sealed if state.record}
    named = {former.removeprefix(UNPROVEN) for former in formers if not (accepted and former.startswith(UNPROVEN))}
    return named | {state.soft_deleted.fingerprint for state in sealed if state.soft_deleted}


def _open(session: Session, sinks: tuple[SinkState, ...], *, softly: bool) -> Iterator[tuple[SinkState, Version, str]]:
    """Yield the sink, version and fingerprint of every open fallback."""
    for state in sinks:
        version, value = state.history.at(Stage.FALLBACK), state.value(Stage.FALLBACK)
        if version and value:
            yield state, version, value.fingerprint(session.settings.client_id)
        if softly and state.soft_deleted:
            # Its value cannot be read, so the fingerprint from the tag is used.
            yield state, Version(state.soft_deleted.versions[0]), state.soft_deleted.fingerprint


def _repair(session: Session, snapshot: Snapshot) -> str:
    return f"set the tags right: {session.client_ref.command('adopt', snapshot.sinks)} --repair"


def _made(version: Version) -> str:
    return f" (written {stamp(version.created)})" if version.created else ""


def _is(version: str, text: str) -> bool:
    """Return whether a text names a version: "v7" or "7", or the beginning of an id."""
    # The CLI shortens ids with an ellipsis, and users copy what they see. A short prefix would name too much.
    wanted = text.strip().removesuffix("…").lower()
    return version.lower() == wanted.removeprefix("v") or (len(wanted) >= LEAST and version.lower().startswith(wanted))
