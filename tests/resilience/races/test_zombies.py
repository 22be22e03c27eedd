"""Operators that freeze before a call and wake when others have gone on: nothing of theirs may undo or harm anything.

Every call that changes something is tried, against real servers; the call is frozen before the product's own look at
its deadline. The time is shifted, so that leases, fences and propagation have the lengths that they have in production.
"""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model.operation import Strategy
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.taps import Call, Trace, is_noting
from tests.e2e.world import DAY, MakeWorld, World
from tests.resilience.races.frozen import Frozen
from tests.resilience.races.zombies import (
    Next,
    assert_whole,
    each_zombie,
    names,
    rotated,
    rotation,
    settled,
    take_over,
    taking_over,
)

EVERY = [(place, strategy) for place in ("vault", "aws") for strategy in Strategy]
ONE_PLACE = pytest.mark.parametrize("sinks", ["vault", "aws"])


def assert_told(zombie: Frozen) -> None:
    """It ends with a clear message and exit status 3 or 4; with "not verified" where its rotation was whole already."""
    told = f"{zombie.call} {zombie.call and zombie.call.args}: {zombie.exit_status} {zombie.message}"
    if zombie.error is not None:
        assert zombie.exit_status in (3, 4), told
        assert any(word in zombie.message for word in CLEAR), told
        return
    assert zombie.call is not None
    assert is_release(zombie.call), told
    assert zombie.answer.propagated is not None
    assert not zombie.answer.propagated.proven  # the command line makes it exit status 3: "not verified yet"


CLEAR = ("not ours any more", "held by", "somebody else was faster", "does not accept the value in", "meanwhile")


def is_release(call: Call) -> bool:
    """Tell whether a call belongs to giving a sink back, or is the note before it: by then everything else is done."""
    if is_noting(call):
        return True
    if call.end == "vault":
        told = call.name == "tag" and "bridge_lock_managed" in call.args[1] and len(call.args[1]) == 1
        return str(call.args[0]).endswith("/pending") and (call.name in ("write", "destroy") or told)
    return call.name == "label" and (call.args[0] == "AWSPENDING" or str(call.args[0]).startswith("BRIDGE:"))


def has_retired(world: World) -> bool:
    """Tell whether a retirement has done all that it was asked: only its last tags, with their seal, may be left."""
    return all(seen.fallback is None and world.s0 not in seen.readable for seen in (p.see() for p in world.sinks))


@pytest.mark.parametrize(("sinks", "strategy"), [*EVERY, ("both", Strategy.STAGED)])
def test_a_rotation_that_wakes_two_rotations_later_harms_nothing(
    make_world: MakeWorld, sinks: str, strategy: Strategy
) -> None:
    for zombie in each_zombie(make_world, sinks, rotation(strategy, settle=True)):
        world = zombie.world
        take_over(world)
        rotated(world)
        following = Next(world)
        before = len(world.tenant.secret_history(world.client_id))
        zombie.wake()
        assert len(world.tenant.secret_history(world.client_id)) == before, zombie.call
        assert_told(zombie)
        following.finish()
        assert_whole(world)


@pytest.mark.parametrize(("sinks", "strategy"), EVERY)
def test_a_rotation_that_wakes_after_another_has_settled_it_harms_nothing(
    make_world: MakeWorld, sinks: str, strategy: Strategy
) -> None:
    for zombie in each_zombie(make_world, sinks, rotation(strategy)):
        world = zombie.world
        take_over(world)
        zombie.wake()
        assert zombie.exit_status in (0, 3, 4), zombie.message
        world.spread()
        assert_whole(world)
        Next(world).finish()
        assert_whole(world)


@pytest.mark.parametrize(("sinks", "strategy"), EVERY)
def test_a_rotation_that_wakes_within_its_lease_while_another_settles_it_harms_nothing(
    make_world: MakeWorld, sinks: str, strategy: Strategy
) -> None:
    for zombie in each_zombie(make_world, sinks, rotation(strategy)):
        world = zombie.world
        taker = taking_over(world)
        zombie.wake()
        taker.wake()
        assert zombie.exit_status in (0, 3, 4), zombie.message
        assert taker.exit_status in (0, 3, 4), taker.message
        world.spread()
        take_over(world)
        assert_whole(world)
        Next(world).finish()
        assert_whole(world)


