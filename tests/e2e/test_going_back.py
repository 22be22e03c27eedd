"""Going back: rollback of a finished rotation, and undoing an interrupted one."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.begin import Options
from bridge.errors import Refused
from bridge.plan import Operation, Strategy
from bridge.resume import resume
from bridge.rollback import RollbackOptions, rollback
from tests.e2e.observe import assert_rotated, beside, values_met
from tests.e2e.places import ANCIENT
from tests.e2e.taps import Killed, Trace, died, kill_after
from tests.e2e.world import DAY, MakeWorld, World


def rotated(world: World, **options: Any) -> World:
    world.fill()
    world.rotate(adopt=True, **options)
    return world


def roll_back(world: World, trace: Trace | None = None, **options: Any) -> Any:
    done = rollback(world.job(trace=trace), RollbackOptions(settle=False, **options))
    world.spread()
    return done


def undo(world: World, **options: Any) -> Any:
    done = resume(world.job(), Options(**{"takeover": True, **options}), abort=True)
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
    for place in world.places:
        place.edit("db_url", "postgres://changed-since")
    untouched = [dict(told) for told in beside(world)]
    roll_back(world)
    assert [told["document"] for told in beside(world)] == [told["document"] for told in untouched]
    assert untouched[0]["document"]["db_url"] == "postgres://changed-since"


def test_a_rollback_that_discards_leaves_the_refused_value_unreadable(world: World) -> None:
    rotated(world)
    refused = world.live
    done = roll_back(world, discard=True)
    assert done.settled.proven
    assert_rotated(world, old=None)
    assert not any(refused in place.see().readable for place in world.places)


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


def test_a_rollback_while_a_rotation_is_open_names_both_ways_out(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "auth0.set_secret")
    with pytest.raises(Refused, match=r"rotate r-\w+ by test, .* is in progress"):
        roll_back(world)
    world.clock.advance(DAY)
    with pytest.raises(Refused, match=r"rotate r-\w+ by test was interrupted here") as refused:
        roll_back(world)
    assert "resume" in str(refused.value.hint)
    assert "--abort" in str(refused.value.hint)


@pytest.mark.parametrize("at", ["vault.tag", "aws.tag", "auth0.set_secret"])
@pytest.mark.parametrize("fallback", [False, True], ids=["first", "fallback open"])
def test_undoing_a_rotation_leaves_everything_as_it_was_before(world: World, at: str, fallback: bool) -> None:
    world.fill()
    world.adopt()
    if fallback:
        world.rotate()
    value, before = world.live, [place.see() for place in world.places]
    died(world, at)
    done = undo(world)
    assert done.operation is Operation.ABORT
    assert world.live == value
    assert values_met(world) == {value}
    for place, was in zip(world.places, before, strict=True):
        now = place.see()
        assert (now.current, now.fallback, now.pending) == (was.current, was.fallback, None)
        assert now.readable - {ANCIENT} == was.readable - {ANCIENT}
        assert now.beside == was.beside
        for tag in ("bridge_rotation", "bridge_promoted_at", "bridge_current", "bridge_fallback"):
            assert now.tags.get(tag) == was.tags.get(tag), tag
    assert any(" abort " in place.see().tags["bridge_log"] for place in world.places)  # where it had begun
    assert resume(world.job(), Options()) is None
    world.rotate()
    assert_rotated(world, old=value)


@pytest.mark.parametrize("discard", [False, True], ids=["keeping", "discarding"])
@pytest.mark.parametrize("nth", range(6))
def test_undoing_a_rollback_leaves_its_value_the_fallback(world: World, nth: int, discard: bool) -> None:
    rotated(world)
    world.clock.advance(DAY)
    value, before = world.live, [place.see() for place in world.places]
    trace = Trace(world.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        roll_back(world, trace, discard=discard)
    undo(world)
    assert world.live == value
    now = [place.see() for place in world.places]
    assert [(p.current, p.fallback, p.pending) for p in now] == [(p.current, p.fallback, None) for p in before]
    assert [p.fallback for p in now] == [world.s0, world.s0]
    roll_back(world)
    assert world.live == world.s0


def test_a_rotation_that_is_published_somewhere_can_only_be_finished(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "aws.label", nth=1)  # the first pins the fallback
    assert world.aws.see().current == world.live
    before = world.dump()
    with pytest.raises(Refused, match=r"is published in aws://\S+ already") as refused:
        undo(world)
    assert "rollback" in str(refused.value.hint)
    assert world.dump() == before


def test_a_live_rotation_is_not_undone(world: World) -> None:
    world.fill()
    world.adopt()
    died(world, "auth0.set_secret")
    with pytest.raises(Refused, match="counts as live until"):
        undo(world, takeover=False)


def test_a_generated_value_whose_answer_was_lost_cannot_be_undone(world: World) -> None:
    world.fill()
    world.adopt()
    trace = Trace(world.clock)
    kill_after(trace, 4)
    with pytest.raises(Killed):
        world.rotate(trace, strategy=Strategy.AUTH0_GENERATED)
    assert str(trace.effects[-1]) == "auth0.rotate_secret"
    with pytest.raises(Refused, match="cannot be undone: its new value is at Auth0 at most"):
        undo(world)


def test_undoing_undoes_also_what_was_tagged_already(make_world: MakeWorld) -> None:
    """In Vault the tags of a promotion come before its write: whoever dies between them has tagged too early."""
    world = make_world(ends="vault")
    world.fill()
    world.adopt()
    world.rotate()
    before = world.vault.see()
    died(world, "vault.tag", nth=1)  # the first names the lock
    between = world.vault.see()
    assert between.tags["bridge_fallback"] != before.tags["bridge_fallback"]
    undo(world)
    after = world.vault.see()
    assert after.fallback == before.fallback == world.s0
    for tag in ("bridge_rotation", "bridge_promoted_at", "bridge_current", "bridge_fallback"):
        assert after.tags[tag] == before.tags[tag], tag
