"""The plans that give Auth0 no new value: sync, settle, adopt, forget, retire and undoing a retirement.

They take the same lock as a rotation. A retirement between another operation's tag and write would destroy the live
value, and a sync without the lock would publish a value from before another operation's PATCH.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.model.operation import Operation
from bridge.model.plan import Plan, PlanOptions
from bridge.model.steps import (
    BringBack,
    Claim,
    Confirm,
    Examine,
    Forget,
    Promote,
    Prove,
    Release,
    Retire,
    Step,
    Tag,
    TakeOver,
    Wait,
    WriteSiblingKeys,
)
from bridge.planning.change import KILLS, fence, give_back, make_current
from sinks.port import Lock, SinkState
from sinks.sibling_keys import WRITTEN

SETTLING = "late calls of whatever was interrupted must have ended, and its change must have spread"
RETIRES = "the retired value cannot be brought back, and rollback is not possible after it"


def plan_sync(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> Plan:
    """Return the plan that publishes the value which Auth0 holds already.

    With `plan_options.kill` every other value that was read ends after the proof.
    """
    # Claimed with the live value: readers that try the candidates have it from here on (ADR 23).
    claims = tuple(Claim(p.uri, fill=not p.exists) for p in sinks)
    steps = (*claims, *fence(sinks, plan_options), *publish_found(sinks, plan_options))
    creates = tuple(p.uri for p in sinks if not p.exists)
    return Plan(Operation.SYNC, steps, irreversible=KILLS if plan_options.kill else None, creates=creates)


def publish_found(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[Step, ...]:
    """Return the steps of a sync that holds its sinks already.

    It asks Auth0 before and after publishing, because Auth0's dashboard takes no lock. It does not settle, because
    Auth0 is not changed.
    """
    return (
        Confirm(),
        *make_current(sinks, plan_options),
        Confirm(),
        *give_back(sinks, replace(plan_options, settle=False)),
    )


def plan_settling(sinks: tuple[SinkState, ...], wait: timedelta, says: Lock | None) -> Plan:
    """Return the plan that takes what was interrupted, and finds out what to do with it.

    Locks are taken over together with their values. Sinks without a lock are locked, unless they are empty. `wait`
    has to cover late calls of the interrupted operation and the spreading of its change. The steps after `Examine`
    follow during the execution (`bridge.planning.settle`).
    """
    taken: tuple[Step, ...] = tuple(
        # A value under a lock may be live already, so it is kept as a candidate.
        TakeOver(p.uri) if p.lock else Claim(p.uri, with_value=False, over=bool(p.foreign))
        for p in sinks
        if p.lock or p.foreign or p.exists
    )
    return Plan(Operation.SETTLE, (*taken, Wait(wait, SETTLING), Examine()), says=says)


def plan_adoption(sinks: tuple[SinkState, ...], plan_options: PlanOptions, *, captured: frozenset[str]) -> Plan:
    """Return the plan that makes sinks managed. The sinks in `captured` get the live value.

    Auth0 is not changed, so nothing has to spread and no hook runs.
    """
    claims = tuple(Claim(p.uri, with_value=p.uri in captured, fill=not p.exists) for p in sinks)
    # Without a fallback, because Auth0 refuses what is replaced here.
    writes = tuple(Promote(p.uri, keep=False) for p in sinks if p.exists and p.uri in captured)
    # After the values, so that no record describes a value that is not there yet.
    tags = tuple(Tag(p.uri, plan_options.keep_limit) for p in sinks)
    beside = tuple(WriteSiblingKeys(p.uri, coming=False) for p in sinks if plan_options.sibling_keys in WRITTEN)
    releases = tuple(Release(p.uri) for p in reversed(sinks))
    return Plan(Operation.ADOPT, (*claims, *fence(sinks, plan_options), *writes, *tags, *beside, *releases))


def plan_forgetting(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> Plan:
    """Return the plan that gives sinks back to their users. Values and versions stay.

    Sibling keys stay as well: from now on the document is its user's.
    """
    claims = tuple(Claim(p.uri, with_value=False) for p in sinks)
    forgets = tuple(Forget(p.uri) for p in sinks)
    releases = tuple(Release(p.uri) for p in reversed(sinks))
    return Plan(Operation.FORGET, (*claims, *fence(sinks, plan_options), *forgets, *releases))


def plan_retirement(sinks: tuple[SinkState, ...], plan_options: PlanOptions, *, softly: bool = False) -> Plan:
    """Return the plan that ends the fallback everywhere.

    `bridge.operations.retirement_conditions` decides whether it may be executed. With `softly` the retirement can be
    undone.
    """
    claims = tuple(Claim(p.uri, with_value=False) for p in sinks)
    ends = tuple(Retire(p.uri, softly=softly) for p in sinks)
    releases = tuple(Release(p.uri) for p in reversed(sinks))
    return Plan(
        Operation.RETIRE_SOFTLY if softly else Operation.RETIRE,
        # Probed again under the lock, because the world may have changed since the check before it.
        (*claims, *fence(sinks, plan_options), Prove(), *ends, *releases),
        irreversible=None if softly else RETIRES,
    )


def plan_bringing_back(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> Plan:
    """Return the plan that undoes a soft retirement.

    Auth0 is not asked. It refused the value before the retirement, and only a rollback makes it accept that value.
    """
    claims = tuple(Claim(p.uri, with_value=False) for p in sinks)
    releases = tuple(Release(p.uri) for p in reversed(sinks))
    return Plan(
        Operation.BRING_BACK,
        (*claims, *fence(sinks, plan_options), *bring_back(sinks, plan_options.sibling_keys), *releases),
    )


def bring_back(sinks: tuple[SinkState, ...], sibling_keys: str) -> tuple[Step, ...]:
    """Return the steps that undo a soft retirement in sinks that are held already.

    Sibling keys are written as well, because one of them holds the fallback's value.
    """
    beside = tuple(WriteSiblingKeys(p.uri, coming=False) for p in sinks if sibling_keys in WRITTEN)
    return (*(BringBack(p.uri) for p in sinks), *beside)
