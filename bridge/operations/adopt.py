"""Takes over sinks without changing the value that applications use, and gives them back.

Adopting changes nothing at Auth0, so it needs no right to write there. It is idempotent: sinks that are managed already
keep their age and their fallback as far as a seal names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bridge.auth0.client import HS256, SELF, Objection
from bridge.auth0.client import objections as of_client
from bridge.auth0.probe import Verdict
from bridge.execution.session import Session
from bridge.execution.sibling_key_mode import sibling_keys
from bridge.execution.snapshot import Snapshot
from bridge.model.errors import Failed, Refused
from bridge.model.operation import Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome
from bridge.operations.settle import after_settling, settle_first
from bridge.operations.start import STDIN, Options, execute, new_lock, plan_options, require_accepted
from bridge.operations.unproven import read_version
from bridge.planning.guards import FILLED, contents, ownership, refuse, room_for_sibling_keys
from bridge.planning.maintenance import plan_adoption, plan_forgetting
from bridge.planning.sink_record import named
from sinks.port import SinkState, Stage
from sinks.record import MANAGER
from sinks.seal import UNPROVEN
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys
from sinks.versions import short

BESIDE: dict[str, tuple[str, ...]] = {
    SiblingKeys.KEEP: ("client_secret_next and client_secret_previous are written beside it, or their like",),
    SiblingKeys.END: ("client_secret_next and client_secret_previous, or their like, are taken out",),
}
"""Notes for a plan on what becomes of the sibling keys."""


@dataclass(frozen=True)
class AdoptOptions(Options):
    """Options of `adopt`, beside those of every changing command.

    The defaults fill empty sinks, and otherwise write metadata only.
    """

    brought: Secret | None = None
    """The live value, where the user supplies it."""
    add_key: bool = False
    """Whether to write the live value where a sink lacks the key."""
    repair: bool = False
    """Whether to replace a value that Auth0 refuses, and to set tags right."""
    keep_limit: bool = False
    """Whether the number of versions that the vault keeps stays as it is."""
    fallback: str = ""
    """The version whose value is the fallback, where the user knows it."""


@after_settling
def adopt(session: Session, options: AdoptOptions) -> Outcome:
    """Make sinks managed by the bridge.

    A value that Auth0 accepts stays. An empty sink gets the live value. A refused value is replaced with `repair`
    only, because its key may be the wrong one.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the adoption is incomplete.
    """
    opened = settle_first(session, options)
    if opened.settled and opened.ends:
        return opened.settled
    snapshot = opened.snapshot
    everything = frozenset({HS256, SELF})  # adopting changes no secret
    refuse(of_client(snapshot.client, accept=everything, own_client_id=None, strategy="staged"))
    # Before the guard: forged tags must not lock the client out of its own sinks.
    if options.repair:
        snapshot = _ours_by_value(session, snapshot)
    refuse(ownership(snapshot.sinks, session.client_ref, adopting=True))
    lacking = tuple(p for p in snapshot.sinks if p.exists and p.value(Stage.CURRENT) is None)
    if options.add_key or options.repair:  # what else stands there is the user's
        lacking = tuple(state for state in lacking if state.unusable and state.unusable not in FILLED)
    refuse(contents(lacking, session.client_ref))
    base = _live(session, snapshot, options)
    captured = frozenset(p.uri for p in snapshot.sinks if p.value(Stage.CURRENT) != base)
    if not options.repair:
        refuse(_overwritten(session, snapshot, captured))
    beside = sibling_keys(session, snapshot.sinks, Operation.ADOPT)
    refuse(room_for_sibling_keys(snapshot.sinks, beside))
    asked = replace(plan_options(session, options), keep_limit=options.keep_limit, sibling_keys=beside)
    plan = plan_adoption(snapshot.sinks, asked, captured=captured)
    lock = new_lock(session, Operation.ADOPT, snapshot, plan, base=base)
    plan = replace(plan, notes=(*_notes(snapshot.sinks, captured), *BESIDE.get(beside, ()), *snapshot.notes))
    former = _former(session, snapshot, options, base)
    plan = replace(plan, notes=(*plan.notes, *_dropped(session, snapshot, former)))
    return execute(
        session, options, snapshot, plan, OperationValues(lock, value=base, base=base, initial=base, former=former)
    )


@after_settling
def forget(session: Session, options: Options) -> Outcome | None:
    """Remove the bridge's tags. Values and versions stay.

    Where there are no tags, for example because they were removed before, it returns what was settled on the way, or
    None.

    Raises:
        BridgeError: nothing was changed.
        Stopped: the removal is incomplete.
    """
    opened = settle_first(session, options)
    if opened.settled and opened.ends:
        return opened.settled
    snapshot = opened.snapshot
    # Wiped tags count as well: the copy in the lock key would bring the record back (ADR 26).
    if not any(state.record or state.wiped or state.manager for state in snapshot.sinks):
        return opened.settled
    refuse(ownership(snapshot.sinks, session.client_ref, adopting=any(state.record for state in snapshot.sinks)))
    plan = plan_forgetting(snapshot.sinks, plan_options(session, options))
    lock = new_lock(session, Operation.FORGET, snapshot, plan, base=None)
    done = execute(session, options, snapshot, plan, OperationValues(lock))
    # Without a record no later command finds any of this, so the outcome is the last place to name it.
    open_still = [p.uri for p in snapshot.sinks if p.history.at(Stage.FALLBACK)]
    notes = [f"the fallback's value stays readable, and nobody will retire it now: {', '.join(open_still)}"]
    softly = [f"{p.uri} {', '.join(p.soft_deleted.versions)}" for p in snapshot.sinks if p.soft_deleted]
    word = f"what was retired softly is not named any more, and the vault may still hold it: {'; '.join(softly)}"
    beside = [p.uri for p in snapshot.sinks if p.sibling_keys is SiblingKeys.KEEP]
    told = f"the sibling keys stay in the documents, and nobody will keep them right: {', '.join(beside)}"
    more = (*(notes if open_still else ()), *((word,) if softly else ()), *((told,) if beside else ()))
    return replace(done, notes=(*done.notes, *more))


def _live(session: Session, snapshot: Snapshot, options: AdoptOptions) -> Secret:
    """Return the value that Auth0 accepts.

    It is the one that the user supplies, else one that a sink holds, else the one that is read from Auth0.
    """
    if options.brought is not None:
        require_accepted(session, snapshot, options.brought, STDIN)
        return options.brought
    # What is stored is probed first, so most adoptions do not need `read:client_keys` (ADR 10).
    stored: list[Secret] = []
    for state in snapshot.sinks:
        value = state.value(Stage.CURRENT)
        if value is not None and value not in stored:
            stored.append(value)
    verdicts = [session.auth0.probe(snapshot.client, value) for value in stored]
    # An unanswered probe may concern the live value, and reading on could replace that one as refused.
    if Verdict.UNKNOWN in verdicts:
        raise Failed("Auth0 did not say whether it accepts the values that are stored", "try again")
    accepted = [value for value, verdict in zip(stored, verdicts, strict=True) if verdict is Verdict.ACCEPTED]
    if len(accepted) > 1:
        raise Refused(
            "the sinks hold different values and Auth0 accepts more than one: a change is spreading",
            f"wait {session.timing.propagation.total_seconds():.0f} s, then try again",
        )
    live_value = accepted[0] if accepted else session.auth0.live_secret(snapshot.client.client_id)
    if live_value is None:
        raise Refused(
            "no sink holds a value that Auth0 accepts, and the live value cannot be read "
            "(the management token lacks the scope read:client_keys)",
            "grant the scope, or pipe the live value in: --secret-stdin",
        )
    return live_value


def _former(session: Session, snapshot: Snapshot, options: AdoptOptions, base: Secret) -> str:
    """Return the fallback that the sinks get: the one that the user names, else the one that a seal names.

    Raises:
        Refused: nothing can be read at that version, it holds the live value, or it was retired softly.
    """
    if not options.fallback:
        return named(snapshot.sinks, base)
    value = read_version(session, snapshot, options.fallback)
    if value == base:
        raise Refused(f"--fallback: found '{options.fallback}', which holds the current value")
    found = value.fingerprint(session.settings.client_id)
    # Only --undo may reverse a soft retirement, because it also removes the tag that names the versions.
    if any(state.soft_deleted and state.soft_deleted.fingerprint == found for state in snapshot.sinks):
        raise Refused(
            f"--fallback: found '{options.fallback}', whose value was retired softly",
            f"bring it back: {session.client_ref.command('retire')} --undo",
        )
    return found


def _dropped(session: Session, snapshot: Snapshot, former: str) -> Iterator[str]:
    """Yield a note for each fallback that tags name and no seal does.

    From now on it is no fallback, unless the user names it.
    """
    for state in snapshot.sinks:
        value, version = state.value(Stage.FALLBACK), state.history.at(Stage.FALLBACK)
        if value and version and value.fingerprint(session.settings.client_id) != former.removeprefix(UNPROVEN):
            yield (
                f"{state.uri}: nothing proves that {short(version.id)} was the fallback; it is none from now on, and "
                f"its value stays readable (to keep it as the fallback: --fallback {short(version.id)})"
            )


def _ours_by_value(session: Session, snapshot: Snapshot) -> Snapshot:
    """Return what was read without the tags that contradict Auth0. Others with access may have written such tags.

    A sink whose current value Auth0 accepts for this client is this client's.
    """
    client_ref = session.settings.client_id, session.auth0.name

    def accepted(state: SinkState) -> bool:
        value = state.value(Stage.CURRENT)
        return value is not None and session.auth0.probe(snapshot.client, value) is Verdict.ACCEPTED

    def says_otherwise(state: SinkState) -> bool:
        record = state.record
        # A foreign manager alone is believed. It is overridden only where the bridge has left traces of its own.
        other = record is not None and (record.client_id, record.tenant) != client_ref
        return other or (state.manager not in (None, MANAGER) and (state.remembered is not None or bool(state.edits)))

    sinks = (
        replace(p, record=None, manager=None, wiped=True) if says_otherwise(p) and accepted(p) else p
        for p in snapshot.sinks
    )
    return replace(snapshot, sinks=tuple(sinks))


def _overwritten(session: Session, snapshot: Snapshot, captured: frozenset[str]) -> Iterator[Objection]:
    """Yield an objection to each text that would be replaced, although it may be something else than an old secret.

    The key may be the wrong one.
    """
    for state in snapshot.sinks:
        if state.uri in captured and state.value(Stage.CURRENT) is not None:
            yield Objection(
                f"Auth0 does not accept the value at '{state.key or state.uri}' in {state.uri}",
                "is it the right key? Then replace it by the live value: "
                f"{session.client_ref.command('adopt')} --repair",
            )


def _notes(sinks: tuple[SinkState, ...], captured: frozenset[str]) -> tuple[str, ...]:
    notes = []
    for state in sinks:
        kept = [key for key in state.keys if key]
        if not state.exists:
            notes.append(f"{state.uri} is empty: the live value is written as its first version")
        elif state.uri in captured:
            notes.append(f"{state.uri}: Auth0 does not accept its value; the live value is written as a new version")
        else:
            notes.append(f"{state.uri}: Auth0 accepts its value; only metadata is written ({len(kept)} keys stay)")
    return tuple(notes)
