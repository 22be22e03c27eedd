"""Which steps, from what was read. Pure: no I/O, no clock, no secret. `--dry-run` prints what this returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from bridge.model.steps import (
    Announced,
    AwaitRefusal,
    BringBack,
    Claim,
    Confirm,
    Examine,
    Forget,
    GenerateAtAuth0,
    Hook,
    LayOut,
    Promote,
    Prove,
    Release,
    Retire,
    SetAtAuth0,
    Settle,
    Step,
    Tag,
    TakeOver,
    Wait,
)
from sinks.companions import WRITTEN, Companions
from sinks.port import Lock, Place, Stage


class Operation(StrEnum):
    """What can hold a client's places."""

    ROTATE = "rotate"
    ROLLBACK = "rollback"
    COMPROMISED = "compromised"
    SYNC = "sync"
    RETIRE = "retire"
    RETIRE_SOFTLY = "retire-softly"
    BRING_BACK = "bring-back"
    ADOPT = "adopt"
    FORGET = "forget"
    SETTLE = "settle"


CHANGES = frozenset({Operation.ROTATE, Operation.ROLLBACK, Operation.COMPROMISED})
"""The operations that make Auth0 accept the value that is pending."""


class Strategy(StrEnum):
    """Who makes the new value: the bridge, in the vaults before Auth0 learns it, or Auth0."""

    STAGED = "staged"
    AUTH0_GENERATED = "auth0-generated"


RETIREMENTS = frozenset({Operation.RETIRE, Operation.RETIRE_SOFTLY})
LEAKED = frozenset({Operation.COMPROMISED, Operation.SYNC})
SAME_VALUE = frozenset({Operation.SYNC, Operation.SETTLE})
"""What publishes a value that may be older than the operation."""
NOTED = RETIREMENTS | {Operation.BRING_BACK}
"""What leaves a place's record as it is, and a note beside it."""
SOFT = frozenset({Operation.RETIRE_SOFTLY, Operation.BRING_BACK})
"""A soft retirement, and its undoing."""

PUBLISHES = CHANGES | {Operation.SYNC}
"""The operations after which readers have to get another value than they have."""

LATE = "the last operation ended just now; late calls of it must have ended too"
SETTLING = "late calls of whatever was interrupted must have ended, and its change must have spread"
REFRESH = "consumers read the pending value first (consumer_refresh)"
RETIRES = "the retired value cannot be brought back, and rollback is not possible after it"
KILLS = "the value that is current now is made unreadable: it cannot be brought back, and rollback is not possible"


@dataclass(frozen=True)
class Plan:
    """An operation's steps in their order. `notes` are what the user should know before agreeing to them.

    `says` is what the lock says that is settled: anybody may have written it who may write there.
    """

    operation: Operation
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    says: Lock | None = None
    irreversible: str | None = None


@dataclass(frozen=True)
class Wish:
    """What the user and the configuration ask of an operation.

    `over`: it takes places whatever holds them. `ends`: it makes values unreadable at its end, and with `kill` the one
    among them that is current when it begins: that value becomes no fallback, and goes only when Auth0 has refused it
    for long enough. `companions`: what becomes of them. `without_base`: no value becomes the fallback.
    """

    strategy: Strategy = Strategy.STAGED
    refresh: timedelta = timedelta()
    fence: timedelta = timedelta()
    without_fallback: bool = False
    settle: bool = True
    hook: tuple[str, ...] = ()
    keep_limit: bool = False
    ends: bool = False
    kill: bool = False
    companions: str = Companions.NONE
    without_base: bool = False
    over: bool = False


def fence(places: tuple[Place, ...], wish: Wish) -> tuple[Wait, ...]:
    """Return the wait since the last change of a lock key that outlasts every late call of its holder; usually none.

    It counts by the vault's own time, whatever stands there. Never longer than the fence: it was read after that.
    """
    waits = [wish.fence - (p.at - p.released) for p in places if p.released]
    longest = min(max(waits, default=timedelta()), wish.fence)
    if longest <= timedelta():
        return ()
    return (Wait(longest, LATE),)


