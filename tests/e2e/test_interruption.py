"""The process dies at any moment. Auth0 never accepts a value that no sink holds, and what was begun converges.

Whoever resumes publishes what Auth0 accepts, or gives the sinks back; then the same command is given again.

Between two calls that change something the world stands still: dying anywhere there is dying after the first of them.
All of it is in `python -m tests.proofs.suites interruption`. Of the stories that
`python -m tests.resilience.deaths` does not tell, an ordinary run takes a share of the calls, which the commit chooses.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.model.errors import BridgeError
from bridge.model.operation import Strategy
from bridge.model.outcome import Outcome
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.observe import assert_rotated, shape, values_met
from tests.e2e.sinks import SIBLINGS, TAGS
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World
from tests.proofs.choice import shares

Work = Callable[[World, Trace], object]
SHARDS = 4
SHARES = pytest.mark.parametrize("shard", shares("interruption", SHARDS))
PROVEN = pytest.mark.parametrize("shard", shares("interruption", SHARDS, daily=False))
"""Of what `python -m tests.resilience.deaths` has as well, and plays a share of in each run of CI."""


def filled(world: World) -> World:
    world.fill()
    return world


def adopted(world: World) -> World:
    filled(world).adopt()
    world.spread()
    return world


def rotated(world: World) -> World:
    filled(world).rotate(adopt=True)
    world.clock.advance(DAY)
    return world


def empty(world: World) -> World:
    return world


def staged(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(settle=False))


def generated(world: World, trace: Trace) -> object:
    return rotate(
        world.session(trace=trace), RotateOptions(settle=False, adopt=True, strategy=Strategy.AUTH0_GENERATED)
    )


def bare(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(settle=False, without_fallback=True))


def at_once(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(settle=False, adopt=True))


def adopting(world: World, trace: Trace) -> object:
    return adopt(world.session(trace=trace), AdoptOptions())


def retiring(world: World, trace: Trace) -> object:
    return retire(world.session(trace=trace), Options())


def forgetting(world: World, trace: Trace) -> object:
    return forget(world.session(trace=trace), Options())


def in_dashboard(world: World) -> World:
    """Somebody pressed Rotate in Auth0's dashboard: a value that no sink holds."""
    rotated(world).tenant.set_in_dashboard(world.client_id)
    world.spread()
    return world


def set_back(world: World) -> World:
    """A late call of an old operation set the value from before the last rotation."""
    rotated(world).tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    return world


def rolling_back(world: World, trace: Trace) -> object:
    return rollback(world.session(trace=trace), RollbackOptions(settle=False))


def discarding(world: World, trace: Trace) -> object:
    return rollback(world.session(trace=trace), RollbackOptions(discard=True))


def answering_a_leak(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(compromised=True, reason="seen"))


def syncing(world: World, trace: Trace) -> object:
    return sync(world.session(trace=trace), SyncOptions())


def syncing_after_a_leak(world: World, trace: Trace) -> object:
    return sync(world.session(trace=trace), SyncOptions(compromised=True, reason="seen"))


def resuming(world: World, trace: Trace) -> object:
    return resume(world.session(trace=trace), Options(settle=False))


STORIES: dict[str, tuple[Callable[[World], World], Work]] = {
    "rotate over a fallback": (rotated, staged),
    "rotate, unmanaged": (filled, at_once),
    "rotate, generated": (filled, generated),
    "rotate, empty": (empty, staged),
    "rotate, empty, without fallback": (empty, bare),
    "adopt": (filled, adopting),
    "adopt, empty": (empty, adopting),
    "retire": (rotated, retiring),
    "forget": (adopted, forgetting),
    "rollback": (rotated, rolling_back),
    "rollback, discard": (rotated, discarding),
    "compromised": (rotated, answering_a_leak),
    "sync": (in_dashboard, syncing),
    "sync, compromised": (in_dashboard, syncing_after_a_leak),
    "settle": (set_back, resuming),
}


UNTOLD = ("rotate, empty, without fallback", "sync, compromised", "settle")
"""What `python -m tests.resilience.deaths` does not tell."""


