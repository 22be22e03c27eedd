"""Going back: rollback of a finished rotation, and what becomes of an interrupted one."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model.errors import Refused
from bridge.model.operation import Operation, Strategy
from bridge.model.settlement import Way
from bridge.operations.resume import resume
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.observe import assert_rotated, beside, values_met
from tests.e2e.sinks import ANCIENT
from tests.e2e.taps import Killed, Trace, died, kill_after
from tests.e2e.world import DAY, MakeWorld, World


def rotated(world: World, **options: Any) -> World:
    world.fill()
    world.rotate(adopt=True, **options)
    return world


def roll_back(world: World, trace: Trace | None = None, **options: Any) -> Any:
    done = rollback(world.session(trace=trace), RollbackOptions(settle=False, **options))
    world.spread()
    return done


def settled(world: World, **options: Any) -> Any:
    done = resume(world.session(), Options(**{"takeover": True, "settle": False, **options}))
    world.spread()
    return done


def test_a_rollback_makes_the_fallbacks_value_live_and_keeps_the_refused_one_as_fallback(world: World) -> None:
    rotated(world)
    refused = world.live
    untouched = beside(world)
    done = roll_back(world)
    assert done.operation is Operation.ROLLBACK
    assert world.live == world.s0
    assert_rotated(world, old=refused, untouched=untouched)


def test_a_rollback_keeps_what_others_changed_since(world: World) -> None:
    rotated(world)
    for place in world.sinks:
        place.edit("db_url", "postgres://changed-since")
    untouched = [dict(told) for told in beside(world)]
    roll_back(world)
    assert [told["document"] for told in beside(world)] == [told["document"] for told in untouched]
    assert untouched[0]["document"]["db_url"] == "postgres://changed-since"


def test_a_rollback_that_discards_leaves_the_refused_value_unreadable(world: World) -> None:
    rotated(world)
    refused = world.live
    done = roll_back(world, discard=True)
    assert done.propagated.proven
    assert_rotated(world, old=None)
    assert not any(refused in place.see().readable for place in world.sinks)


def test_a_rollback_can_be_rolled_back(world: World) -> None:
    rotated(world)
    value = world.live
    roll_back(world)
    roll_back(world)
    assert world.live == value
    assert_rotated(world, old=world.s0)


def test_after_a_rollback_rotations_go_on_as_ever(world: World) -> None:
    rotated(world)
    roll_back(world)
    world.rotate()
    assert_rotated(world, old=world.s0)


def test_without_a_fallback_there_is_nothing_to_roll_back_to(world: World) -> None:
    world.fill()
    world.adopt()
    before = world.dump()
    with pytest.raises(Refused, match="there is no fallback to go back to") as refused:
        roll_back(world)
    assert f"rotate {world.client_id}" in str(refused.value.hint)
    assert world.dump() == before


def test_a_rollback_is_refused_where_auth0_holds_a_third_value(world: World) -> None:
    rotated(world)
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    with pytest.raises(Refused, match="Auth0 does not accept the value") as refused:
        roll_back(world)
    assert f"sync {world.client_id}" in str(refused.value.hint)


def test_a_rollback_over_a_rotation_that_reached_auth0_publishes_it_and_goes_back(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "auth0.set_secret")
    refused = world.live
    with pytest.raises(Refused, match=r"rotate r-\w+ by test, .* is in progress"):
        roll_back(world)
    world.clock.advance(DAY)
    done = roll_back(world)
    assert done.operation is Operation.ROLLBACK
    assert world.live == world.s0
    assert_rotated(world, old=refused)


def test_a_rollback_over_a_rotation_that_did_not_reach_auth0_goes_back_to_the_fallback_from_before(
    world: World,
) -> None:
    rotated(world)
    refused = world.live
    died(world, "vault.tag")
    pending = world.vault.see().pending
    world.clock.advance(DAY)
    roll_back(world)
    assert world.live == world.s0
    assert_rotated(world, old=refused, kept=pending)


TAGS = ("bridge_rotation", "bridge_promoted_at", "bridge_current", "bridge_fallback")


@pytest.mark.parametrize("at", ["vault.write", "vault.tag", "aws.put", "aws.tag"])
@pytest.mark.parametrize("fallback", [False, True], ids=["first", "fallback open"])
def test_a_rotation_that_did_not_reach_auth0_is_given_back_and_leaves_everything_as_it_was(
    world: World, at: str, fallback: bool
) -> None:
    world.fill()
    world.adopt()
    if fallback:
        world.rotate()
    value, before = world.live, [place.see() for place in world.sinks]
    died(world, at)
    pending = next(seen.pending for seen in (place.see() for place in world.sinks) if seen.pending)
    done = settled(world)
    assert (done.operation, done.result) == (Operation.SETTLE, "given-back")
    assert world.live == value
    assert values_met(world) == {value}
    for place, was in zip(world.sinks, before, strict=True):
        now = place.see()
        assert (now.current, now.fallback, now.pending) == (was.current, was.fallback, None)
        assert now.readable - {ANCIENT, pending} == was.readable - {ANCIENT}
        assert now.beside == was.beside
        assert [now.tags.get(tag) for tag in TAGS] == [was.tags.get(tag) for tag in TAGS]
    assert resume(world.session(), Options()) is None
    world.rotate()
    assert_rotated(world, old=value, kept=pending)


@pytest.mark.parametrize("discard", [False, True], ids=["keeping", "discarding"])
@pytest.mark.parametrize("nth", range(4))
def test_a_rollback_that_did_not_reach_auth0_leaves_its_value_the_fallback(
    world: World, nth: int, discard: bool
) -> None:
    rotated(world)
    world.clock.advance(DAY)
    value, before = world.live, [place.see() for place in world.sinks]
    kill_rollback(world, nth, discard=discard)
    settled(world)
    assert world.live == value
    now = [place.see() for place in world.sinks]
    assert [(p.current, p.fallback, p.pending) for p in now] == [(p.current, p.fallback, None) for p in before]
    assert [p.fallback for p in now] == [world.s0, world.s0]
    roll_back(world)
    assert world.live == world.s0


@pytest.mark.parametrize("nth", [4, 5, 7])
@pytest.mark.parametrize("again", ["resume", "rollback"])
def test_a_rollback_that_reached_auth0_is_published_once(world: World, nth: int, again: str) -> None:
    rotated(world)
    refused = world.live
    world.clock.advance(DAY)
    kill_rollback(world, nth)
    world.clock.advance(DAY)
    done = settled(world) if again == "resume" else roll_back(world)
    assert (done.operation, done.result) == (Operation.SETTLE, "finished")
    assert world.live == world.s0
    assert_rotated(world, old=refused)


def test_a_rotate_over_a_rollback_that_reached_auth0_publishes_it_and_rotates(world: World) -> None:
    """The value that is published is an old one: whoever rotates wants a new one."""
    rotated(world)
    world.clock.advance(DAY)
    kill_rollback(world, 4)
    world.clock.advance(DAY)
    assert world.rotate().operation is Operation.ROTATE
    assert len({change.value for change in world.tenant.secret_history(world.client_id)}) == 3
    assert_rotated(world, old=world.s0)


def test_a_discarding_rollback_that_died_keeps_no_fallback_and_asks_for_a_look(world: World) -> None:
    rotated(world)
    refused = world.live
    world.clock.advance(DAY)
    kill_rollback(world, 4, discard=True)
    done = settled(world)
    assert done.exit_status == 3
    assert f"sync {world.client_id}" in done.notes[-1]
    assert "--compromised" in done.notes[-1]
    seen = [place.see() for place in world.sinks]
    assert [(p.current, p.fallback, p.pending) for p in seen] == [(world.s0, None, None)] * 2
    assert refused in world.vault.see().readable
    assert sync(world.session(), SyncOptions(compromised=True, reason="seen"))
    assert not any(refused in place.see().readable for place in world.sinks)


def kill_rollback(world: World, nth: int, **options: Any) -> None:
    trace = Trace(world.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        roll_back(world, trace, **options)


def test_a_rotation_that_is_published_somewhere_is_published_everywhere(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "aws.label", nth=1)  # the first pins the fallback
    assert world.aws.see().current == world.live
    done = settled(world)
    assert done.result == "finished"
    assert_rotated(world, old=world.s0)


def test_a_live_rotation_is_not_settled(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "auth0.set_secret")
    before = world.dump()
    with pytest.raises(Refused, match="counts as live until"):
        rollback(world.session(), RollbackOptions())
    assert world.dump() == before


def test_a_generated_value_whose_answer_was_lost_is_read_from_auth0_and_published(world: World) -> None:
    world.fill()
    world.adopt()
    lose_the_generated_value(world)
    live = world.live
    assert settled(world).result == "finished"
    assert world.live == live
    assert_rotated(world, old=world.s0)


def test_a_generated_value_that_cannot_be_read_is_replaced_by_a_fresh_one(make_world: MakeWorld) -> None:
    world = make_world(scopes=("read:clients", "update:client_keys"))
    world.fill()
    world.adopt()
    lose_the_generated_value(world)
    lost = world.live
    done = settled(world)
    assert done.settlement.way is Way.REPLACE
    assert world.live not in (lost, world.s0)
    assert_rotated(world, old=world.s0)


def lose_the_generated_value(world: World) -> None:
    died(world, "auth0.rotate_secret", lambda trace: world.rotate(trace, strategy=Strategy.AUTH0_GENERATED))


def test_what_was_tagged_already_goes_back_where_the_document_was_not_written(make_world: MakeWorld) -> None:
    """In Vault the tags of a promotion come before its write: whoever dies between them has tagged too early."""
    world = make_world(ends="vault")
    world.fill()
    world.adopt()
    world.rotate()
    before = world.vault.see()
    died(world, "vault.tag", nth=1)  # the first names the lock
    between = world.vault.see()
    assert between.tags["bridge_fallback"] != before.tags["bridge_fallback"]
    world.tenant.set_in_dashboard(world.client_id, before.current)  # somebody presses it back meanwhile
    world.spread()
    assert settled(world).result == "given-back"
    after = world.vault.see()
    assert after.fallback == before.fallback == world.s0
    assert [after.tags[tag] for tag in TAGS] == [before.tags[tag] for tag in TAGS]
