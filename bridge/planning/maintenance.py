"""The plans that give Auth0 no new value: sync, settle, adopt, forget, retire and undoing a retirement."""

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
    """Return the plan that publishes the value which Auth0 holds already."""
    # Claimed with the live value: readers that try the candidates have it from here on (ADR 23).
    claims = tuple(Claim(p.uri, fill=not p.exists) for p in places)
    steps = (*claims, *fence(places, wish), *publish_found(places, wish))
    return Plan(Operation.SYNC, steps, irreversible=KILLS if wish.kill else None)


def publish_found(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return the steps of a sync that holds its places already.

    It asks Auth0 before and after publishing, because Auth0's dashboard takes no lock. It does not settle, because
    Auth0 is not changed.
    """
    return (Confirm(), *make_current(places, wish), Confirm(), *give_back(places, replace(wish, settle=False)))


def plan_settling(places: tuple[Place, ...], wait: timedelta, says: Lock | None) -> Plan:
    """Return the plan that takes what was interrupted, and finds out what to do with it.

    Locks are taken over together with their values. Places that nobody holds are locked, unless they are empty. `wait`
    has to cover late calls of the interrupted operation and the spreading of its change. The steps after `Examine`
    follow during the execution (`bridge.planning.settle`).
    """
    taken: tuple[Step, ...] = tuple(
        TakeOver(p.uri) if p.lock else Claim(p.uri, with_value=False, over=bool(p.foreign))
        for p in places
        if p.lock or p.foreign or p.exists
    )
    return Plan(Operation.SETTLE, (*taken, Wait(wait, SETTLING), Examine()), says=says)


def plan_adoption(places: tuple[Place, ...], wish: Wish, *, captured: frozenset[str]) -> Plan:
    """Return the plan that makes places managed. The places in `captured` get the live value."""
    claims = tuple(Claim(p.uri, with_value=p.uri in captured, fill=not p.exists) for p in places)
    writes = tuple(Promote(p.uri, keep=False) for p in places if p.exists and p.uri in captured)
    tags = tuple(Tag(p.uri, wish.keep_limit) for p in places)
    beside = tuple(LayOut(p.uri, coming=False) for p in places if wish.companions in WRITTEN)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.ADOPT, (*claims, *fence(places, wish), *writes, *tags, *beside, *releases))


def plan_forgetting(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the plan that gives places back to their users. Values and versions stay."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    forgets = tuple(Forget(p.uri) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.FORGET, (*claims, *fence(places, wish), *forgets, *releases))


def plan_retirement(places: tuple[Place, ...], wish: Wish, *, softly: bool = False) -> Plan:
    """Return the plan that ends the fallback everywhere.

    `bridge.operations.retirement_conditions` decides whether it may be executed. With `softly` the retirement can be
    undone.
    """
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    ends = tuple(Retire(p.uri, softly=softly) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(
        Operation.RETIRE_SOFTLY if softly else Operation.RETIRE,
        # Probed again under the lock, because the world may have changed since the check before it.
        (*claims, *fence(places, wish), Prove(), *ends, *releases),
        irreversible=None if softly else RETIRES,
    )


def plan_bringing_back(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the plan that undoes a soft retirement."""
    claims = tuple(Claim(p.uri, with_value=False) for p in places)
    releases = tuple(Release(p.uri) for p in reversed(places))
    return Plan(Operation.BRING_BACK, (*claims, *fence(places, wish), *bring_back(places, wish.companions), *releases))


def bring_back(places: tuple[Place, ...], companions: str) -> tuple[Step, ...]:
    """Return the steps that undo a soft retirement in places that are held already.

    Companions are written as well, because one of them holds the fallback's value.
    """
    beside = tuple(LayOut(p.uri, coming=False) for p in places if companions in WRITTEN)
    return (*(BringBack(p.uri) for p in places), *beside)
