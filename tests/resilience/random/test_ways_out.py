"""What the random sequences have found: states that had no way out, or were told wrongly."""

from __future__ import annotations

import pytest

from sinks.errors import Denied
from tests.e2e.observe import unsettled
from tests.e2e.taps import Call, Killed, Trace
from tests.e2e.world import MakeWorld, World
from tests.resilience.random.commands import Command, operate
from tests.resilience.random.look import Eyes

LEAKED = Command("rotate", {"compromised": True, "reason": "seen in a log"})
DISCARDING = Command("rollback", {"discard": True})


def die_once_published(world: World, command: Command) -> None:
    """Die right after the value was written into the document, before it is proven that Auth0 refuses the other."""
    trace = Trace(world.clock)

    def die(call: Call) -> None:
        if call.name == "write" and not str(call.args[0]).endswith("/pending"):
            trace.dead = True
            raise Killed

    trace.after = die
    assert operate(world, command, trace).killed


@pytest.mark.parametrize("command", [LEAKED, DISCARDING], ids=["compromised", "rollback, discard"])
def test_after_a_change_in_the_dashboard_a_leaks_interrupted_answer_can_still_be_ended_somehow(
    make_world: MakeWorld, command: Command
) -> None:
    world = make_world(ends="vault")
    world.fill()
    world.rotate(adopt=True)
    die_once_published(world, command)
    world.tenant.set_in_dashboard(world.client_id)
    told = []
    for verb in ("resume", "sync", "resume", "sync"):
        world.spread()
        ended = operate(world, Command(verb, {"takeover": True}))
        told.append(f"{verb}: {ended} {ended.error}")
    assert unsettled(world) == [], told
    assert world.vault.see().current == world.live


def test_whoever_is_denied_everything_after_the_claim_does_not_say_that_nothing_was_changed(
    make_world: MakeWorld,
) -> None:
    world = make_world(ends="aws")
    world.fill()
    world.adopt()
    world.spread()
    trace = Trace(world.clock)

    def revoke(call: Call) -> None:
        if call.end == "aws" and any(effect.name == "put" for effect in trace.effects):
            raise Denied("AWS denied it")

    trace.before = revoke
    before = Eyes(world).sight()
    ended = operate(world, Command("rotate"), trace)
    assert ended.error is not None
    assert ended.status == 3 or Eyes(world).sight().sinks == before.sinks, ended.error
