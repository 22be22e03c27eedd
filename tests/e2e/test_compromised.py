"""After a leak: nothing of the leaked value stays readable, whatever else was going on."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model.operation import Operation
from bridge.model.outcome import Stopped
from bridge.model.steps import AwaitRefusal
from bridge.operations.resume import resume
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.observe import assert_rotated, beside
from tests.e2e.taps import Trace, died
from tests.e2e.world import DAY, World

WHY = "found in a public repository, INC-2041"


def leaked(world: World, trace: Trace | None = None, **options: Any) -> Any:
    done = rotate(world.session(trace=trace), RotateOptions(compromised=True, reason=WHY, **options))
    world.spread()
    return done


def readable(world: World) -> set[str]:
    return {value for place in world.sinks for value in place.see().readable}


@pytest.mark.parametrize("fallback", [False, True], ids=["first", "fallback open"])
def test_neither_the_leaked_value_nor_an_open_fallback_stays(world: World, fallback: bool) -> None:
    world.fill()
    world.adopt()
    if fallback:
        world.rotate()
    bad, untouched = world.live, beside(world)
    done = leaked(world)
    assert done.operation is Operation.COMPROMISED
    assert done.propagated.proven
    assert_rotated(world, old=None, untouched=untouched)
    assert not {bad, world.s0} & readable(world)
    for place in world.sinks:
        assert f"compromised test: {WHY.replace(',', '_')}" in place.see().tags["bridge_log"]


def test_copies_of_the_leaked_value_in_other_peoples_versions_go_too(world: World) -> None:
    world.fill()
    world.adopt()
    for n in range(3):
        world.vault.edit("db_url", f"postgres://{n}")
    leaked(world)
    versions = world.vault.metadata()["versions"]
    texts = [(world.vault.document(int(n)) or {}).get("client_secret") for n in versions]
    assert world.s0 not in texts


@pytest.mark.parametrize(
    ("at", "values"),
    [("vault.tag", 3), ("auth0.set_secret", 4), ("vault.write", 4), ("aws.label", 4), ("vault.destroy", 4)],
)
def test_the_same_command_given_again_sets_another_value_and_ends_all_others(
    world: World, at: str, values: int
) -> None:
    """Where the first one had not reached Auth0 there is one value less."""
    world.fill()
    world.adopt()
    world.rotate()
    nth = 2 if at == "vault.write" else 0  # both of its claims' writes come before
    died(world, at, lambda trace: leaked(world, trace), nth=nth)
    pending = {place.see().pending for place in world.sinks} - {world.live, None}
    done = leaked(world)
    assert done.operation is Operation.COMPROMISED
    assert done.propagated.proven
    assert_rotated(world, old=None)
    past = [change.value for change in world.tenant.secret_history(world.client_id)]
    assert not {*past[:-1], *pending} & readable(world)
    assert len(set(past)) == values


@pytest.mark.parametrize("again", ["resume", "rotate"])
@pytest.mark.parametrize(("at", "result"), [("vault.tag", "given-back"), ("auth0.set_secret", "finished")])
def test_who_settles_it_keeps_no_fallback_ends_nothing_and_asks_for_the_command_again(
    world: World, again: str, at: str, result: str
) -> None:
    """A nightly rotation must not make a leaked value the fallback."""
    world.fill()
    world.adopt()
    bad = world.live
    died(world, at, lambda trace: leaked(world, trace))
    value = world.live
    world.clock.advance(DAY)
    done = world.rotate() if again == "rotate" else resume(world.session(), Options(settle=False))
    assert done is not None
    assert (done.operation, done.result, done.exit_status) == (Operation.SETTLE, result, 3)
    assert f"rotate {world.client_id}" in " ".join(done.notes)
    assert "--compromised" in " ".join(done.notes)
    assert world.live == value
    assert [(seen.current, seen.fallback) for seen in (place.see() for place in world.sinks)] == [(value, None)] * 2
    assert bad in readable(world)
    leaked(world)
    assert_rotated(world, old=None)
    assert bad not in readable(world)


def test_old_values_stay_until_auth0_is_proven_to_refuse_them(world: World) -> None:
    world.fill()
    world.adopt()
    trace = Trace(world.clock)
    leaked(world, trace)
    destroyed = trace.index(lambda call: str(call) == "vault.destroy" and call.args[0].endswith(world.vault.path))
    change = trace.index(lambda call: call.name == "set_secret")
    waited = trace.calls[destroyed].began - trace.calls[change].began
    assert waited >= world.tenant.settings.propagation.total_seconds()
    assert len([c for c in trace.calls[change:destroyed] if c.name == "probe"]) >= 4


def test_asked_to_stop_after_the_change_it_publishes_and_leaves_the_rest_to_the_next_run(world: World) -> None:
    world.fill()
    world.adopt()
    trace = Trace(world.clock)
    session = world.session(trace=trace)
    trace.after = lambda call: session.stop.ask() if call.name == "set_secret" else None
    with pytest.raises(Stopped) as stopped:
        rotate(session, RotateOptions(compromised=True, reason=WHY))
    assert stopped.value.exit_status == 3
    assert {place.see().current for place in world.sinks} == {world.live}
    assert world.s0 in readable(world)
    world.spread()
    leaked(world)
    assert world.s0 not in readable(world)
    assert_rotated(world, old=None)


def test_the_plan_says_what_cannot_be_undone(world: World) -> None:
    world.fill()
    world.adopt()
    shown = []
    done = leaked(world, agree=lambda plan: not shown.append(plan))
    assert "rollback is not possible" in shown[0].irreversible
    assert AwaitRefusal() in done.plan.steps


def test_vaults_down_at_that_moment_dashboard_first_then_sync(world: World) -> None:
    """The drill: Rotate in the dashboard ends the leaked value; when the vaults are back, sync publishes and cleans."""
    world.fill()
    world.adopt()
    world.rotate()
    bad = world.live
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    new = world.live
    done = sync(world.session(), SyncOptions(compromised=True, reason=WHY))
    assert done is not None
    assert done.propagated is not None
    assert done.propagated.proven
    world.spread()
    assert world.live == new
    assert_rotated(world, old=None)
    assert not {bad, world.s0} & readable(world)
    assert sync(world.session(), SyncOptions(compromised=True, reason=WHY)) is None


@pytest.mark.parametrize("at", ["vault.tag", "vault.write", "aws.label", "vault.destroy"])
def test_an_interrupted_clean_sync_is_settled_first_and_then_given_again(world: World, at: str) -> None:
    world.fill()
    world.adopt()
    world.rotate()
    bad = world.live
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    options = SyncOptions(compromised=True, reason=WHY, takeover=True)
    died(world, at, lambda trace: sync(world.session(trace=trace), options))
    done = sync(world.session(), options)
    assert done is not None
    assert (done.operation, done.exit_status) == (Operation.SETTLE, 3)
    assert f"sync {world.client_id}" in done.notes[-1]
    sync(world.session(), options)
    world.spread()
    assert_rotated(world, old=None)
    assert not {bad, world.s0} & readable(world)
