"""Each command dies after its claims or after its last change, and is given again: it ends as if it had not died."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from bridge.execution.session import Session
from bridge.execution.snapshot import survey
from bridge.model.operation import Operation
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.observe import assert_rotated, shape
from tests.e2e.taps import Call, Killed, Trace, kill_after
from tests.e2e.test_order import at_lock, is_claim, is_label, is_naming
from tests.e2e.world import DAY, MakeWorld, World

DEAD = timedelta(minutes=5)


@dataclass(frozen=True)
class Story:
    """How a world comes to the moment before a command, and the command."""

    prepare: Callable[[World], object]
    command: Callable[[Session], Any]


def nothing(world: World) -> None:
    world.fill()


def adopted(world: World) -> None:
    world.fill()
    world.adopt()


def ripe(world: World) -> None:
    """There is a fallback, and it may go."""
    adopted(world)
    world.rotate()
    world.clock.advance(DAY)


def soft_deleted(world: World) -> None:
    ripe(world)
    retire(world.session(), Options(), softly=True)
    world.clock.advance(DAY)


def changed_elsewhere(world: World) -> None:
    ripe(world)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()


STORIES = {
    "rotate": Story(ripe, lambda session: rotate(session, RotateOptions(settle=False))),
    "rollback": Story(ripe, lambda session: rollback(session, RollbackOptions(settle=False))),
    "sync": Story(changed_elsewhere, lambda session: sync(session, SyncOptions())),
    "retire": Story(ripe, lambda session: retire(session, Options())),
    "retire --soft": Story(ripe, lambda session: retire(session, Options(), softly=True)),
    "retire --undo": Story(soft_deleted, lambda session: bring_back(session, Options())),
    "adopt": Story(nothing, lambda session: adopt(session, AdoptOptions())),
    "forget": Story(adopted, lambda session: forget(session, Options())),
}


def is_preparing(call: Call) -> bool:
    return is_claim(call) or is_naming(call)


def is_releasing(call: Call) -> bool:
    dropped = call.name in ("label", "untag") and not is_label(call, "AWSCURRENT") and not is_label(call, "FALLBACK")
    return at_lock(call) or (call.end == "aws" and dropped)


def after_its_claims(trace: Trace) -> int:
    """Return the number of the last call that changes something before anything but the locks is changed."""
    return next(nth for nth, call in enumerate(trace.effects) if not is_preparing(call)) - 1


def after_its_last_change(trace: Trace) -> int:
    """Return the number of the last call that changes something before the sinks are released."""
    return [nth for nth, call in enumerate(trace.effects) if not is_preparing(call) and not is_releasing(call)][-1]


def played(world: World, story: Story, nth: int | None = None) -> Trace:
    """Play a story to its end, or until right after the nth call that changes something."""
    story.prepare(world)
    trace = Trace(world.clock)
    if nth is None:
        story.command(world.session(trace=trace))
        world.spread()
        return trace
    kill_after(trace, nth)
    with pytest.raises(Killed):
        story.command(world.session(trace=trace))
    world.clock.advance(DEAD)
    return trace


@pytest.mark.parametrize("resumed", [False, True], ids=["at once", "after resume"])
@pytest.mark.parametrize("died", [after_its_claims, after_its_last_change])
@pytest.mark.parametrize("name", STORIES)
def test_given_again_it_ends_as_if_it_had_not_died(
    make_world: MakeWorld, name: str, died: Callable[[Trace], int], resumed: bool
) -> None:
    story, whole = STORIES[name], make_world()
    nth = died(played(whole, story))
    world = make_world()
    played(world, story, nth)
    done = resume(world.session(), Options(settle=False)) if resumed else None
    if done is None or not done.published:
        given_again(world, story)
    world.spread()
    assert shape(world) == shape(whole)
    assert values(world) == values(whole)
    assert [place.uri for place in survey(world.session()) if place.wiped] == []


def given_again(world: World, story: Story) -> None:
    """Give the command again."""
    story.command(world.session())


def values(world: World) -> int:
    """Return how often Auth0's value was changed."""
    return len(world.tenant.secret_history(world.client_id))


@pytest.mark.parametrize("name", STORIES)
def test_what_did_not_change_a_value_is_given_back_by_resume_which_names_the_command(
    make_world: MakeWorld, name: str
) -> None:
    if name == "sync":
        return  # Auth0 holds another value than the sinks: resume publishes it
    story, world = STORIES[name], make_world()
    nth = after_its_claims(played(make_world(), story))
    played(world, story, nth)
    before = {place.uri: (seen.current, seen.fallback) for place in world.sinks for seen in [place.see()]}
    done = resume(world.session(), Options(settle=False))
    assert done is not None
    assert (done.operation, done.result, done.exit_status) == (Operation.SETTLE, "given-back", 0)
    assert f"secret-bridge {name} {world.client_id}" in done.notes[-1]
    assert before == {place.uri: (seen.current, seen.fallback) for place in world.sinks for seen in [place.see()]}


@pytest.mark.parametrize("nth", range(4, 12))
def test_a_rotation_that_reached_auth0_is_one_rotation_however_often_it_is_given_again(
    make_world: MakeWorld, nth: int
) -> None:
    world = make_world()
    ripe(world)
    before = world.live
    played(world, Story(lambda _: None, STORIES["rotate"].command), nth)
    value = world.live
    assert value != before
    done = world.rotate()
    assert (done.operation, done.published) == (Operation.SETTLE, True)
    assert world.live == value
    assert_rotated(world, old=before)


@pytest.mark.parametrize("nth", range(4))
def test_a_rotation_that_did_not_reach_auth0_makes_one_value(make_world: MakeWorld, nth: int) -> None:
    world = make_world()
    ripe(world)
    before, count = world.live, values(world)
    played(world, Story(lambda _: None, STORIES["rotate"].command), nth)
    pending = next((seen.pending for seen in (place.see() for place in world.sinks) if seen.pending), None)
    assert world.rotate().operation is Operation.ROTATE
    assert values(world) == count + 1
    assert world.live not in (before, pending)
    assert_rotated(world, old=before, kept=pending)
