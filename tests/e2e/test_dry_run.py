"""`--dry-run` changes nothing at all: not a version, not a tag, not a label, nothing at Auth0."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bridge.model.operation import Strategy
from bridge.model.outcome import Outcome
from bridge.model.steps import Wait
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from tests.e2e.command import on
from tests.e2e.sinks import SIBLINGS
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World

Prepare = Callable[[World], None]
Command = Callable[[World, Trace], Outcome | None]


def empty(world: World) -> None:
    """Leave the sinks empty."""


def filled(world: World) -> None:
    world.fill()


def adopted(world: World) -> None:
    filled(world)
    world.adopt()


def rotated(world: World) -> None:
    adopted(world)
    world.rotate()
    world.clock.advance(DAY)


def interrupted(world: World) -> None:
    adopted(world)
    trace = Trace(world.clock)
    kill_after(trace, 5)
    with pytest.raises(Killed):
        world.rotate(trace)
    world.clock.advance(timedelta(minutes=5))


def rotating(strategy: Strategy = Strategy.STAGED, *, taking: bool = False) -> Command:
    options = RotateOptions(dry_run=True, strategy=strategy, adopt=taking)
    return lambda world, trace: rotate(world.session(trace=trace), options)


CASES: dict[str, tuple[Prepare, Command]] = {
    "rotate, staged": (adopted, rotating()),
    "rotate, generated": (adopted, rotating(Strategy.AUTH0_GENERATED)),
    "rotate over a fallback": (rotated, rotating()),
    "rotate, empty": (empty, rotating()),
    "rotate, empty, generated": (empty, rotating(Strategy.AUTH0_GENERATED)),
    "rotate --adopt": (filled, rotating(taking=True)),
    "rotate what was interrupted": (interrupted, rotating()),
    "adopt": (filled, lambda world, trace: adopt(world.session(trace=trace), AdoptOptions(dry_run=True))),
    "adopt, empty": (empty, lambda world, trace: adopt(world.session(trace=trace), AdoptOptions(dry_run=True))),
    "forget": (adopted, lambda world, trace: forget(world.session(trace=trace), Options(dry_run=True))),
    "retire": (rotated, lambda world, trace: retire(world.session(trace=trace), Options(dry_run=True))),
    "resume": (interrupted, lambda world, trace: resume(world.session(trace=trace), Options(dry_run=True))),
}


@pytest.mark.parametrize("case", list(CASES))
def test_a_dry_run_changes_nothing_and_returns_the_plan(world: World, case: str) -> None:
    prepare, command = CASES[case]
    prepare(world)
    before = world.dump()
    trace = Trace(world.clock)
    planned = command(world, trace)
    assert planned is not None
    assert planned.result == "planned"
    assert planned.plan.steps
    assert trace.effects == []
    assert world.dump() == before


def test_a_plan_to_adopt_says_of_each_place_what_will_be_written(world: World) -> None:
    world.fill(world.aws)
    planned = adopt(world.session(), AdoptOptions(dry_run=True))
    assert planned.plan.notes[:2] == (
        f"{world.aws.uri}: Auth0 accepts its value; only metadata is written ({len(SIBLINGS) + 1} keys stay)",
        f"{world.vault.uri} is empty: the live value is written as its first version",
    )


@pytest.mark.parametrize("case", ["rotate, staged", "rotate, empty", "rotate --adopt", "adopt", "retire", "resume"])
def test_the_steps_that_a_dry_run_prints_are_those_that_are_done(make_world: MakeWorld, case: str) -> None:
    prepare, _ = CASES[case]
    worlds = [make_world(), make_world()]
    for world in worlds:
        prepare(world)
    plans = []
    for world, dry in zip(worlds, (True, False), strict=True):
        session = world.session()
        if case.startswith("rotate"):
            done = rotate(session, RotateOptions(dry_run=dry, adopt="--adopt" in case))
        elif case == "adopt":
            done = adopt(session, AdoptOptions(dry_run=dry))
        else:
            command = {"retire": retire, "resume": resume}[case]
            found = command(session, Options(dry_run=dry))
            assert found is not None
            done = found
        name = world.vault.path.removeprefix("apps/")
        plans.append([str(s).replace(name, "X") for s in done.plan.steps if not isinstance(s, Wait)])
    assert plans[0] == plans[1]


@pytest.mark.parametrize("verb", ["rotate", "adopt"])
def test_the_command_line_prints_the_numbered_plan_and_says_that_nothing_was_changed(hasty: World, verb: str) -> None:
    filled(hasty)
    before = hasty.dump()
    done = on(hasty, verb, "--dry-run", *(["--adopt"] if verb == "rotate" else []))
    assert done.status == 0, done.told
    assert "dry run: nothing was changed. It would:" in done.out
    assert "   1 " in done.out
    assert hasty.vault.uri in done.out
    assert hasty.dump() == before


def test_a_dry_run_in_json_holds_the_plan(hasty: World) -> None:
    filled(hasty)
    told = on(hasty, "rotate", "--adopt", "--dry-run", "--json").objects
    assert len(told) == 1
    assert told[0]["result"] == "planned"
    assert "set the pending value at Auth0" in told[0]["plan"]


def test_what_would_be_refused_is_refused_in_a_dry_run_too(hasty: World) -> None:
    filled(hasty)
    done = on(hasty, "rotate", "--dry-run")
    assert done.status == 4
    assert "not managed by secret-bridge" in done.err
