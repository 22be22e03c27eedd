"""Retiring softly, and undoing it, on real servers."""

from __future__ import annotations

import contextlib
import re
from datetime import timedelta

import pytest

from bridge.execution.snapshot import survey
from bridge.fleet.rules import retirable
from bridge.model.errors import Refused
from bridge.model.plan import Plan
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from bridge.planning.status import Kind, Status, judge
from tests.contract.harness import admin
from tests.e2e.command import on
from tests.e2e.observe import unsettled
from tests.e2e.softly import all_soft_deleted, fallbacks, ripe, softly, undone
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World


def deleted(world: World) -> list[str]:
    """Return Vault's versions that somebody could undelete."""
    versions = world.vault.metadata()["versions"].items()
    return [number for number, said in versions if said["deletion_time"] and not said["destroyed"]]


def status(world: World) -> Status:
    session = world.session()
    return judge(session.settings, session.client_ref, survey(session))


def test_it_takes_the_value_away_and_undoing_it_brings_back_what_was_there(world: World) -> None:
    ripe(world)
    before = [place.see() for place in world.sinks]
    done = softly(world)
    assert done
    assert all(at.retired for at in done.sinks.values())
    assert fallbacks(world) == [None, None]
    assert world.s0 not in world.vault.see().readable
    assert world.s0 not in world.aws.see().labels.values()
    back = undone(world)
    assert back
    assert all(at.fallback for at in back.sinks.values())
    after = [place.see() for place in world.sinks]
    assert [seen.fallback for seen in after] == [seen.fallback for seen in before]
    assert [seen.readable for seen in after] == [seen.readable for seen in before]
    assert unsettled(world) == []
    assert world.live == after[0].current


def test_what_was_brought_back_serves_a_rollback(world: World) -> None:
    ripe(world)
    softly(world)
    with pytest.raises(Refused, match="there is no fallback"):
        rollback(world.session(), RollbackOptions(settle=False))
    undone(world)
    assert rollback(world.session(), RollbackOptions(settle=False))
    assert world.live == world.s0


def test_the_same_conditions_hold_as_for_retiring(world: World) -> None:
    world.fill()
    world.adopt()
    world.rotate()
    before = world.dump()
    with pytest.raises(Refused, match="stays until"):
        softly(world)
    assert world.dump() == before


def test_who_brought_it_back_and_why_stands_beside_the_record(world: World) -> None:
    ripe(world)
    softly(world)
    assert bring_back(world.session(), Options(reason="INC-8"))
    for place in world.sinks:
        assert re.fullmatch(r"r-\w+ \S+Z bring-back test: INC-8", place.see().tags["bridge_note_retirement"])


def test_it_comes_back_where_one_place_alone_had_a_fallback(world: World) -> None:
    world.fill(world.aws)
    world.rotate(adopt=True, without_fallback=True)
    world.clock.advance(DAY)
    softly(world)
    assert (fallbacks(world), all_soft_deleted(world)) == ([None, None], [True, False])
    assert undone(world)
    assert (fallbacks(world), all_soft_deleted(world)) == ([None, world.s0], [False, False])


def test_there_is_nothing_to_retire_softly_twice_nor_to_bring_back_twice(world: World) -> None:
    ripe(world)
    assert undone(world) is None
    assert softly(world)
    assert softly(world) is None
    assert undone(world)
    assert undone(world) is None


def test_retiring_ends_it_without_waiting_any_longer_and_asks_for_consent(world: World) -> None:
    ripe(world)
    softly(world)
    asked: list[Plan] = []

    def refuse(plan: Plan) -> bool:
        asked.append(plan)
        return False

    with pytest.raises(Refused, match="not confirmed"):
        retire(world.session(), Options(agree=refuse))
    assert asked[0].irreversible
    assert all_soft_deleted(world) == [True, True]
    done = retire(world.session(), Options())
    assert done
    assert all(at.retired for at in done.sinks.values())
    assert all_soft_deleted(world) == [False, False]
    assert undone(world) is None
    assert deleted(world) == []


def test_the_next_rotation_ends_it_and_says_so(world: World) -> None:
    ripe(world)
    softly(world)
    planned = rotate(world.session(), RotateOptions(dry_run=True))
    assert any("what was retired softly ends with this rotation" in note for note in planned.plan.notes)
    world.rotate()
    assert all_soft_deleted(world) == [False, False]
    assert None not in fallbacks(world)
    assert world.s0 not in world.vault.see().readable


def test_the_answer_to_a_leak_ends_it_as_well(world: World) -> None:
    ripe(world)
    softly(world)
    world.rotate(compromised=True, reason="found", settle=True)
    assert all_soft_deleted(world) == [False, False]
    assert fallbacks(world) == [None, None]
    assert deleted(world) == []


def test_after_a_leak_sync_ends_it_even_where_everything_else_is_right(world: World) -> None:
    ripe(world)
    softly(world)
    assert sync(world.session(), SyncOptions(compromised=True, reason="found"))
    assert all_soft_deleted(world) == [False, False]
    assert fallbacks(world) == [None, None]
    assert sync(world.session(), SyncOptions(compromised=True, reason="found")) is None


def test_what_the_vault_holds_no_longer_cannot_be_brought_back_and_nothing_is_changed(world: World) -> None:
    ripe(world)
    softly(world)
    (soft_deleted,) = [
        sink.survey().soft_deleted for uri, sink in world.session().sinks.items() if uri == world.vault.uri
    ]
    assert soft_deleted
    kv = admin(world.servers.bao).secrets.kv.v2
    kv.destroy_secret_versions(world.vault.path, [int(version) for version in soft_deleted.versions])
    before = world.dump()
    with pytest.raises(Refused, match="does not hold v") as caught:
        undone(world)
    assert "secret-bridge rotate" in (caught.value.hint or "")
    assert world.dump() == before


