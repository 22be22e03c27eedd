"""The process dies at any moment. Auth0 never accepts a value that no place holds, and `resume` finishes.

Between two calls that change something the world stands still: dying anywhere there is dying after the first of them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.adopt import adopt, forget
from bridge.adopt import AdoptOptions
from bridge.begin import Options
from bridge.errors import BridgeError
from bridge.plan import Strategy
from bridge.retire import retire
from bridge.rotate import RotateOptions, resume, rotate
from tests.e2e.observe import shape, values_met
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World

Work = Callable[[World, Trace], object]
SHARDS = 2


def filled(world: World) -> World:
    for place in world.places:
        place.fill(world.s0)
    return world


def adopted(world: World) -> World:
    filled(world).adopt()
    world.spread()
    return world


def rotated(world: World) -> World:
    adopted(world).rotate()
    world.clock.advance(DAY)
    return world


def empty(world: World) -> World:
    return world


def staged(world: World, trace: Trace) -> object:
    return rotate(world.job(trace=trace), RotateOptions(settle=False))


def generated(world: World, trace: Trace) -> object:
    return rotate(world.job(trace=trace), RotateOptions(settle=False, strategy=Strategy.AUTH0_GENERATED))


def at_once(world: World, trace: Trace) -> object:
    return rotate(world.job(trace=trace), RotateOptions(settle=False, adopt=True))


def adopting(world: World, trace: Trace) -> object:
    return adopt(world.job(trace=trace), AdoptOptions())


def retiring(world: World, trace: Trace) -> object:
    return retire(world.job(trace=trace), Options())


def forgetting(world: World, trace: Trace) -> object:
    return forget(world.job(trace=trace), Options())


STORIES: dict[str, tuple[Callable[[World], World], Work]] = {
    "rotate": (adopted, staged),
    "rotate over a fallback": (rotated, staged),
    "rotate, unmanaged": (filled, at_once),
    "rotate, generated": (adopted, generated),
    "rotate, generated, over a fallback": (rotated, generated),
    "rotate, empty": (empty, staged),
    "adopt": (filled, adopting),
    "adopt, empty": (empty, adopting),
    "retire": (rotated, retiring),
    "forget": (adopted, forgetting),
}


def die_after(world: World, work: Work, nth: int) -> str:
    """Run until right after the nth call that changes something; return its name."""
    trace = Trace(world.clock)
    seen = 0

    def die(call: object) -> None:
        nonlocal seen
        if call.changes:  # type: ignore[attr-defined]
            if seen == nth:
                trace.dead = True
                raise Killed
            seen += 1

    trace.after = die
    with pytest.raises(Killed):
        work(world, trace)
    return f"{nth}: {trace.calls[-1]} {trace.calls[-1].args[:1]}"


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("story", list(STORIES))
def test_whenever_it_dies_nothing_is_lost_and_resume_finishes_it(make_world: MakeWorld, story: str, shard: int) -> None:
    prepare, work = STORIES[story]
    world = prepare(make_world())
    trace = Trace(world.clock)
    work(world, trace)
    expected = shape(world)
    count = sum(call.changes for call in trace.calls)
    faults = []
    for nth in range(shard, count, SHARDS):
        world = prepare(make_world())
        where = die_after(world, work, nth)
        if "generated" not in story or "rotate_secret" not in where:  # the one gap: Auth0's answer not yet stored
            held = {value for place in world.places for value in place.readable()}
            if not values_met(world) <= held and "empty" not in story:
                faults.append(f"{where}: Auth0 accepts a value that no place holds")
        try:
            resume(world.job(), Options(takeover=True, settle=False))
            resume(world.job(), Options(takeover=True, settle=False))
        except BridgeError as error:
            faults.append(f"{where}: resume: {type(error).__name__} {error.message} {error.hint}")
            continue
        found = shape(world)
        if found != expected:
            differences = {k: (found[k], expected[k]) for k in found if found[k] != expected[k]}
            faults.append(f"{where}: {differences}")
    assert not faults, "\n".join(faults)
