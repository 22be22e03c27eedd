"""Somebody else writes between any two calls of ours: neither their write nor our result is lost."""

from __future__ import annotations

import pytest

from bridge.begin import Options
from bridge.plan import Strategy
from bridge.retire import retire
from tests.e2e.observe import assert_rotated
from tests.e2e.places import SIBLINGS, TAGS
from tests.e2e.taps import Call, Trace
from tests.e2e.world import DAY, MakeWorld, World

SHARDS = 2


def writing_before(world: World, end: str, nth: int) -> Trace:
    """Have somebody edit a sibling key and add an entry to the metadata right before the nth call to one end."""
    trace = Trace(world.clock)
    place = world.vault if end == "vault" else world.aws

    def write(call: Call) -> None:
        if (call.end, call.nth) == (end, nth):
            place.edit("db_url", f"postgres://edited-{nth}")
            place.tag("foreign", f"entry-{nth}")

    trace.before = write
    return trace


def assert_theirs_is_there(world: World, end: str, nth: int) -> None:
    for place in world.places:
        edited = place is (world.vault if end == "vault" else world.aws)
        expected = {**SIBLINGS, **({"db_url": f"postgres://edited-{nth}"} if edited else {})}
        told = place.see().beside
        assert told["document"] == expected
        assert told["tags"] == {**TAGS, **({"foreign": f"entry-{nth}"} if edited else {})}


def calls_of(world: World, end: str, strategy: Strategy) -> int:
    trace = Trace(world.clock)
    world.rotate(trace, strategy=strategy, adopt=True)
    return len(trace.of(end))


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("end", ["vault", "aws"])
@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_sibling_written_before_any_call_of_a_rotation_survives_it(
    make_world: MakeWorld, strategy: Strategy, end: str, shard: int
) -> None:
    count = calls_of(filled(make_world()), end, strategy)
    for nth in range(shard, count, SHARDS):
        world = filled(make_world())
        done = world.rotate(writing_before(world, end, nth), strategy=strategy, adopt=True)
        assert done.result == "done", nth
        assert_rotated(world, old=world.s0, edited=True)
        assert_theirs_is_there(world, end, nth)


@pytest.mark.parametrize("end", ["vault", "aws"])
def test_a_sibling_written_before_any_call_of_a_retirement_survives_it(make_world: MakeWorld, end: str) -> None:
    world = rotated(make_world())
    trace = Trace(world.clock)
    assert retire(world.job(trace=trace), Options())
    for nth in range(len(trace.of(end))):
        world = rotated(make_world())
        assert retire(world.job(trace=writing_before(world, end, nth)), Options()), nth
        assert_theirs_is_there(world, end, nth)
        assert_nothing_of(world, world.s0)


@pytest.mark.parametrize("end", ["vault", "aws"])
def test_a_sibling_written_before_any_call_of_an_adoption_survives_it(make_world: MakeWorld, end: str) -> None:
    world = filled(make_world())
    trace = Trace(world.clock)
    world.adopt(trace)
    for nth in range(len(trace.of(end))):
        world = filled(make_world())
        assert world.adopt(writing_before(world, end, nth)).result == "done", nth
        assert_theirs_is_there(world, end, nth)
        world.rotate()
        assert_rotated(world, old=world.s0, edited=True)


def filled(world: World) -> World:
    for place in world.places:
        place.fill(world.s0)
    return world


def rotated(world: World) -> World:
    filled(world).rotate(adopt=True)
    world.clock.advance(DAY)
    return world


def assert_nothing_of(world: World, value: str) -> None:
    for place in world.places:
        seen = place.see()
        assert seen.current == world.live
        assert value not in seen.readable
        assert seen.pending is None
