"""An application that tries the candidates gets a token at every moment of every operation, whatever it has cached."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.model.operation import Strategy
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.taps import Call, Trace
from tests.e2e.world import DAY, World
from tests.unit.consumer.asking import applications

Work = Callable[[World, Trace], object]


def rotated(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(settle=True))


def generated(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(settle=True, strategy=Strategy.AUTH0_GENERATED))


def rolled_back(world: World, trace: Trace) -> object:
    return rollback(world.session(trace=trace), RollbackOptions(settle=True))


def discarded(world: World, trace: Trace) -> object:
    return rollback(world.session(trace=trace), RollbackOptions(settle=True, discard=True))


def compromised(world: World, trace: Trace) -> object:
    return rotate(world.session(trace=trace), RotateOptions(compromised=True, reason="seen", settle=True))


def retired(world: World, trace: Trace) -> object:
    return retire(world.session(trace=trace), Options())


def synced(world: World, trace: Trace) -> object:
    return sync(world.session(trace=trace), SyncOptions(compromised=True, reason="seen"))


@pytest.mark.parametrize("work", [rotated, rolled_back, discarded, compromised, retired, synced])
def test_no_moment_refuses_it(world: World, work: Work) -> None:
    world.fill()
    world.rotate(adopt=True)
    world.clock.advance(DAY)
    waiting = applications(world)
    for application in waiting:
        assert application.ask()
    refused: list[str] = []

    def acquire(call: Call) -> None:
        """Whoever cached the old value, and whoever starts now; between two changes nothing differs."""
        if call.changes or call.number % 7 == 0:
            refused.extend(f"{call} {a.secret.uri}" for a in (*waiting, *applications(world)) if a.ask() is None)

    work(world, Trace(world.clock, after=acquire))
    assert refused == []
    for application in waiting:
        assert application.ask() == world.live


def test_a_value_that_auth0_generates_is_met_as_soon_as_it_is_stored(world: World) -> None:
    world.fill()
    world.adopt()
    world.clock.advance(DAY)
    waiting = applications(world)
    assert all(application.ask() for application in waiting)
    generated(world, Trace(world.clock))
    assert {application.ask() for application in waiting} == {world.live}