def plan_change(operation: Operation, places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that give Auth0 a new value, or an old one again, from places that nobody holds, sorted by URI.

    A value that Auth0 or readers had before waits for no consumers, and neither does the answer to a leak.
    """
    staged, urgent = wish.strategy is Strategy.STAGED, operation is Operation.COMPROMISED
    claims = tuple(
        Claim(p.uri, with_value=staged, fill=not p.exists and not wish.without_fallback, over=wish.over) for p in places
    )
    adoptions = tuple(Tag(p.uri, wish.keep_limit) for p in places if p.exists and p.record is None)
    change: Step = SetAtAuth0() if staged else GenerateAtAuth0()
    before: tuple[Step, ...] = () if urgent else (*fence(places, wish), *adoptions)
    readers = staged and operation is Operation.ROTATE
    return Plan(
        operation,
        (
            *claims,
            *before,
            *(announce(places, wish, wish.refresh) if readers else ()),
            change,
            *publish(places, wish),
        ),
        notes=_notes(operation, places, wish),
        irreversible=KILLS if wish.kill else None,
    )


def announce(places: tuple[Place, ...], wish: Wish, refresh: timedelta) -> tuple[Step, ...]:
    """Return what lets readers know a value before Auth0 does: those of the latest document, and those with a cache."""
    waits = (Wait(refresh, REFRESH),) if refresh > timedelta() else ()
    told = places if wish.companions == Companions.KEEP else ()
    return (*(LayOut(p.uri) for p in told), *waits, *((Announced(refresh),) if told and waits else ()))


def publish(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return what follows Auth0's yes."""
    return (*_make_current(places, wish), *_give_back(places, wish))


def _make_current(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Promote everywhere, then end what ends; the proof for that takes as long as a hook does, or longer."""
    proof: tuple[Step, ...] = (*_hook(wish), AwaitRefusal()) if wish.kill else ()
    keep = not (wish.kill or wish.without_base)
    return (
        *(Promote(p.uri, keep=keep and (p.exists or not wish.without_fallback)) for p in places),
        *proof,
        *(Retire(p.uri, ends=True) for p in places if wish.ends),
    )


def _give_back(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    return (
        *(Release(p.uri) for p in reversed(places)),
        *(() if wish.kill else _hook(wish)),
        *((Settle(),) if wish.settle and not wish.kill else ()),
    )


def _hook(wish: Wish) -> tuple[Hook, ...]:
    return (Hook(wish.hook),) if wish.hook else ()


def _notes(operation: Operation, places: tuple[Place, ...], wish: Wish) -> tuple[str, ...]:
    open_fallbacks = [f"{p.uri} {v.id}" for p in places if (v := p.history.at(Stage.FALLBACK))]
    ends = "the open fallback ends with this rotation (Auth0 has refused it since the last one): "
    aside = [f"{p.uri} {', '.join(p.aside.versions)}" for p in places if p.aside]
    softly = "what was retired softly ends with this rotation: "
    ending = operation is not Operation.ROLLBACK and wish.ends
    told = ((ends, open_fallbacks), (softly, aside))
    return tuple(text + ", ".join(found) for text, found in told if found and ending)


def plan_sync(places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that publish the value that Auth0 holds already."""
    claims = tuple(Claim(p.uri, fill=not p.exists) for p in places)
    steps = (*claims, *fence(places, wish), *publish_found(places, wish))
    return Plan(Operation.SYNC, steps, irreversible=KILLS if wish.kill else None)


def publish_found(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return what a sync does once it holds its places: it asks Auth0 under the lock, publishes, and asks again."""
    return (Confirm(), *_make_current(places, wish), Confirm(), *_give_back(places, replace(wish, settle=False)))


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
