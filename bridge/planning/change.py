"""The steps of a change: Auth0 gets a value, and the places publish it.

`--dry-run` prints what `plan_change` returns.
"""

from __future__ import annotations

from datetime import timedelta

from bridge.model.operation import Operation, Strategy
from bridge.model.plan import Plan, Wish
from bridge.model.steps import (
    Announced,
    AwaitRefusal,
    Claim,
    GenerateAtAuth0,
    Hook,
    LayOut,
    Promote,
    Release,
    Retire,
    SetAtAuth0,
    Settle,
    Step,
    Tag,
    Wait,
)
from sinks.companions import Companions
from sinks.port import Place, Stage

LATE = "the last operation ended just now; late calls of it must have ended too"
REFRESH = "consumers read the pending value first (consumer_refresh)"
KILLS = "the value that is current now is made unreadable: it cannot be brought back, and rollback is not possible"


def fence(places: tuple[Place, ...], wish: Wish) -> tuple[Wait, ...]:
    """Return the wait that outlasts every late call of an earlier lock holder. Usually there is none.

    The wait counts from the last change of a lock key by the vault's own time, whatever the key holds now. It is never
    longer than the fence, because the places were read after that change.
    """
    waits = [wish.fence - (p.at - p.released) for p in places if p.released]
    longest = min(max(waits, default=timedelta()), wish.fence)
    if longest <= timedelta():
        return ()
    return (Wait(longest, LATE),)


def plan_change(operation: Operation, places: tuple[Place, ...], wish: Wish) -> Plan:
    """Return the steps that give Auth0 a new value, or an old one again.

    Nobody holds the `places`, and they are sorted by URI, which is the order of the claims. Only a staged rotation
    waits for consumers. A rollback needs no such wait, because Auth0 or readers had its value before. The answer to a
    leak waits for nothing.
    """
    staged, urgent = wish.strategy is Strategy.STAGED, operation is Operation.COMPROMISED
    # All are claimed before Auth0 is touched: two operations that each held some places would otherwise both PATCH.
    claims = tuple(
        Claim(p.uri, with_value=staged, fill=not p.exists and not wish.without_fallback, over=wish.over) for p in places
    )
    adoptions = tuple(Tag(p.uri, wish.keep_limit) for p in places if p.exists and p.record is None)
    change: Step = SetAtAuth0() if staged else GenerateAtAuth0()
    # No fence after a leak: a process that keeps writing to the lock key must not keep a leaked value alive.
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
    """Return the steps that let readers know a value before Auth0 accepts it.

    Readers of the latest document find it there as a companion. Readers with a cache get the time `refresh` to read it.
    """
    waits = (Wait(refresh, REFRESH),) if refresh > timedelta() else ()
    told = places if wish.companions == Companions.KEEP else ()
    return (*(LayOut(p.uri) for p in told), *waits, *((Announced(refresh),) if told and waits else ()))


def publish(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return the steps that follow once Auth0 has accepted the value."""
    return (*make_current(places, wish), *give_back(places, wish))


def make_current(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return the steps that promote the value everywhere, and then end what ends.

    With `wish.kill` the hook and the proof run in between. The hook comes first, because the proof takes as long as a
    hook does, or longer.
    """
    proof: tuple[Step, ...] = (*_hook(wish), AwaitRefusal()) if wish.kill else ()
    keep = not (wish.kill or wish.without_base)
    return (
        *(Promote(p.uri, keep=keep and (p.exists or not wish.without_fallback)) for p in places),
        *proof,
        *(Retire(p.uri, ends=True) for p in places if wish.ends),
    )


def give_back(places: tuple[Place, ...], wish: Wish) -> tuple[Step, ...]:
    """Return the steps that release the places in reverse order, run the hook, and wait for Auth0.

    With `wish.kill` the hook and the proof have run before (`make_current`).
    """
    return (
        *(Release(p.uri) for p in reversed(places)),
        # The hook runs before settling, so readers that it restarts are back about 30 s sooner (ADR 9).
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
