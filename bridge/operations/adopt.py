"""Takes over places without changing the value that applications use, and gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bridge.auth0.client import HS256, SELF, Objection
from bridge.auth0.client import objections as of_client
from bridge.auth0.probe import Verdict
from bridge.execution.companion_mode import companions
from bridge.execution.session import Job
from bridge.execution.snapshot import Seen
from bridge.model.errors import Failed, Refused
from bridge.model.operation import Operation
from bridge.model.operation_values import Facts
from bridge.model.outcome import Outcome
from bridge.operations.settle import settle_first
from bridge.operations.start import STDIN, Options, execute, new_lock, require_accepted, wish
from bridge.operations.unproven import read_version
from bridge.planning.guards import companions_room, contents, ownership, refuse
from bridge.planning.maintenance import plan_adoption, plan_forgetting
from bridge.planning.place_record import named
from sinks.companions import Companions
from sinks.port import Place, Stage
from sinks.record import MANAGER
from sinks.seal import UNPROVEN
from sinks.secret import Secret
from sinks.versions import short

BESIDE: dict[str, tuple[str, ...]] = {
    Companions.KEEP: ("client_secret_next and client_secret_previous are written beside it, or their like",),
    Companions.END: ("client_secret_next and client_secret_previous, or their like, are taken out",),
}
"""Notes for a plan on what becomes of the companions."""


@dataclass(frozen=True)
class AdoptOptions(Options):
    """Options of `adopt`."""

    brought: Secret | None = None
    """The live value, where the user supplies it."""
    add_key: bool = False
    """Whether to write the live value where a place lacks the key."""
    repair: bool = False
    """Whether to replace a value that Auth0 refuses, and to set tags right."""
    keep_limit: bool = False
    """Whether the number of versions that the vault keeps stays as it is."""
    fallback: str = ""
    """The version whose value is the fallback, where the user knows it."""


def adopt(job: Job, options: AdoptOptions) -> Outcome:
    """Make places managed by the bridge.

    A value that Auth0 accepts stays. An empty place gets the live value. A refused value is replaced with `repair`
    only, because its key may be the wrong one.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the adoption is incomplete.
    """
    opened = settle_first(job, options)
    if opened.settled and opened.ends:
        return opened.settled
    seen = opened.seen
    everything = frozenset({HS256, SELF})  # adopting changes no secret
    refuse(of_client(seen.client, accept=everything, own_client_id=None, strategy="staged"))
    if options.repair:
        seen = _ours_by_value(job, seen)
    refuse(ownership(seen.places, job.whose, adopting=True))
    if not options.add_key and not options.repair:
        lacking = tuple(p for p in seen.places if p.exists and p.value(Stage.CURRENT) is None)
        refuse(contents(lacking, job.whose))
    base = _live(job, seen, options)
    captured = frozenset(p.uri for p in seen.places if p.value(Stage.CURRENT) != base)
    if not options.repair:
        refuse(_overwritten(job, seen, captured))
    beside = companions(job, seen.places, Operation.ADOPT)
    refuse(companions_room(seen.places, beside))
    asked = replace(wish(job, options), keep_limit=options.keep_limit, companions=beside)
    plan = plan_adoption(seen.places, asked, captured=captured)
    lock = new_lock(job, Operation.ADOPT, seen, plan, base=base)
    plan = replace(plan, notes=(*_notes(seen.places, captured), *BESIDE.get(beside, ()), *seen.notes))
    former = _former(job, seen, options, base)
    plan = replace(plan, notes=(*plan.notes, *_dropped(job, seen, former)))
    return execute(job, options, seen, plan, Facts(lock, value=base, base=base, initial=base, former=former))


def forget(job: Job, options: Options) -> Outcome | None:
    """Remove the bridge's tags. Values and versions stay.

    Where there are no tags, for example because they were removed before, it returns what was settled on the way, or
    None.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the removal is incomplete.
    """
    opened = settle_first(job, options)
    if opened.settled and opened.ends:
        return opened.settled
    seen = opened.seen
    if not any(place.record or place.wiped or place.manager for place in seen.places):
        return opened.settled
    refuse(ownership(seen.places, job.whose, adopting=any(place.record for place in seen.places)))
    plan = plan_forgetting(seen.places, wish(job, options))
    lock = new_lock(job, Operation.FORGET, seen, plan, base=None)
    done = execute(job, options, seen, plan, Facts(lock))
    open_still = [p.uri for p in seen.places if p.history.at(Stage.FALLBACK)]
    notes = [f"the fallback's value stays readable, and nobody will retire it now: {', '.join(open_still)}"]
    softly = [f"{p.uri} {', '.join(p.aside.versions)}" for p in seen.places if p.aside]
    word = f"what was retired softly is not named any more, and the vault may still hold it: {'; '.join(softly)}"
    beside = [p.uri for p in seen.places if p.companions is Companions.KEEP]
    told = f"the companions stay in the documents, and nobody will keep them right: {', '.join(beside)}"
    more = (*(notes if open_still else ()), *((word,) if softly else ()), *((told,) if beside else ()))
    return replace(done, notes=(*done.notes, *more))


def _live(job: Job, seen: Seen, options: AdoptOptions) -> Secret:
    """Return the value that Auth0 accepts.

    It is the one that the user supplies, else one that a place holds, else the one that is read from Auth0.
    """
    if options.brought is not None:
        require_accepted(job, seen, options.brought, STDIN)
        return options.brought
    stored: list[Secret] = []
    for place in seen.places:
        value = place.value(Stage.CURRENT)
        if value is not None and value not in stored:
            stored.append(value)
    verdicts = [job.auth0.probe(seen.client, value) for value in stored]
    if Verdict.UNKNOWN in verdicts:
        raise Failed("Auth0 did not say whether it accepts the values that are stored", "try again")
    accepted = [value for value, verdict in zip(stored, verdicts, strict=True) if verdict is Verdict.ACCEPTED]
    if len(accepted) > 1:
        raise Refused(
            "the places hold different values and Auth0 accepts more than one: a change is spreading",
            f"wait {job.timing.propagation.total_seconds():.0f} s, then try again",
        )
    live_value = accepted[0] if accepted else job.auth0.live_secret(seen.client.client_id)
    if live_value is None:
        raise Refused(
            "no place holds a value that Auth0 accepts, and the live value cannot be read "
            "(the management token lacks the scope read:client_keys)",
            "grant the scope, or pipe the live value in: --secret-stdin",
        )
    return live_value


def _former(job: Job, seen: Seen, options: AdoptOptions, base: Secret) -> str:
    """Return the fallback that the places shall have: the one that the user names, else the one that a seal names.

    Raises:
        Refused: nothing can be read at that version, it holds the live value, or it was retired softly.
    """
    if not options.fallback:
        return named(seen.places, base)
    value = read_version(job, seen, options.fallback)
    if value == base:
        raise Refused(f"--fallback: found '{options.fallback}', which holds the current value")
    found = value.fingerprint(job.settings.client_id)
    if any(place.aside and place.aside.fingerprint == found for place in seen.places):
        raise Refused(
            f"--fallback: found '{options.fallback}', whose value was retired softly",
            f"bring it back: {job.whose.command('retire')} --undo",
        )
    return found


def _dropped(job: Job, seen: Seen, former: str) -> Iterator[str]:
    """Yield a note for each fallback that tags name and no seal does.

    From now on it is no fallback, unless the user names it.
    """
    for place in seen.places:
        value, version = place.value(Stage.FALLBACK), place.history.at(Stage.FALLBACK)
        if value and version and value.fingerprint(job.settings.client_id) != former.removeprefix(UNPROVEN):
            yield (
                f"{place.uri}: nothing proves that {short(version.id)} was the fallback; it is none from now on, and "
                f"its value stays readable (to keep it as the fallback: --fallback {short(version.id)})"
            )


def _ours_by_value(job: Job, seen: Seen) -> Seen:
    """Return what was read without the tags that contradict Auth0. Others with access may have written such tags.

    A place whose current value Auth0 accepts for this client is this client's.
    """
    whose = job.settings.client_id, job.auth0.name

    def accepted(place: Place) -> bool:
        value = place.value(Stage.CURRENT)
        return value is not None and job.auth0.probe(seen.client, value) is Verdict.ACCEPTED

    def says_otherwise(place: Place) -> bool:
        record = place.record
        other = record is not None and (record.client_id, record.tenant) != whose
        return other or (place.manager not in (None, MANAGER) and (place.remembered is not None or bool(place.edits)))

    places = (
        replace(p, record=None, manager=None, wiped=True) if says_otherwise(p) and accepted(p) else p
        for p in seen.places
    )
    return replace(seen, places=tuple(places))


def _overwritten(job: Job, seen: Seen, captured: frozenset[str]) -> Iterator[Objection]:
    """Yield an objection to each text that would be replaced, although it may be something else than an old secret.

    The key may be the wrong one.
    """
    for place in seen.places:
        if place.uri in captured and place.value(Stage.CURRENT) is not None:
            yield Objection(
                f"Auth0 does not accept the value at '{place.key or place.uri}' in {place.uri}",
                f"is it the right key? Then replace it by the live value: {job.whose.command('adopt')} --repair",
            )


def _notes(places: tuple[Place, ...], captured: frozenset[str]) -> tuple[str, ...]:
    notes = []
    for place in places:
        kept = [key for key in place.keys if key]
        if not place.exists:
            notes.append(f"{place.uri} is empty: the live value is written as its first version")
        elif place.uri in captured:
            notes.append(f"{place.uri}: Auth0 does not accept its value; the live value is written as a new version")
        else:
            notes.append(f"{place.uri}: Auth0 accepts its value; only metadata is written ({len(kept)} keys stay)")
    return tuple(notes)
