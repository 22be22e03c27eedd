"""Somebody else writes between any two calls of ours: neither their write nor our result is lost.

The two sinks have nothing to do with each other, so each run has one writer at both: before the nth call to either.
"""

from __future__ import annotations

import pytest

from bridge.model.operation import Strategy
from bridge.operations.retire import retire
from bridge.operations.start import Options
from tests.e2e.observe import assert_rotated, unsettled
from tests.e2e.sinks import SIBLINGS, TAGS
from tests.e2e.taps import Call, Trace
from tests.e2e.world import DAY, MakeWorld, World

SHARDS = 2
shards = pytest.mark.parametrize("shard", range(SHARDS))


def filled(world: World) -> World:
    world.fill()
    return world


def rotated(world: World) -> World:
    filled(world).rotate(adopt=True)
    world.clock.advance(DAY)
    return world


def writing_before(world: World, nth: int) -> Trace:
    """Have somebody edit a sibling key and add an entry to the metadata right before the nth call to each sink."""
    trace = Trace(world.clock)
    ends = {"vault": world.vault, "aws": world.aws}

    def write(call: Call) -> None:
        place = ends.get(call.end)
        if place and call.nth == nth:
            place.edit("db_url", f"postgres://edited-{nth}")
            place.tag("foreign", f"entry-{nth}")

    trace.before = write
    return trace


def assert_theirs_is_there(world: World, trace: Trace, nth: int) -> None:
    for place, end in ((world.vault, "vault"), (world.aws, "aws")):
        edited = nth < len(trace.of(end))
        told = place.see().beside
        assert told["document"] == {**SIBLINGS, **({"db_url": f"postgres://edited-{nth}"} if edited else {})}
        assert told["tags"] == {**TAGS, **({"foreign": f"entry-{nth}"} if edited else {})}


def turns(trace: Trace, shard: int) -> range:
    """Return every n for which there is an nth call to a sink, or this shard's of them."""
    return range(shard, max(len(trace.of("vault")), len(trace.of("aws"))), SHARDS)


@shards
@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_sibling_written_before_any_call_of_a_rotation_survives_it(
    make_world: MakeWorld, strategy: Strategy, shard: int
) -> None:
    undisturbed = Trace(make_world().clock)
    filled(make_world()).rotate(undisturbed, strategy=strategy, adopt=True)
    for nth in turns(undisturbed, shard):
        world = filled(make_world())
        trace = writing_before(world, nth)
        assert world.rotate(trace, strategy=strategy, adopt=True).result == "done", nth
        assert_rotated(world, old=world.s0, edited=True)
        assert_theirs_is_there(world, trace, nth)


@shards
def test_a_sibling_written_before_any_call_of_a_retirement_survives_it(make_world: MakeWorld, shard: int) -> None:
    world = rotated(make_world())
    undisturbed = Trace(world.clock)
    assert retire(world.session(trace=undisturbed), Options())
    for nth in turns(undisturbed, shard):
        world = rotated(make_world())
        trace = writing_before(world, nth)
        assert retire(world.session(trace=trace), Options()), nth
        assert_theirs_is_there(world, trace, nth)
        for seen in (place.see() for place in world.sinks):
            assert seen.current == world.live
            assert world.s0 not in seen.readable
        assert unsettled(world) == []


@shards
def test_a_sibling_written_before_any_call_of_an_adoption_survives_it(make_world: MakeWorld, shard: int) -> None:
    world = filled(make_world())
    undisturbed = Trace(world.clock)
    world.adopt(undisturbed)
    for nth in turns(undisturbed, shard):
        world = filled(make_world())
        trace = writing_before(world, nth)
        assert world.adopt(trace).result == "done", nth
        assert_theirs_is_there(world, trace, nth)
        for seen in (place.see() for place in world.sinks):
            assert seen.current == world.live == world.s0
            assert seen.tags["managed-by"] == "secret-bridge"
        assert unsettled(world) == []
