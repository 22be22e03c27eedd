"""Which steps, from what was read. Pure: no I/O, no clock, no secret. `--dry-run` prints what this returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bridge.steps import (
    Claim,
    Fill,
    Forget,
    GenerateAtAuth0,
    Hook,
    Promote,
    Prove,
    Recover,
    Release,
    Retire,
    SetAtAuth0,
    Settle,
    Step,
    Store,
    Tag,
    TakeOver,
    Wait,
)
from sinks.port import Lock, Place, Stage


class Operation(StrEnum):
    """What can hold a client's places."""

    ROTATE = "rotate"
    RETIRE = "retire"
    ADOPT = "adopt"
    FORGET = "forget"
    REPAIR = "repair"


class Strategy(StrEnum):
    """Who makes the new value: the bridge, in the vaults before Auth0 learns it, or Auth0."""

    STAGED = "staged"
    AUTH0_GENERATED = "auth0-generated"


@dataclass(frozen=True)
class Plan:
    """An operation's steps in their order. `notes` are what the user should know before agreeing to them."""

    operation: Operation
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    finishes: Lock | None = None
    irreversible: str | None = None


@dataclass(frozen=True)
class Wish:
    """What the user and the configuration ask of an operation."""

    strategy: Strategy = Strategy.STAGED
    refresh: timedelta = timedelta()
    fence: timedelta = timedelta()
    without_fallback: bool = False
    settle: bool = True
    hook: tuple[str, ...] = ()
    skip_waits: bool = False
    keep_limit: bool = False


def fence(places: tuple[Place, ...], wish: Wish) -> tuple[Wait, ...]:
    """Return the wait since the last release that outlasts every late call of its holder; usually none.

    Never longer than the fence, whatever a server's clock did meanwhile: it was released before it was read.
    """
    waits = [wish.fence - (p.at - p.released) for p in places if p.released]
    longest = min(max(waits, default=timedelta()), wish.fence)
    if longest <= timedelta():
        return ()
    return (Wait(longest, "the last operation ended just now; late calls of it must have ended too"),)


