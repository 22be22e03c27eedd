"""Which steps finish an interrupted operation, from wherever it stopped. Pure, as `bridge.plan` is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bridge.plan import (
    CHANGES,
    LATE,
    RETIREMENTS,
    Operation,
    Plan,
    Wish,
    announce,
    bring_back,
    fence,
    plan_abort,
    publish,
    publish_found,
)
from bridge.steps import (
    Claim,
    Fill,
    Forget,
    LayOut,
    Promote,
    Prove,
    Recover,
    Release,
    Retire,
    SetAtAuth0,
    Step,
    Store,
    Tag,
    TakeOver,
    Wait,
)
from sinks.companions import WRITTEN, Companions
from sinks.port import Lock, Place, Stage


def plan_resumption(places: tuple[Place, ...], lock: Lock, wish: Wish, *, now: datetime) -> Plan:
    """Return the steps that finish the operation of `lock`, from wherever it stopped.

    A place that is not held was not reached yet, or is done with: its value tells.
    """
    held = tuple(p for p in places if p.lock and p.lock.id == lock.id)
    operation = Operation(lock.operation)
    kill = bool(lock.base) and lock.base in lock.ends
    wish = replace(wish, ends=bool(lock.ends), kill=kill, companions=lock.companions)
    taken = tuple(TakeOver(p.uri) for p in held)
    steps: tuple[Step, ...]
    if operation in CHANGES:
        steps = _finish_change(places, held, lock, wish, now)
    elif operation is Operation.ABORT:
        steps = plan_abort(held, wish)
    elif operation is Operation.SYNC:
        steps = _finish_sync(places, held, lock, wish, now)
    else:
        steps = _finish(operation, places, held, lock, wish, now)
    return Plan(operation, (*taken, *steps), finishes=lock)


def _fence(missed: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime) -> tuple[Wait, ...]:
    """Return the wait for late calls of whoever held a place before: the interrupted one may have died in that wait."""
    own = min(lock.fenced - now, wish.fence) if lock.fenced else timedelta()
    longest = max(own, *(step.time for step in fence(missed, wish)), timedelta())
    return (Wait(longest, LATE),) if longest > timedelta() else ()


def _finish(
    operation: Operation, places: tuple[Place, ...], held: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime
) -> tuple[Step, ...]:
    """Return what finishes an operation that changes no value: everywhere, or nowhere if it was not begun."""
    adopting = operation is Operation.ADOPT
    missed = tuple(p for p in places if p not in held and _is_left(operation, p, lock))
    claims = tuple(
        Claim(p.uri, with_value=adopting and p.exists and not _holds_base(p, lock), fill=adopting and not p.exists)
        for p in missed
    )
    touched = tuple(p for p in places if p in held or p in missed)
    captured = tuple(
        Promote(p.uri, keep=False)
        for p in touched
        if p.value(Stage.PENDING) or (p in missed and adopting and p.exists and not _holds_base(p, lock))
    )
    releases = tuple(Release(p.uri) for p in reversed(touched))
    proof = (Prove(),) if operation in RETIREMENTS else ()
    ends = _ends(operation, touched, lock)
    fills = _fills(held, lock) if adopting else ()
    beside = tuple(LayOut(p.uri, coming=False) for p in touched if adopting and wish.companions in WRITTEN)
    return (*claims, *_fence(missed, lock, wish, now), *proof, *fills, *captured, *ends, *beside, *releases)


def _ends(operation: Operation, touched: tuple[Place, ...], lock: Lock) -> tuple[Step, ...]:
    """Return what such an operation is about."""
    match operation:
        case Operation.RETIRE | Operation.RETIRE_SOFTLY:
            return tuple(Retire(p.uri, softly=operation is Operation.RETIRE_SOFTLY) for p in touched)
        case Operation.BRING_BACK:
            return bring_back(touched, lock.companions)
        case Operation.FORGET:
            return tuple(Forget(p.uri) for p in touched)
        case Operation.ADOPT:
            return tuple(Tag(p.uri) for p in touched)
        case _:
            return ()


def _is_left(operation: Operation, place: Place, lock: Lock) -> bool:
    """Tell whether an interrupted operation still has to be done at a place that it does not hold."""
    open_fallback = place.history.at(Stage.FALLBACK) is not None
    if operation is Operation.RETIRE:
        return open_fallback or place.aside is not None
    if operation is Operation.RETIRE_SOFTLY:
        return open_fallback
    if operation is Operation.BRING_BACK:
        return place.aside is not None
    if operation is Operation.FORGET:
        return place.record is not None
    if operation is Operation.ADOPT:
        return place.record is None or place.record.rotation != lock.id
    return False


def _holds_base(place: Place, lock: Lock) -> bool:
    value = place.value(Stage.CURRENT)
    return value is not None and value.fingerprint(lock.client_id) == lock.base


def _fills(held: tuple[Place, ...], lock: Lock) -> tuple[Fill, ...]:
    """Return the places that were empty and were taken, but did not get the live value any more."""
    empty = (p for p in held if all(v.stage is Stage.PENDING for v in p.history.versions))
    return tuple(Fill(p.uri) for p in empty) if lock.base else ()


def _finish_sync(
    places: tuple[Place, ...], held: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime
) -> tuple[Step, ...]:
    wish = replace(wish, without_base=not lock.base)
    missed = tuple(p for p in places if p not in held and (p.record is None or p.record.rotation != lock.id))
    stores = tuple(Store(p.uri) for p in held if not p.value(Stage.PENDING))
    claims = tuple(Claim(p.uri, fill=not p.exists) for p in missed)
    touched = tuple(p for p in places if p in held or p in missed)
    return (*stores, *claims, *_fence(missed, lock, wish, now), *publish_found(touched, wish))


def _unread(places: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime) -> timedelta:
    """Return how long readers still need to know the pending value; no time where the operation waited for none."""
    if lock.not_before is None:
        return timedelta()
    if wish.companions != Companions.KEEP:
        return lock.not_before - now
    began = max(lock.fenced or lock.started, lock.started)
    refresh = max(wish.refresh, lock.not_before - began)
    return max((p.announced or now) + refresh for p in places) - now


def _finish_change(
    places: tuple[Place, ...], held: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime
) -> tuple[Step, ...]:
    """Return what finishes a change of Auth0's value: with the pending value, or for want of one with the live one."""
    pending = next((value for p in held if (value := p.value(Stage.PENDING))), None)
    # What is to be restored was current all along: that it is says nothing about Auth0.
    restoring = lock.operation == Operation.RESTORE
    done = {p.uri for p in places if pending and p.value(Stage.CURRENT) == pending and not restoring}
    missed = tuple(p for p in places if p not in held and p.uri not in done)
    filling = not wish.kill  # a leaked value is not spread any further
    claims = tuple(Claim(p.uri, with_value=pending is not None, fill=filling and not p.exists) for p in missed)
    fills = _fills(held, lock) if filling else ()
    fenced = _fence(missed, lock, wish, now)
    remaining = tuple(p for p in places if p in held or p in missed)
    adoptions = tuple(Tag(p.uri, wish.keep_limit) for p in remaining if p.exists and p.record is None)
    if pending is None:
        spread = (Wait(wish.fence, "a call of the interrupted operation may still arrive"),)
        start: tuple[Step, ...] = (*claims, *spread, *fills, *adoptions, Recover())
    else:
        stores = tuple(Store(p.uri) for p in held if not p.value(Stage.PENDING))
        rotating = lock.operation == Operation.ROTATE and not done
        told = announce(remaining, wish, _unread(remaining, lock, wish, now)) if rotating else ()
        # Set again where it is published already, too: a late request may have brought back an earlier one since.
        start = (*stores, *claims, *fenced, *fills, *adoptions, *told, SetAtAuth0())
    return (*start, *publish(remaining, wish))
