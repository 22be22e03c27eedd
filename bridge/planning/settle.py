"""What to do with an interruption, once it is known which value Auth0 accepts. Pure: no I/O, no clock.

What a lock, a tag or a label says decides nothing here. Auth0's answer decides, and where the accepted value is stored.
"""

from __future__ import annotations

from bridge.model.operation import Operation
from bridge.model.plan import PlanOptions
from bridge.model.settlement import Settlement, Way
from bridge.model.steps import (
    Claim,
    Confirm,
    Hook,
    Promote,
    Release,
    Retire,
    SetAtAuth0,
    Step,
    Store,
    Tag,
    WriteSiblingKeys,
)
from sinks.port import Lock, SinkState, Stage
from sinks.secret import Secret
from sinks.sibling_keys import WRITTEN


def kills(lock: Lock | None) -> bool:
    """Return whether a lock says that its operation ends the value that was current when it began.

    That is so for the answer to a leak, and for a rollback that discards the current value.
    """
    # A forged lock only makes the settlement more careful: nothing is destroyed and no fallback named for it.
    return lock is not None and (
        lock.operation == Operation.COMPROMISED or (bool(lock.base) and lock.base in lock.ends)
    )


def settlement(sinks: tuple[SinkState, ...], value: Secret, client_id: str, *, interrupted: bool = True) -> Settlement:
    """Return how to settle an interruption where Auth0 accepts `value`. `sinks` were read under the lock.

    Without `interrupted`, no operation was under way. A value that the records know was then not published by one, so
    even the newest recorded value counts as a former one.
    """
    accepted = value.fingerprint(client_id)
    holding = [p for p in sinks if p.value(Stage.CURRENT) == value]
    ours = [p for p in sinks if p.record or p.remembered or p.wiped]
    missing = [p for p in ours if p not in holding]
    pending = any(p.value(Stage.PENDING) == value for p in sinks)
    # Tags are written before the document. Where they are ahead of it but fitted before, giving back restores them.
    whole = holding and not missing and all(_fits(p, accepted) or _fitted(p, accepted) for p in holding)
    if whole and not pending:
        return Settlement(Way.GIVE_BACK)
    base = _former(sinks, accepted)
    if holding or pending:
        was = _was(ours, value, accepted, 1 if interrupted else 0)
        return Settlement(Way.COMPLETE, base, former=was, proven=_is_sealed(sinks, base, accepted))
    return Settlement(Way.PUBLISH, base, former=_was(ours, value, accepted, 0))


def generated(sinks: tuple[SinkState, ...], lock: Lock | None) -> bool:
    """Return whether Auth0 was to generate the value.

    That is so where a rotation holds the sinks and no sink has a pending value.
    """
    # This hint counts only after no readable value was accepted and the live one could not be read.
    rotating = lock is not None and lock.operation in (Operation.ROTATE, Operation.COMPROMISED)
    return rotating and not any(p.value(Stage.PENDING) for p in sinks)


def never_held(sinks: tuple[SinkState, ...]) -> bool:
    """Return whether no sink has ever held a value at its key.

    Then there is nothing that could be lost, and the sinks may be given back.
    """
    return not any(p.value(Stage.CURRENT) or p.record or p.remembered or p.wiped for p in sinks)