def test_a_value_that_is_live_again_is_not_brought_back_and_stays_when_the_rest_ends(world: World) -> None:
    ripe(world)
    softly(world)
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    assert sync(world.session(), SyncOptions())
    assert [place.see().current for place in world.sinks] == [world.s0, world.s0]
    with pytest.raises(Refused, match="has another fallback by now"):
        undone(world)
    world.clock.advance(DAY)
    assert retire(world.session(), Options())
    assert [place.see().current for place in world.sinks] == [world.s0, world.s0]
    assert all_soft_deleted(world) == [False, False]


def test_a_place_that_was_overwritten_is_mended_and_what_was_set_aside_ends(world: World) -> None:
    ripe(world)
    softly(world)
    world.vault.edit("client_secret", "somebody-pasted-something-else")
    assert sync(world.session(), SyncOptions())
    assert fallbacks(world) == [None, None]
    assert all_soft_deleted(world) == [False, False]


def test_a_sync_over_it_that_was_killed_is_not_finished_as_the_answer_to_a_leak(make_world: MakeWorld) -> None:
    for number in range(3, 18, 4):
        world = make_world()
        ripe(world)
        softly(world)
        world.vault.edit("client_secret", "somebody-pasted-something-else")
        trace = Trace(world.clock)
        kill_after(trace, number)
        with contextlib.suppress(Killed):
            sync(world.session(trace=trace), SyncOptions())
        assert fallbacks(world) == [None, None]
        world.clock.advance(timedelta(minutes=5))
        done = resume(world.session(), Options())
        assert not done or "access tokens" not in " ".join(done.notes)
        sync(world.session(), SyncOptions())
        assert fallbacks(world) == [None, None]
        retire(world.session(), Options())
        assert (fallbacks(world), all_soft_deleted(world)) == ([None, None], [False, False])
        assert unsettled(world) == []


def test_no_copy_that_can_be_undeleted_outlives_a_leak(world: World) -> None:
    ripe(world)
    softly(world)
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()
    assert sync(world.session(), SyncOptions())
    world.clock.advance(DAY)
    assert retire(world.session(), Options())
    world.clock.advance(DAY)
    world.rotate(compromised=True, reason="found", settle=True)
    assert deleted(world) == []
    assert world.s0 not in world.vault.see().readable


def test_a_copy_that_somebody_wrote_since_ends_with_it(world: World) -> None:
    ripe(world)
    live = world.live
    softly(world)
    for place in world.sinks:
        place.edit("client_secret", world.s0)
        place.edit("client_secret", live)
    world.clock.advance(DAY)
    assert retire(world.session(), Options())
    assert world.s0 not in world.vault.see().readable
    assert world.s0 not in [place.see().fallback for place in world.sinks]
    assert all_soft_deleted(world) == [False, False]


def test_an_interrupted_undoing_is_given_back_and_refused_where_the_vault_holds_it_no_longer(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    ripe(world)
    softly(world)
    (soft_deleted,) = [
        sink.survey().soft_deleted for uri, sink in world.session().sinks.items() if uri == world.vault.uri
    ]
    assert soft_deleted
    trace = Trace(world.clock)
    kill_after(trace, 3)
    with pytest.raises(Killed):
        undone(world, trace)
    kv = admin(world.servers.bao).secrets.kv.v2
    kv.destroy_secret_versions(world.vault.path, [int(version) for version in soft_deleted.versions])
    world.clock.advance(timedelta(minutes=5))
    done = resume(world.session(), Options())
    assert done
    assert f"secret-bridge retire --undo {world.client_id}" in done.notes[-1]
    with pytest.raises(Refused, match=f"{world.vault.uri} does not hold v2 any more"):
        undone(world)
    assert retire(world.session(), Options())
    assert all_soft_deleted(world) == [False, False]
    assert unsettled(world) == []


def test_a_rollback_names_what_brings_the_fallback_back(world: World) -> None:
    ripe(world)
    softly(world)
    with pytest.raises(Refused, match="retired softly") as caught:
        rollback(world.session(), RollbackOptions())
    assert "retire" in (caught.value.hint or "")
    assert "--undo" in (caught.value.hint or "")


def test_the_daily_view_says_when_it_cannot_be_brought_back(world: World) -> None:
    ripe(world)
    softly(world)
    assert "can still be brought back" in status(world).state
    kv = admin(world.servers.bao).secrets.kv.v2
    kv.destroy_secret_versions(world.vault.path, [2])
    assert "can no longer be brought back" in status(world).state


def test_the_daily_view_shows_it_and_asks_for_its_end_when_it_is_overdue(world: World) -> None:
    ripe(world)
    softly(world)
    seen = status(world)
    assert (seen.kind, seen.attention, seen.fallbacks) == (Kind.OK, False, ())
    assert "retired softly" in seen.state
    assert not retirable(world.session().settings, seen)
    world.clock.advance(14 * DAY)
    seen = status(world)
    assert (seen.kind, seen.attention) == (Kind.FALLBACK_OVERDUE, True)
    assert retirable(world.session().settings, seen)


def test_undo_goes_with_no_other_word(world: World) -> None:
    for option in (["--soft"], ["--force", "--reason", "x"], ["--due"]):
        ended = on(world, "retire", "--undo", *option)
        assert (ended.status, "--undo: found with" in ended.told) == (2, True)