def die_after(world: World, work: Work, nth: int) -> str:
    """Run until right after the nth call that changes something; return its name."""
    trace = Trace(world.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        work(world, trace)
    last = trace.effects[-1]
    return f"{nth}: {last} {last.args[0] if isinstance(last.args[0], str) else ''}"


@pytest.mark.parametrize(
    ("story", "shard"),
    [each for name in STORIES for each in shares("interruption", SHARDS, name, daily=name in UNTOLD)],
)
def test_whenever_it_dies_nothing_is_lost_and_it_converges(make_world: MakeWorld, story: str, shard: int) -> None:
    die_everywhere(make_world, story, shard)


@SHARES
@pytest.mark.parametrize("ends", ["vault", "aws"])
@pytest.mark.parametrize("story", ["rotate, empty", "adopt, empty", "rotate, generated"])
def test_whenever_it_dies_at_its_only_place_it_converges(
    make_world: MakeWorld, story: str, ends: str, shard: int
) -> None:
    die_everywhere(lambda: make_world(ends=ends), story, shard)


def die_everywhere(make_world: MakeWorld, story: str, shard: int) -> None:
    prepare, work = STORIES[story]
    world = prepare(make_world())
    trace = Trace(world.clock)
    work(world, trace)
    world.spread()
    expected = shape(world)
    faults = []
    first = (shard + list(STORIES).index(story)) % SHARDS
    for nth in range(first, len(trace.effects), SHARDS):
        world = prepare(make_world())
        unstored = values_met(world) - {value for place in world.sinks for value in place.see().readable}
        where = die_after(world, work, nth)
        try:
            check_after_death(world, work, expected, unstored, lost=story.startswith(GAP) and "rotate_secret" in where)
        except (AssertionError, BridgeError) as error:
            faults.append(f"{where}: {type(error).__name__} {str(error)[:3000]}")
    assert not faults, "\n".join(faults)


GAP = "rotate, generated"


def check_after_death(world: World, work: Work, expected: dict[str, object], unstored: set[str], *, lost: bool) -> None:
    """`unstored` is what Auth0 accepted and no sink held before; `lost` when the process died in the one gap."""
    if not lost:  # the one gap: Auth0's answer was not stored yet
        held = {value for place in world.sinks for value in place.see().readable}
        assert values_met(world) <= held | unstored
    done = resume(world.session(), Options(takeover=True, settle=False))
    world.spread()
    if not is_enough(done):
        again = syncing_after_a_leak if done and done.published and work is discarding else work
        if work is not resuming and shape(world) != expected:
            again(world, Trace(world.clock))
            world.spread()
    found = shape(world)
    assert {k: v for k, v in found.items() if v != expected[k]} == {k: v for k, v in expected.items() if v != found[k]}


def is_enough(done: Outcome | None) -> bool:
    """Tell whether nothing has to be given again: a value was published, and nobody has to look."""
    return done is not None and done.published and done.exit_status == 0


@PROVEN
@pytest.mark.parametrize("story", ["rotate, unmanaged", "rotate, generated"])
def test_when_who_settles_dies_too_the_next_one_settles_it(make_world: MakeWorld, story: str, shard: int) -> None:
    """The first process died right after Auth0's change; the second after each of its own changes."""
    prepare, work = STORIES[story]
    trace = Trace(make_world().clock)
    world = prepare(make_world())
    work(world, trace)
    world.spread()
    expected = shape(world)
    change = next(nth for nth, call in enumerate(trace.effects) if call.name in ("set_secret", "rotate_secret"))
    nth = shard
    while True:
        world = prepare(make_world())
        die_after(world, work, change)
        second = Trace(world.clock)
        kill_after(second, nth)
        try:
            resume(world.session(trace=second), Options(takeover=True, settle=False))
        except Killed:
            resume(world.session(), Options(takeover=True, settle=False))
        else:
            break
        world.spread()
        assert shape(world) == expected, f"{nth}: {second.effects[-1]}"
        nth += SHARDS
    assert nth > 8


@SHARES
def test_when_who_gives_back_dies_too_the_next_one_gives_back(make_world: MakeWorld, shard: int) -> None:
    """The first process died right before Auth0's change; the second after each of its own changes."""
    nth = shard
    while True:
        world = rotated(make_world())
        old, earlier = world.live, world.s0
        die_after(world, staged, 3)  # both sinks are claimed and named
        pending = world.vault.see().pending
        second = Trace(world.clock)
        kill_after(second, nth)
        try:
            resume(world.session(trace=second), Options(takeover=True, settle=False))
        except Killed:
            resume(world.session(), Options(takeover=True, settle=False))
        else:
            break
        assert world.live == old
        assert_rotated(world, old=earlier, kept=pending)
        nth += SHARDS
    assert nth > 3


@SHARES
def test_a_sibling_written_between_death_and_resume_survives(make_world: MakeWorld, shard: int) -> None:
    prepare, work = STORIES["rotate, unmanaged"]
    trace = Trace(make_world().clock)
    work(prepare(make_world()), trace)
    for nth in range(1 + shard, len(trace.effects), SHARDS):
        world = prepare(make_world())
        die_after(world, work, nth)
        pending = next((seen.pending for seen in (place.see() for place in world.sinks) if seen.pending), None)
        for place in world.sinks:
            place.edit("db_url", f"postgres://edited-{nth}")
            place.tag("foreign", "entry")
        done = resume(world.session(), Options(takeover=True, settle=False))
        world.spread()
        if not is_enough(done) and world.live == world.s0:
            at_once(world, Trace(world.clock))
            world.spread()
        assert_rotated(world, old=world.s0, edited=True, kept=pending)
        for told in (place.see().beside for place in world.sinks):
            assert told["document"] == {**SIBLINGS, "db_url": f"postgres://edited-{nth}"}
            assert told["tags"] == {**TAGS, "foreign": "entry"}
