"""Auth0's value was changed elsewhere, in its dashboard or by a late call: what each command makes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.model.errors import Failed, Refused
from bridge.model.operation import Operation
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.start import Options
from sinks.secret import Secret
from tests.e2e.observe import assert_rotated, beside, unsettled
from tests.e2e.taps import Trace, died
from tests.e2e.test_order import at_lock
from tests.e2e.test_sync import NO_READING, in_dashboard, rotated, synced
from tests.e2e.world import DAY, MakeWorld, World


def retire_now(world: World) -> object:
    return retire(world.session(), Options())


def roll_back(world: World) -> object:
    return rollback(world.session(), RollbackOptions())


@pytest.mark.parametrize("command", [retire_now, roll_back], ids=["retire", "rollback"])
def test_commands_that_go_by_the_fallback_name_sync_when_the_value_was_changed_elsewhere(
    world: World, command: Callable[[World], object]
) -> None:
    rotated(world)
    world.clock.advance(DAY)
    in_dashboard(world)
    before = world.dump()
    with pytest.raises(Refused) as refused:
        command(world)
    assert f"sync {world.client_id}" in str(refused.value.hint)
    assert world.dump() == before


@pytest.mark.parametrize("command", ["rotate", "resume"])
def test_what_was_changed_elsewhere_is_published_and_nothing_is_rotated(world: World, command: str) -> None:
    rotated(world)
    before, new = world.live, in_dashboard(world)
    done = world.rotate() if command == "rotate" else resume(world.session(), Options(settle=False))
    assert done is not None
    assert (done.operation, done.result) == (Operation.SETTLE, "finished")
    assert world.live == new
    assert_rotated(world, old=before)


def test_a_late_call_of_an_old_operation_is_published_by_resume(world: World) -> None:
    """What no guard prevents: Auth0 carries out a request long after its sender was given up."""
    rotated(world)
    value, untouched = world.live, beside(world)
    in_dashboard(world, world.s0)
    done = resume(world.session(), Options(settle=False))
    assert done is not None
    assert done.settlement is not None
    assert done.settlement.former
    assert world.live == world.s0
    assert_rotated(world, old=value, untouched=untouched)


def test_a_late_call_of_an_old_operation_is_published_by_rotate_which_goes_on_and_rotates(world: World) -> None:
    rotated(world)
    in_dashboard(world, world.s0)
    assert world.rotate().operation is Operation.ROTATE
    assert len({change.value for change in world.tenant.secret_history(world.client_id)}) == 3
    assert_rotated(world, old=world.s0)


@pytest.mark.parametrize("interrupted", [False, True], ids=["changed elsewhere", "interrupted"])
def test_the_after_command_runs_where_readers_have_to_get_another_value(
    world: World, tmp_path: Path, interrupted: bool
) -> None:
    rotated(world)
    if interrupted:
        died(world, "auth0.set_secret")
    else:
        in_dashboard(world)
    ran = tmp_path / "ran"
    assert resume(world.session(after=("touch", str(ran))), Options(settle=False, takeover=True))
    assert {place.see().current for place in world.sinks} == {world.live}
    assert ran.exists()


def test_who_settles_holds_every_place_though_one_was_claimed_before_it_died(world: World) -> None:
    """That a sink holds the value already is how it was all along: it is claimed all the same."""
    rotated(world)
    in_dashboard(world, world.s0)
    died(world, "aws.tag", lambda trace: resume(world.session(trace=trace), Options(settle=False)))
    world.clock.advance(timedelta(minutes=5))
    trace = Trace(world.clock)
    assert resume(world.session(trace=trace), Options(settle=False))
    claimed = trace.index(lambda call: call.name == "write" and at_lock(call))
    assert claimed < trace.index(lambda call: call.name == "probe")
    assert {place.see().current for place in world.sinks} == {world.s0} == {world.live}
    assert unsettled(world) == []


def test_resume_names_sync_where_auth0_holds_a_value_that_nobody_can_read(make_world: MakeWorld) -> None:
    world = rotated(make_world(scopes=NO_READING))
    value = in_dashboard(world)
    before = [place.see() for place in world.sinks]
    with pytest.raises(Failed, match="accepts none of the values that are stored") as failed:
        resume(world.session(), Options())
    assert f"sync {world.client_id}" in str(failed.value.hint)
    after = [place.see() for place in world.sinks]
    assert [(p.current, p.fallback, p.readable) for p in after] == [(p.current, p.fallback, p.readable) for p in before]
    assert unsettled(world) == []
    assert synced(world, brought=Secret(value))
    assert {place.see().current for place in world.sinks} == {value}
