"""A fallback that is retired softly, or brought back."""

from __future__ import annotations

from bridge.model.outcome import Outcome
from bridge.operations.retire import bring_back, retire
from bridge.operations.start import Options
from tests.e2e.taps import Trace
from tests.e2e.world import DAY, World


def ripe(world: World) -> World:
    """Rotate over sinks in use, and wait until the fallback may go."""
    world.fill()
    world.adopt()
    world.rotate()
    world.clock.advance(DAY)
    return world


def softly(world: World, trace: Trace | None = None) -> Outcome | None:
    return retire(world.session(trace=trace), Options(), softly=True)


def undone(world: World, trace: Trace | None = None) -> Outcome | None:
    return bring_back(world.session(trace=trace), Options())


def fallbacks(world: World) -> list[str | None]:
    return [place.see().fallback for place in world.sinks]


def all_soft_deleted(world: World) -> list[bool]:
    return [sink.survey().soft_deleted is not None for sink in world.session().sinks.values()]
