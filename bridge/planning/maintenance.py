"""The steps of everything that gives Auth0 no new value: sync, settle, adopt, forget, retire and its undoing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.model.operation import Operation
from bridge.model.plan import Plan, Wish
from bridge.model.steps import (
    BringBack,
    Claim,
    Confirm,
    Examine,
    Forget,
    LayOut,
    Promote,
    Prove,
    Release,
    Retire,
    Step,
    Tag,
    TakeOver,
    Wait,
)
from bridge.planning.change import KILLS, fence, give_back, make_current
from sinks.companions import WRITTEN
from sinks.port import Lock, Place

SETTLING = "late calls of whatever was interrupted must have ended, and its change must have spread"
RETIRES = "the retired value cannot be brought back, and rollback is not possible after it"


def plan_sync(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that publish the value that Auth0 holds already."""
    claims = tuple(Claim(p.uri, fill=not p.exists) for p in places)
    steps = (*claims, *fence(places, wish), *publish_found(places, wish))
    return Plan(Operation.SYNC, steps, irreversible=KILLS if wish.kill else None)


def publish_found(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return what a sync does once it holds its places: it asks Auth0 under the lock, publishes, and asks again."""
    return (Confirm(), *make_current(places, wish), Confirm(), *give_back(places, replace(wish, settle=False)))


def plan_settling(places: tuple[Place, ...], wait: timedelta, says: Lock | None) -> Plan:
    """Return the steps that take what was interrupted, and find out what to do (`bridge.planning.settle`).

    Locks are taken over with their values; places that nobody holds are locked, unless they are empty.
    """
    taken: tuple[Step, ...] = tuple(
        TakeOver(p.uri) if p.lock else Claim(p.uri, with_value=False, over=bool(p.foreign))
        for p in places
        if p.lock or p.foreign or p.exists
    )
    return Plan(Operation.SETTLE, (*taken, Wait(wait, SETTLING), Examine()), says=says)


def plan_adoption(places: tuple[Place, ...], wish: Wish, *, captured: frozenset[str]) -> Plan:
    """Return the steps that make places the bridge's; `captured` are those that get the live value."""
    claims = tuple(Claim(p.uri, with_value=p.uri in captured, fill=not p.exists) for p in places)
    writes = tuple(Promote(p.uri, keep=False) for p in places if p.exists and p.uri in captured)
    tags = tuple(Tag(p.uri, wish.keep_limit) for p in places)
    beside = tuple(LayOut(p.uri, coming=False) for p in places if wish.companions in WRITTEN)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.ADOPT, (*claims, *fence(places, wish), *writes, *tags, *beside, *releases))


def plan_forgetting(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that leave places to their users again; values and versions stay."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    forgets = tuple(Forget(p.uri) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.FORGET, (*claims, *fence(places, wish), *forgets, *releases))


def plan_retirement(places: tuple[Place, ...], wish: Wish, *, softly: bool = False) -> Plan:
    """Return the steps that end the fallback everywhere; `retirement_conditions` says when they may run."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    ends = tuple(Retire(p.uri, softly=softly) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(
        Operation.RETIRE_SOFTLY if softly else Operation.RETIRE,
        (*claims, *fence(places, wish), Prove(), *ends, *releases),
        irreversible=None if softly else RETIRES,
    )


def plan_bringing_back(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that undo a soft retirement."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.BRING_BACK, (*claims, *fence(places, wish), *bring_back(places, wish.companions), *releases))


def bring_back(places: tuple[Place, ...], companions: str) -> tuple[Step, ...]:
    """Return what does that at places which are held; companions tell of the fallback as well."""
    beside = tuple(LayOut(p.uri, coming=False) for p in places if companions in WRITTEN)
    return (*(BringBack(p.uri) for p in places), *beside)