def plan_rotation(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps of a new rotation of places that nobody holds, sorted by URI."""
    staged = wish.strategy is Strategy.STAGED
    claims = tuple(Claim(p.uri, with_value=staged, fill=not p.exists and not wish.without_fallback) for p in places)
    adoptions = tuple(Tag(p.uri, wish.keep_limit) for p in places if p.exists and p.record is None)
    refresh = (Wait(wish.refresh, "consumers read the pending value first (consumer_refresh)"),) if wish.refresh else ()
    return Plan(
        Operation.ROTATE,
        (
            *claims,
            *fence(places, wish),
            *adoptions,
            *(refresh if staged and not wish.skip_waits else ()),
            SetAtAuth0() if staged else GenerateAtAuth0(),
            *_publish(places, wish),
        ),
        notes=_notes(places),
    )


def _publish(places: tuple[Place, ...], wish: Wish, *, older: bool | None = None) -> tuple[Step, ...]:
    """Return what follows Auth0's yes: promote all, end the older fallback, release in reverse, settle."""
    ended = older if older is not None else any(p.history.at(Stage.FALLBACK) for p in places)
    return (
        *(Promote(p.uri, keep=p.exists or not wish.without_fallback) for p in places),
        *(Retire(p.uri, older=True) for p in places if ended),
        *(Release(p.uri) for p in reversed(places)),
        *((Hook(wish.hook),) if wish.hook else ()),
        *((Settle(),) if wish.settle else ()),
    )


def _notes(places: tuple[Place, ...]) -> tuple[str, ...]:
    open_fallbacks = [f"{p.uri} {v.id}" for p in places if (v := p.history.at(Stage.FALLBACK))]
    ends = "the open fallback ends with this rotation (Auth0 has refused it since the last one): "
    return (ends + ", ".join(open_fallbacks),) if open_fallbacks else ()


def plan_adoption(places: tuple[Place, ...], wish: Wish, *, captured: frozenset[str]) -> Plan:
    """Return the steps that make places the bridge's; `captured` are those that get the live value."""
    claims = tuple(Claim(p.uri, with_value=p.uri in captured, fill=not p.exists) for p in places)
    writes = tuple(Promote(p.uri, keep=False) for p in places if p.exists and p.uri in captured)
    tags = tuple(Tag(p.uri, wish.keep_limit) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.ADOPT, (*claims, *fence(places, wish), *writes, *tags, *releases))


def plan_forgetting(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that leave places to their users again; values and versions stay."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    forgets = tuple(Forget(p.uri) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.FORGET, (*claims, *fence(places, wish), *forgets, *releases))


def plan_repair(places: tuple[Place, ...]) -> Plan:
    """Return the steps that clean up what an interrupted release left: taking the places and giving them back.

    Every call in them is a compare-and-set, so they wait for no fence.
    """
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.REPAIR, (*claims, *releases))


def plan_retirement(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that end the fallback everywhere; its conditions are in `bridge.retire`."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    ends = tuple(Retire(p.uri) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(
        Operation.RETIRE,
        (*claims, *fence(places, wish), Prove(), *ends, *releases),
        irreversible="the retired value cannot be brought back, and rollback is not possible after it",
    )


def plan_resumption(places: tuple[Place, ...], lock: Lock, wish: Wish, *, now: datetime) -> Plan:
    """Return the steps that finish the operation of `lock`, from wherever it stopped.

    A place that is not held was not reached yet, or is done with: its value tells.
    """
    held = tuple(p for p in places if p.lock and p.lock.id == lock.id)
    operation = Operation(lock.operation)
    taken = tuple(TakeOver(p.uri) for p in held)
    steps: tuple[Step, ...] = (
        _finish_rotation(places, held, lock, wish, now)
        if operation is Operation.ROTATE
        else _finish(operation, places, held, lock, wish)
    )
    return Plan(operation, (*taken, *steps), finishes=lock)


def _finish(
    operation: Operation, places: tuple[Place, ...], held: tuple[Place, ...], lock: Lock, wish: Wish
) -> tuple[Step, ...]:
    """Return what finishes any other operation than a rotation: everywhere, or nowhere if it was not begun."""
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
    end: dict[Operation, type[Retire | Forget | Tag]] = {
        Operation.RETIRE: Retire,
        Operation.FORGET: Forget,
        Operation.ADOPT: Tag,
    }
    ending = end.get(operation)
    ends = tuple(ending(p.uri) for p in touched) if ending else ()
    releases = tuple(Release(p.uri) for p in reversed(touched))
    proof = (Prove(),) if operation is Operation.RETIRE else ()
    fills = _fills(held, lock) if adopting else ()
    return (*claims, *fence(missed, wish), *proof, *fills, *captured, *ends, *releases)


def _is_left(operation: Operation, place: Place, lock: Lock) -> bool:
    """Tell whether an interrupted operation still has to be done at a place that it does not hold."""
    if operation is Operation.RETIRE:
        return place.history.at(Stage.FALLBACK) is not None
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


def _finish_rotation(
    places: tuple[Place, ...], held: tuple[Place, ...], lock: Lock, wish: Wish, now: datetime
) -> tuple[Step, ...]:
    pending = next((value for p in held if (value := p.value(Stage.PENDING))), None)
    done = {p.uri for p in places if pending and p.value(Stage.CURRENT) == pending}
    missed = tuple(p for p in places if p not in held and p.uri not in done)
    claims = tuple(Claim(p.uri, with_value=pending is not None, fill=not p.exists) for p in missed)
    left = lock.not_before - now if lock.not_before and not wish.skip_waits else timedelta()
    waits = (
        *fence(missed, wish),
        *((Wait(left, "consumers read the pending value first (consumer_refresh)"),) if left > timedelta() else ()),
    )
    if pending is None:
        spread = (Wait(wish.fence, "a call of the interrupted operation may still arrive"),)
        start: tuple[Step, ...] = (*claims, *spread, *_fills(held, lock), Recover())
    else:
        stores = tuple(Store(p.uri) for p in held if not p.value(Stage.PENDING))
        start = (*stores, *claims, *waits, *_fills(held, lock), *(() if done else (SetAtAuth0(),)))
    remaining = tuple(p for p in places if p in held or p in missed)
    return (*start, *_publish(remaining, wish, older=bool(lock.older)))
