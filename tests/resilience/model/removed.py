"""Guards of `bridge`, each removed on purpose.

`tests.resilience.model.mutants` and `tests.resilience.deaths.planted` plant them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import bridge.execution.executor
import bridge.execution.inquiry
import bridge.execution.verification
import bridge.operations.retirement_conditions
import bridge.operations.rotate
import bridge.operations.settle
import bridge.operations.sync
import bridge.planning.change
import bridge.planning.guards
import bridge.planning.maintenance
import bridge.planning.settle
from bridge.execution.publishing import Writing
from bridge.model.outcome import Propagated
from bridge.model.settlement import Settlement, Way
from bridge.model.steps import Confirm, Wait
from bridge.planning.change import LATE as LATE_CALLS
from sinks.aws.lock import Claims
from sinks.port import Stage
from sinks.vault.lock import LockKey
from tests.resilience.model import operations, servers
from tests.resilience.model.auth0_model import serve_auth0

Patch = pytest.MonkeyPatch


def any_base(patch: Patch) -> None:
    """What was current before is kept, ended or not."""

    def base(session: Any, seen: Any, live: Any) -> str:
        salt = session.settings.client_id
        recent = [fingerprint for p in seen.sinks if p.record for fingerprint in p.record.recent]
        return next((fingerprint for fingerprint in recent if fingerprint != live.fingerprint(salt)), "")

    patch.setattr(bridge.operations.sync, "_base", base)


def no_lease(patch: Patch) -> None:
    patch.setattr(LockKey, "deadline", lambda self, held: math.inf)
    patch.setattr(Claims, "deadline", lambda self, held: math.inf)
    real = serve_auth0
    patch.setattr(
        servers, "serve_auth0", lambda state, request, clock: real(state, request._replace(before=None), clock)
    )


def no_fence(patch: Patch) -> None:
    for module in (bridge.planning.change, bridge.planning.maintenance):
        patch.setattr(module, "fence", lambda sinks, plan_options: ())


def no_fence_before(module: Any, name: str) -> Callable[[Patch], None]:
    def remove(patch: Patch) -> None:
        real = getattr(module, name)

        def plan(*args: Any, **more: Any) -> Any:
            made = real(*args, **more)
            steps = (step for step in made.steps if not (isinstance(step, Wait) and step.why == LATE_CALLS))
            return replace(made, steps=tuple(steps))

        patch.setattr(module, name, plan)

    return remove


def nothing_proven(patch: Patch) -> None:
    patch.setattr(bridge.execution.executor, "prove", lambda session, client, uris: None)


def proven_at(which: int) -> Callable[[Patch], None]:
    """Auth0 is asked about the values of one sink, and the others are taken to hold the same."""

    def remove(patch: Patch) -> None:
        real = bridge.execution.executor.prove
        patch.setattr(
            bridge.execution.executor,
            "prove",
            lambda session, client, uris: real(session, client, (tuple(uris)[which],)),
        )

    return remove


def confirmed_once(patch: Patch) -> None:
    """A sync asks Auth0 under the lock before it publishes, and not after that."""
    real = bridge.planning.maintenance.publish_found

    def publish_found(*args: Any) -> Any:
        steps = list(real(*args))
        del steps[max(n for n, step in enumerate(steps) if isinstance(step, Confirm))]
        return tuple(steps)

    patch.setattr(bridge.planning.maintenance, "publish_found", publish_found)


def one_refusal(patch: Patch) -> None:
    def await_propagation(session: Any, client: Any, *_: Any, ending: Any = (), **more: Any) -> Propagated:
        refused = [session.auth0.probe(client, value).value == "refused" for value in ending]
        return Propagated(all(refused))

    patch.setattr(bridge.execution.verification, "await_propagation", await_propagation)


def set_before_all_claims(patch: Patch) -> None:
    real = bridge.planning.change.plan_change

    def plan_change(*args: Any) -> Any:
        plan = real(*args)
        steps = list(plan.steps)
        late = next(n for n, step in enumerate(steps) if str(step).startswith("set the pending"))
        steps.insert(1, steps.pop(late))
        return replace(plan, steps=tuple(steps))

    patch.setattr(bridge.operations.rotate, "plan_change", plan_change)


def nothing_announced(patch: Patch) -> None:
    patch.setattr(bridge.planning.change, "announce", lambda sinks, plan_options, refresh: ())


def other_list(patch: Patch) -> None:
    real_ownership, real_job = bridge.planning.guards.ownership, operations.session

    def session(run: Any, kinds: Any) -> Any:
        made = real_job(run, kinds)
        if run.program.slot == "b":
            made.sinks = dict(list(made.sinks.items())[1:])
        return made

    def ownership(*args: Any, **more: Any) -> Any:
        return tuple(o for o in real_ownership(*args, **more) if "belongs to the list" not in o.message)

    patch.setattr(operations, "session", session)
    patch.setattr(bridge.operations.rotate, "ownership", ownership)


def no_age(patch: Patch) -> None:
    """Retire as soon as one refusal was seen, however young the fallback is."""
    patch.setattr(operations, "MIN_AGE", operations.MIN_AGE * 0)
    patch.setattr(bridge.operations.retirement_conditions, "PROBES", 1)
    no_fence(patch)


def settles_at_once(patch: Patch) -> None:
    """Whoever settles does not wait until late calls have ended and their change has spread."""
    real = bridge.operations.settle.plan_settling

    def plan_settling(*args: Any) -> Any:
        plan = real(*args)
        return replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, Wait)))

    patch.setattr(bridge.operations.settle, "plan_settling", plan_settling)


def asked_once(patch: Patch) -> None:
    """Whoever settles believes the first answer: what is asked later is answered by it."""
    real = bridge.execution.inquiry.accepted

    def inquire(session: Any, client: Any, uris: Any, brought: Any) -> Any:
        told: list[Any] = []

        def accepted(*args: Any) -> Any:
            told.append(real(*args) if not told else told[0])
            return told[0]

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(bridge.execution.inquiry, "accepted", accepted)
            return once(session, client, uris, brought)

    once = bridge.execution.inquiry.inquire
    patch.setattr(bridge.execution.executor, "inquire", inquire)


def given_back_though_pending_is_accepted(patch: Patch) -> None:
    """Whoever settles gives the sinks back wherever one holds something as current."""
    patch.setattr(bridge.execution.inquiry, "settlement", lambda *_: Settlement(Way.GIVE_BACK))


def a_lock_is_an_order(patch: Patch) -> None:
    """Whoever settles publishes what is pending, whatever Auth0 accepts."""
    real = bridge.execution.executor.inquire

    def inquire(*args: Any) -> Any:
        found = real(*args)
        pending = next((value for p in found.sinks if (value := p.value(Stage.PENDING))), found.value)
        return replace(found, value=pending)

    patch.setattr(bridge.execution.executor, "inquire", inquire)


def not_finished_when_lost(patch: Patch) -> None:
    """Who loses the sinks after Auth0 was told leaves readers with the former value."""
    patch.setattr(Writing, "finish", lambda self, before: None)


def ended_without_base(patch: Patch) -> None:
    """Older fallbacks end although it is not known which value was current before."""

    def ended(session: Any, sinks: Any, found: Any, base: str) -> tuple[str, ...]:
        return real(session, sinks, found, base or "none")

    real = bridge.execution.inquiry._ended
    patch.setattr(bridge.execution.inquiry, "_ended", ended)
