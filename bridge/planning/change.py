"""The steps of a change: Auth0 gets a value, and the sinks publish it.

`--dry-run` prints what `plan_change` returns.
"""

from __future__ import annotations

from datetime import timedelta

from bridge.model.operation import Operation, Strategy
from bridge.model.plan import Plan, PlanOptions
from bridge.model.steps import (
    Announced,
    AwaitPropagation,
    AwaitRefusal,
    Claim,
    GenerateAtAuth0,
    Hook,
    Promote,
    Release,
    Retire,
    SetAtAuth0,
    Step,
    Tag,
    Wait,
    WriteSiblingKeys,
)
from sinks.port import SinkState, Stage
from sinks.sibling_keys import SiblingKeys

LATE = "the last operation ended just now; late calls of it must have ended too"
REFRESH = "consumers read the pending value first (consumer_refresh)"
KILLS = "the value that is current now is made unreadable: it cannot be brought back, and rollback is not possible"


def fence(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[Wait, ...]:
    """Return the wait that outlasts every late call of an earlier lock holder. Usually there is none.

    The wait counts from the last change of a lock key by the vault's own time, whatever the key holds now. It is never
    longer than the fence, because the sinks were read after that change.
    """
    waits = [plan_options.fence - (p.at - p.released) for p in sinks if p.released]
    longest = min(max(waits, default=timedelta()), plan_options.fence)
    if longest <= timedelta():
        return ()
    return (Wait(longest, LATE),)


def plan_change(operation: Operation, sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> Plan:
    """Return the steps that give Auth0 a new value, or an old one again.

    No operation holds the `sinks`, and they are sorted by URI, which is the order of the claims. Only a staged rotation
    waits for consumers. A rollback needs no such wait, because Auth0 or readers had its value before. The answer to a
    leak waits for nothing.
    """
    staged, urgent = plan_options.strategy is Strategy.STAGED, operation is Operation.COMPROMISED
    # All are claimed before Auth0 is touched: two operations that each held some sinks would otherwise both PATCH.
    claims = tuple(
        Claim(p.uri, with_value=staged, fill=not p.exists and not plan_options.without_fallback, over=plan_options.over)
        for p in sinks
    )
    # After the fence, because tags have no compare-and-set.
    adoptions = tuple(Tag(p.uri, plan_options.keep_limit) for p in sinks if p.exists and p.record is None)
    change: Step = SetAtAuth0() if staged else GenerateAtAuth0()
    # No fence after a leak: a process that keeps writing to the lock key must not keep a leaked value alive.
    before: tuple[Step, ...] = () if urgent else (*fence(sinks, plan_options), *adoptions)
    readers = staged and operation is Operation.ROTATE
    return Plan(
        operation,
        (
            *claims,
            *before,
            *(announce(sinks, plan_options, plan_options.refresh) if readers else ()),
            change,
            *publish(sinks, plan_options),
        ),
        notes=_notes(operation, sinks, plan_options),
        irreversible=KILLS if plan_options.kill else None,
        creates=tuple(p.uri for p in sinks if not p.exists),
    )


def announce(sinks: tuple[SinkState, ...], plan_options: PlanOptions, refresh: timedelta) -> tuple[Step, ...]:
    """Return the steps that let readers know a value before Auth0 accepts it.

    Readers of the latest document find it there as a sibling key. Readers with a cache get the time `refresh` to read
    it.
    """
    waits = (Wait(refresh, REFRESH),) if refresh > timedelta() else ()
    # Written before the wait, which exists for readers to pick the value up.
    told = sinks if plan_options.sibling_keys == SiblingKeys.KEEP else ()
    return (*(WriteSiblingKeys(p.uri) for p in told), *waits, *((Announced(refresh),) if told and waits else ()))


def publish(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[Step, ...]:
    """Return the steps that follow once Auth0 has accepted the value.

    Readers get the value first. Waiting for Auth0 comes last, outside of the lock (ADR 8).
    """
    return (*make_current(sinks, plan_options), *give_back(sinks, plan_options))


def make_current(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[Step, ...]:
    """Return the steps that promote the value everywhere, and then end what ends.

    With `plan_options.kill` the hook and the proof run in between. The hook comes first, because the proof takes as
    long as a hook does, or longer.
    """
    proof: tuple[Step, ...] = (*_hook(plan_options), AwaitRefusal()) if plan_options.kill else ()
    # A value that leaked must not stay readable as the fallback.
    keep = not (plan_options.kill or plan_options.without_base)
    return (
        # All sinks first: until a sink is promoted, its readers may hold nothing but the value that ends.
        *(Promote(p.uri, keep=keep and (p.exists or not plan_options.without_fallback)) for p in sinks),
        *proof,
        *(Retire(p.uri, ends=True) for p in sinks if plan_options.ends),
    )


def give_back(sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[Step, ...]:
    """Return the steps that release the sinks in reverse order, run the hook, and wait for Auth0.

    With `plan_options.kill` the hook and the proof have run before (`make_current`).
    """
    return (
        # In reverse, so that the first sink of the order stays locked until all others are free.
        *(Release(p.uri) for p in reversed(sinks)),
        # The hook runs before settling, so readers that it restarts are back about 30 s sooner (ADR 9).
        *(() if plan_options.kill else _hook(plan_options)),
        *((AwaitPropagation(),) if plan_options.settle and not plan_options.kill else ()),
    )


def _hook(plan_options: PlanOptions) -> tuple[Hook, ...]:
    return (Hook(plan_options.hook),) if plan_options.hook else ()


def _notes(operation: Operation, sinks: tuple[SinkState, ...], plan_options: PlanOptions) -> tuple[str, ...]:
    open_fallbacks = [f"{p.uri} {v.id}" for p in sinks if (v := p.history.at(Stage.FALLBACK))]
    ends = "the open fallback ends with this rotation (Auth0 has refused it since the last one): "
    soft_deleted = [f"{p.uri} {', '.join(p.soft_deleted.versions)}" for p in sinks if p.soft_deleted]
    softly = "what was retired softly ends with this rotation: "
    ending = operation is not Operation.ROLLBACK and plan_options.ends
    told = ((ends, open_fallbacks), (softly, soft_deleted))
    return tuple(text + ", ".join(found) for text, found in told if found and ending)