def steps(
    sinks: tuple[SinkState, ...],
    held: tuple[str, ...],
    chosen: Settlement,
    value: Secret | None,
    plan_options: PlanOptions,
    *,
    adopting: bool = False,
) -> tuple[Step, ...]:
    """Return the steps that settle an interruption in the chosen way.

    `held` are the URIs of the sinks that were taken. The others are empty. `value` is the one that Auth0 accepts.
    `adopting`: the interrupted operation would have made sinks managed.
    """
    releases = tuple(Release(p.uri) for p in reversed(sinks) if p.uri in held)
    if chosen.way is Way.GIVE_BACK:
        untold = [p for p in sinks if adopting and p.uri in held and _is_untold(p, value)]
        kept = (p for p in sinks if (p.record or p in untold) and plan_options.sibling_keys in WRITTEN)
        tags, beside = (Tag(p.uri) for p in untold), (WriteSiblingKeys(p.uri, coming=False) for p in kept)
        return (*tags, *beside, *releases)
    claims = tuple(Claim(p.uri, with_value=False, fill=True) for p in sinks if p.uri not in held)
    # Stored first: if this process dies too, the next one that settles finds the value as pending.
    stores = tuple(Store(p.uri) for p in sinks if p.uri not in held or p.value(Stage.PENDING) != value)
    fresh = (SetAtAuth0(),) if chosen.way is Way.REPLACE else ()
    keep = bool(chosen.base) and not plan_options.kill
    return (
        *claims,
        *stores,
        *fresh,
        *(Promote(p.uri, keep=keep) for p in sinks),
        *(Retire(p.uri, ends=True) for p in sinks if plan_options.ends),
        # The dashboard takes no lock. A fresh value was set from here just now, so it needs no question.
        *((Confirm(),) if chosen.way is not Way.REPLACE else ()),
        *(Release(p.uri) for p in reversed(sinks)),
        *((Hook(plan_options.hook),) if plan_options.hook else ()),
    )


def _was(sinks: list[SinkState], value: Secret, accepted: str, since: int) -> bool:
    """Return whether a value was a fallback, or was current at least `since` changes ago."""
    recent = {each for p in sinks for known in (p.record, p.remembered) if known for each in known.recent[since:]}
    # A rotation whose value came back this way is not the rotation that was asked for.
    return accepted in recent or any(p.value(Stage.FALLBACK) == value for p in sinks)


def _fits(state: SinkState, accepted: str) -> bool:
    return state.record is None or state.record.recent[:1] in ((), (accepted,))


def _fitted(state: SinkState, accepted: str) -> bool:
    """Return whether the tags fitted before the interruption.

    Tags are written before the document, so an interruption may leave them ahead of it.
    """
    return state.remembered is not None and state.remembered.recent[:1] == (accepted,)


def _is_untold(state: SinkState, value: Secret | None) -> bool:
    """Return whether a sink holds the value already, but its tags do not say that it is managed."""
    managed = state.record or state.remembered or state.wiped or state.manager
    return state.exists and not managed and value is not None and state.value(Stage.CURRENT) == value


def _former(sinks: tuple[SinkState, ...], accepted: str) -> str:
    """Return the fingerprint of the value that was current before, which becomes the fallback.

    Returns "" where no value is to become the fallback.
    """
    before = sorted((p.remembered for p in sinks if p.lock and p.remembered), key=lambda known: known.former is None)
    now = sorted((p.record for p in sinks if p.record), key=lambda record: record.promoted_at, reverse=True)
    for known in (*before, *now[:1]):
        if known.recent and known.recent[0] != accepted:
            return known.recent[0]
    # The tags are those of the accepted value. If they are ahead of the document, it still holds the former value.
    # Otherwise the fallback is the one that they name.
    ahead = (
        (value.fingerprint(p.record.client_id), p.record.recent[1:2])
        for p in sinks
        if p.record and (value := p.value(Stage.CURRENT))
    )
    if base := next((current for current, former in ahead if former == (current,)), ""):
        return base
    named = (value.fingerprint(p.record.client_id) for p in sinks if p.record and (value := p.value(Stage.FALLBACK)))
    return next((each for each in named if each != accepted), "")


def _is_sealed(sinks: tuple[SinkState, ...], base: str, accepted: str) -> bool:
    """Return whether a seal that holds says that `base` was current before, or is the accepted value's fallback."""
    known = [each for p in sinks for each in (p.record, p.remembered) if each and each.former is not None]
    return any(r.recent[:1] == (base,) or (r.recent[:1] == (accepted,) and r.former == base) for r in known if base)
