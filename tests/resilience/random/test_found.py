"""What the random sequences have found, each as an ordinary test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sinks.errors import Unavailable
from tests.e2e.taps import Call, Killed, Trace, kill_after
from tests.e2e.world import MakeWorld, World
from tests.resilience.random.commands import Command, Ended, operate
from tests.resilience.random.others import Others

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


def publish_and_lose_vault(world: World, command: Command) -> Ended:
    """Give a command that publishes a value, and then gets no answer from Vault any more."""
    trace = Trace(world.clock)

    def away(call: Call) -> None:
        if trace.effects and trace.effects[-1].name == "destroy" and call.end == "vault":  # it is given back
            raise Unavailable("no answer")

    trace.before = away
    ended = operate(world, command, trace)
    assert world.vault.see().current == world.live  # it was published
    return ended


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(Command("rotate", {"takeover": True, **LEAKED}), id="the answer to a leak"),
        pytest.param(Command("resume", {"takeover": True, "settle": False}), id="resume"),
        pytest.param(Command("rotate", {"takeover": True}), id="rotate"),
    ],
)
def test_what_published_a_value_and_lost_the_vault_then_does_not_say_that_nothing_was_changed(
    interrupted: World, command: Command
) -> None:
    ended = publish_and_lose_vault(interrupted, command)
    assert ended.status in (0, 3), ended.error
    assert ended.error is None or ended.error.changed


@pytest.mark.parametrize("command", [Command("resume"), Command("rotate"), Command("rollback")], ids=str)
def test_what_is_half_published_when_a_late_request_arrives_is_settled_by_what_auth0_accepts(
    make_world: MakeWorld, command: Command
) -> None:
    """A late request brings an old value back: it becomes current everywhere, and only `rotate` goes on from there."""
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
    begun_with = world.live
    assert begun_with != before
    world.clock.advance(timedelta(minutes=5))
    world.tenant.update(world.client_id, {"client_secret": before}, "a request from long ago")
    ended = operate(world, command)
    assert ended.status == 0, ended.error
    assert ended.done
    if command.verb == "rotate":
        assert ended.done.operation == "rotate"
        assert world.live not in (before, begun_with)
    else:
        assert ended.done.published
        assert world.live == before
    assert [place.see().current for place in world.sinks] == [world.live, world.live]


@pytest.mark.parametrize("wanted", [False, True, None])
@pytest.mark.parametrize("lost", ["", "client_secret_next", "client_secret_previous"])
@pytest.mark.parametrize("ends", ["vault", "aws", "vault aws"])
def test_sibling_keys_are_the_bridges_although_somebody_pasted_another_value_over_current(
    make_world: MakeWorld, ends: str, lost: str, wanted: bool | None
) -> None:
    """They hold a value that is no candidate any more, and the fallback is retired."""
    world: World = make_world(ends=ends)
    world.fill()
    refresh = timedelta(seconds=20)
    for command in ("adopt", "rotate", "retire"):
        ended = operate(world, Command(command), session=world.session(sibling_keys=True, consumer_refresh=refresh))
        assert ended.done, ended.error
        world.clock.advance(timedelta(days=2))
    others = Others(world)
    for place in world.sinks:
        others.overwrite(place)
        if lost:
            others.take(place, lost)
    brought = Command("rotate", {"bring": True})
    ended = operate(world, brought, session=world.session(sibling_keys=wanted, consumer_refresh=refresh))
    assert ended.done, ended.error
    for seen in (place.see() for place in world.sinks):
        assert seen.current == world.live
        kept = (world.live, seen.fallback or world.live)
        assert seen.sibling_keys == ((None, None) if wanted is False else kept)
