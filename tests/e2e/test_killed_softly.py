"""Retiring softly, and undoing it, killed at any change: `python -m tests.proofs.suites interruption`.

An ordinary run leaves it to `python -m tests.resilience.deaths`, of which CI plays a share.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.operations.resume import resume
from bridge.operations.start import Options
from sinks.port import Stage
from tests.e2e.observe import unsettled
from tests.e2e.softly import all_soft_deleted, fallbacks, ripe, softly, undone
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import MakeWorld
from tests.proofs.choice import shares

SHARDS = 4


@pytest.mark.parametrize("shard", shares("interruption", SHARDS, daily=False))
@pytest.mark.parametrize("command", ["softly", "undone"])
@pytest.mark.parametrize("again", ["resume", "itself"])
def test_killed_anywhere_it_is_finished_as_what_it_was(
    make_world: MakeWorld, command: str, again: str, shard: int
) -> None:
    act = softly if command == "softly" else undone
    number, reached = shard + 1 - SHARDS, True
    while reached:
        number += SHARDS
        world = make_world()
        ripe(world)
        if command == "undone":
            softly(world)
        trace = Trace(world.clock)
        kill_after(trace, number)
        try:
            act(world, trace)
            reached = False
        except Killed:
            world.clock.advance(timedelta(minutes=5))
            done = resume(world.session(), Options()) if again == "resume" else act(world)
            assert again == "resume" or done or all(fallbacks(world)) is (command == "undone")
            act(world)  # where it died before its first word
            resume(world.session(), Options())  # where it died in its last
        assert all_soft_deleted(world) == [command == "softly"] * 2
        assert [bool(f) for f in fallbacks(world)] == [command == "undone"] * 2
        assert unsettled(world) == []
        seen = [sink.read().history.at(Stage.FALLBACK) is not None for sink in world.session().sinks.values()]
        assert seen == [command == "undone"] * 2
        assert world.live == world.vault.see().current
    assert number > 10
