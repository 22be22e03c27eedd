"""What the random sequences have found, each as an ordinary test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sinks.errors import Unavailable
from tests.e2e.taps import Call, Killed, Trace, kill_after
from tests.e2e.world import MakeWorld, World
from tests.random.commands import Command, Ended, operate

LEAKED = {"compromised": True, "reason": "seen in a log"}


@pytest.fixture
def interrupted(make_world: MakeWorld) -> World:
    """A rotation that died right after Auth0's change."""
    world: World = make_world(ends="vault")
    world.fill()
    world.adopt()
    world.spread()
    trace = Trace(world.clock)
    kill_after(trace, 2)  # the lock is written and named
    assert operate(world, Command("rotate"), trace).killed
    assert trace.effects[-1].name == "set_secret"
    return world


def finish_and_lose_vault(world: World, command: Command) -> Ended:
    """Give a command that finishes what it finds, and then gets no answer from Vault any more."""
    trace = Trace(world.clock)

    def away(call: Call) -> None:
        if trace.effects and trace.effects[-1].name == "destroy" and call.end == "vault":  # it is given back
            raise Unavailable("no answer")

    trace.before = away
    ended = operate(world, command, trace)
    assert world.vault.see().current == world.live  # it was finished
    return ended


def test_a_leaks_answer_that_finished_something_and_failed_then_does_not_say_that_nothing_was_changed(
    interrupted: World,
) -> None:
    ended = finish_and_lose_vault(interrupted, Command("rotate", {"takeover": True, **LEAKED}))
    assert ended.status == 3
    assert ended.error is not None
    assert "Nothing was changed" not in ended.error.message


def test_a_resume_that_finished_something_and_could_not_clean_up_then_says_both(interrupted: World) -> None:
    ended = finish_and_lose_vault(interrupted, Command("resume", {"takeover": True, "settle": False}))
    assert ended.done is not None
    assert ended.done.finished
    assert any("not cleaned up" in note for note in ended.done.notes)


@pytest.mark.parametrize("command", [Command("resume"), Command("rotate"), Command("rollback")], ids=str)
def test_finishing_what_is_published_already_sets_its_value_again_after_a_late_request(
    make_world: MakeWorld, command: Command
) -> None:
    world: World = make_world()
    world.fill()
    world.adopt()
    world.rotate()
    begun = "rollback" if command.verb == "rollback" else "rotate"
    trace, before = Trace(world.clock), world.live

    def die(_call: Call) -> None:
        if world.live != before and world.aws.see().current == world.live and world.vault.see().current == before:
            trace.dead = True
            raise Killed

    trace.after = die
    assert operate(world, Command(begun), trace).killed
    wanted = world.live
    assert wanted != before
    world.clock.advance(timedelta(minutes=5))
    world.tenant.update(world.client_id, {"client_secret": before}, "a request from long ago")
    ended = operate(world, command)
    assert ended.done
    assert ended.done.finished
    assert world.live == wanted
    assert [place.see().current for place in world.places] == [wanted, wanted]
