"""Operators that freeze before each of their changes, and what others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bridge.model.operation import Strategy
from bridge.model.outcome import Outcome
from bridge.operations.resume import resume
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from tests.e2e.taps import Call, Trace
from tests.e2e.world import MakeWorld, World
from tests.resilience.races.frozen import Frozen

SETTING = ("set_secret", "rotate_secret")

Operate = Callable[[World, Trace], Any]


def rotation(strategy: Strategy = Strategy.STAGED, *, settle: bool = False, **options: Any) -> Operate:
    return lambda world, trace: rotate(
        world.session(names(world), trace), RotateOptions(settle=settle, strategy=strategy, **options)
    )


def names(world: World) -> list[str]:
    return [place.uri for place in world.sinks]


def settled(make: MakeWorld, sinks: str) -> World:
    """A world with a current value and a fallback, nothing spreading any more."""
    world: World = make()
    chosen = {"vault": (world.vault,), "aws": (world.aws,), "both": (world.vault, world.aws)}[sinks]
    world.sinks = chosen
    for place in chosen:
        place.fill(world.s0)
    world.rotate(uris=names(world), adopt=True)
    return world


def changes(make: MakeWorld, sinks: str, operate: Operate, before: Callable[[World], None]) -> list[Call]:
    """Return the calls of an undisturbed run that change something."""
    world = settled(make, sinks)
    before(world)
    trace = Trace(world.clock)
    operate(world, trace)
    return [call for call in trace.calls if call.changes]


def nothing(world: World) -> None:
    """Nothing has to happen before."""


def each_zombie(
    make: MakeWorld, sinks: str, operate: Operate, before: Callable[[World], None] = nothing
) -> Iterator[Frozen]:
    """Yield operators, each in a world of its own and frozen before another of its changes."""
    for call in changes(make, sinks, operate, before):
        world = settled(make, sinks)
        before(world)
        number = call.number
        yield Frozen(
            world, lambda trace, world=world: operate(world, trace), lambda c, number=number: c.number == number
        ).start()


def take_over(world: World, trace: Trace | None = None) -> Outcome | None:
    done = resume(world.session(names(world), trace), Options(takeover=True, settle=False))
    world.spread()
    return done


def rotated(world: World) -> None:
    rotation()(world, Trace(world.clock))
    world.spread()


@dataclass
class Next:
    """A rotation that stands right before it asks Auth0: its value is pending, and nowhere else yet."""

    world: World

    def __post_init__(self) -> None:
        world = self.world
        self.rotation = Frozen(world, lambda trace: rotation()(world, trace), lambda call: call.name in SETTING).start()
        assert self.rotation.error is None
        self.pending = [place.see().pending for place in world.sinks]
        assert None not in self.pending
        assert len(set(self.pending)) == 1

    def finish(self) -> None:
        """Nobody touched the pending value, and the rotation ends as if nobody else were there."""
        assert [place.see().pending for place in self.world.sinks] == self.pending
        self.rotation.wake()
        assert self.rotation.error is None
        self.world.spread()
        assert self.world.live == self.pending[0]


def assert_whole(world: World) -> None:
    """One current, one fallback, nothing pending, and Auth0 accepts current and nothing else."""
    latest_first = reversed(world.tenant.secret_history(world.client_id))
    past = list(dict.fromkeys(change.value for change in latest_first))[::-1]
    assert world.tenant.accepted(world.client_id, world.live) == "yes"
    assert all(world.tenant.accepted(world.client_id, value) == "no" for value in past[:-1])
    for seen in (place.see() for place in world.sinks):
        assert seen.current == world.live
        assert seen.fallback == past[-2]
        assert seen.pending is None
    surveyed = [sink.survey() for sink in world.session(names(world)).sinks.values()]
    assert [place.uri for place in surveyed if place.unsettled] == []


def taking_over(world: World) -> Frozen:
    """Return somebody who has just taken the sink over, and has not waited for late calls yet."""
    changing: list[Call] = []

    def second(call: Call) -> bool:
        changing.extend([call] if call.changes else [])
        return len(changing) > 1

    return Frozen(world, lambda trace: take_over(world, trace), second).start()