@ONE_PLACE
def test_a_retirement_that_wakes_two_rotations_later_destroys_nothing_that_is_needed(
    make_world: MakeWorld, sinks: str
) -> None:
    def operate(world: World, trace: Trace) -> Any:
        return retire(world.session(names(world), trace), Options())

    def a_day_later(world: World) -> None:
        world.clock.advance(DAY)

    for zombie in each_zombie(make_world, sinks, operate, a_day_later):
        world = zombie.world
        over = has_retired(world)
        take_over(world)
        rotated(world)
        following = Next(world)
        zombie.wake()
        assert zombie.exit_status in (3, 4) or over or (zombie.call and is_release(zombie.call)), zombie.call
        following.finish()
        assert_whole(world)


@ONE_PLACE
def test_a_retirement_that_wakes_within_its_lease_takes_nothing_from_what_a_sync_published(
    make_world: MakeWorld, sinks: str
) -> None:
    """The sync does not begin before the lease is over: the fallback that it makes is the value before, still met."""

    def operate(world: World, trace: Trace) -> Any:
        return retire(world.session(names(world), trace), Options())

    def a_day_later(world: World) -> None:
        world.clock.advance(DAY)

    for zombie in each_zombie(make_world, sinks, operate, a_day_later):
        world = zombie.world
        value, over = world.live, has_retired(world)
        resume(world.session(names(world)), Options(takeover=True, settle=False))
        world.tenant.set_in_dashboard(world.client_id)
        assert sync(world.session(names(world)), SyncOptions())
        zombie.wake()
        told = f"{zombie.call}: {zombie.exit_status} {zombie.message}"
        assert zombie.exit_status in (3, 4) or over or (zombie.call and is_release(zombie.call)), told
        for seen in (place.see() for place in world.sinks):
            assert (seen.current, seen.fallback, seen.pending) == (world.live, value, None), told
        world.spread()
        Next(world).finish()
        assert_whole(world)


@ONE_PLACE
def test_an_adoption_that_wakes_two_rotations_later_harms_nothing(make_world: MakeWorld, sinks: str) -> None:
    def operate(world: World, trace: Trace) -> Any:
        return adopt(world.session(names(world), trace), AdoptOptions(repair=True))

    for zombie in each_zombie(make_world, sinks, operate):
        world = zombie.world
        take_over(world)
        rotated(world)
        following = Next(world)
        zombie.wake()
        assert zombie.exit_status in (3, 4) or (zombie.call and is_release(zombie.call)), zombie.call
        following.finish()
        assert_whole(world)


@ONE_PLACE
def test_a_forgetting_that_wakes_after_the_place_was_adopted_and_rotated_again_forgets_nothing(
    make_world: MakeWorld, sinks: str
) -> None:
    def operate(world: World, trace: Trace) -> Any:
        return forget(world.session(names(world), trace), Options())

    for zombie in each_zombie(make_world, sinks, operate):
        world = zombie.world
        take_over(world)
        rotation(adopt=True)(world, Trace(world.clock))
        world.spread()
        following = Next(world)
        zombie.wake()
        assert zombie.exit_status in (3, 4) or (zombie.call and is_release(zombie.call)), zombie.call
        following.finish()
        assert_whole(world)


def test_a_request_that_auth0_carries_out_much_later_is_settled_by_the_next_rotation(make_world: MakeWorld) -> None:
    """No lease can prevent it. The value is one that the sinks still hold: it is published, and then replaced."""
    world = settled(make_world, "both")
    late = world.live
    rotated(world)
    world.tenant.update(world.client_id, {"client_secret": late}, "a request from long ago")
    world.spread()
    rotated(world)
    assert world.live != late
    assert [place.see().current for place in world.sinks] == [world.live, world.live]
    assert [place.see().fallback for place in world.sinks] == [late, late]
    Next(world).finish()
    assert_whole(world)
