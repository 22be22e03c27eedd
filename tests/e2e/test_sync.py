"""Repairing what others changed: Auth0's value in its dashboard, the sinks' values, their tags; and late calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bridge.execution.snapshot import read
from bridge.execution.verification import Changed
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.operation import Operation
from bridge.operations.resume import resume
from bridge.operations.start import Options
from bridge.operations.sync import ROUNDS, SyncOptions, find_live, sync
from bridge.planning.status import judge
from sinks.secret import Secret
from tests.e2e.observe import assert_rotated, beside, unsettled
from tests.e2e.taps import Call, Killed, Trace, died
from tests.e2e.world import DAY, SCOPES, MakeWorld, World

NO_READING = tuple(scope for scope in SCOPES if scope != "read:client_keys")


def rotated(world: World) -> World:
    world.fill()
    world.rotate(adopt=True)
    return world


def synced(world: World, trace: Trace | None = None, **options: Any) -> Any:
    return sync(world.session(trace=trace), SyncOptions(**options))


def in_dashboard(world: World, value: str | None = None) -> str:
    world.tenant.set_in_dashboard(world.client_id, *([value] if value else []))
    world.spread()
    return world.live


def assert_mended(world: World, value: str) -> None:
    """`value` is live and current everywhere again, the fallback is what it was, and nothing is open."""
    assert world.live == value
    for seen in (place.see() for place in world.sinks):
        assert (seen.current, seen.fallback, seen.pending) == (value, world.s0, None)
    assert unsettled(world) == []
    assert synced(world) is None


def state(world: World) -> str:
    session = world.session()
    return judge(session.settings, session.client_ref, tuple(sink.survey() for sink in session.sinks.values())).state


def test_a_value_changed_in_the_dashboard_is_published_and_the_one_before_becomes_the_fallback(world: World) -> None:
    rotated(world)
    before, untouched = world.live, beside(world)
    new = in_dashboard(world)
    done = synced(world)
    assert done.operation is Operation.SYNC
    assert world.live == new
    assert_rotated(world, old=before, untouched=untouched)


def test_where_all_is_well_a_sync_changes_nothing(world: World) -> None:
    rotated(world)
    before = world.dump()
    assert synced(world) is None
    assert world.dump() == before


def test_without_reading_rights_the_live_value_is_found_among_those_that_are_stored(make_world: MakeWorld) -> None:
    world = make_world(scopes=NO_READING)
    world.fill()
    world.adopt()
    world.rotate()
    value = world.live
    world.vault.edit("client_secret", "somebody-pasted-something-else")
    synced(world)
    assert_mended(world, value)


def test_a_value_that_nobody_knows_is_asked_for(make_world: MakeWorld) -> None:
    world = make_world(scopes=NO_READING)
    world.fill()
    world.adopt()
    new = in_dashboard(world)
    before = world.dump()
    with pytest.raises(Refused, match="Auth0 accepts none of the values that are stored") as refused:
        synced(world)
    assert "--secret-stdin" in str(refused.value.hint)
    assert world.dump() == before
    synced(world, brought=Secret(new))
    assert_rotated(world, old=world.s0)


def test_while_auth0_accepts_two_of_the_stored_values_neither_is_taken_for_the_live_one(make_world: MakeWorld) -> None:
    world = make_world(scopes=NO_READING)
    rotated(world)
    until = world.clock.monotonic() + 3600

    def accept(call: Call) -> None:
        """Whichever value is probed is the one that somebody has just set."""
        if call.name == "probe" and world.clock.monotonic() < until:
            world.tenant.set_in_dashboard(world.client_id, call.args[1].reveal())

    session = world.session(trace=Trace(world.clock, before=accept))
    world.tenant.settings.propagation = timedelta(0)
    before = [place.dump() for place in world.sinks]
    with pytest.raises(Failed, match="still accepts more than one of the values that are stored"):
        sync(session, SyncOptions())
    assert [place.dump() for place in world.sinks] == before
    until = world.clock.monotonic() + 1  # the second look finds one
    assert find_live(session, read(session)).reveal() == world.live


def test_a_value_that_was_brought_and_is_not_live_is_refused(world: World) -> None:
    rotated(world)
    before = world.dump()
    with pytest.raises(Refused, match="the value from standard input is not the one that Auth0 accepts"):
        synced(world, brought=Secret("not-the-live-value-at-all"))
    assert world.dump() == before


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
@pytest.mark.parametrize("scopes", [SCOPES, NO_READING], ids=["reading", "probing"])
def test_a_place_that_was_overwritten_gets_the_live_value_again(
    make_world: MakeWorld, place: int, scopes: tuple[str, ...]
) -> None:
    world = make_world(scopes=scopes)
    world.fill()
    world.adopt()
    world.rotate()
    value = world.live
    world.sinks[place].edit("client_secret", "somebody-pasted-something-else")
    world.sinks[place].edit("db_url", "postgres://and-changed-this")
    synced(world)
    assert_mended(world, value)
    assert beside(world)[place]["document"]["db_url"] == "postgres://and-changed-this"


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_what_ended_is_no_fallback_again_where_a_place_was_overwritten(world: World, place: int) -> None:
    rotated(world)
    world.clock.advance(DAY)
    world.rotate(compromised=True, reason="found", settle=True)
    value = world.live
    world.sinks[place].edit("client_secret", "somebody-pasted-something-else")
    synced(world)
    for seen in (each.see() for each in world.sinks):
        assert (seen.current, seen.fallback, seen.pending) == (value, None, None)
    assert unsettled(world) == []
    assert synced(world) is None


def test_a_key_that_was_removed_is_written_again(world: World) -> None:
    rotated(world)
    document = {k: v for k, v in (world.vault.document() or {}).items() if k != "client_secret"}
    world.vault.kv.create_or_update_secret(world.vault.path, document)
    synced(world)
    assert_rotated(world, old=world.s0, edited=True)


def claimed(call: Call) -> bool:
    """Tell whether the last sink was claimed just now: the sync asks Auth0 for the first time after this."""
    return str(call) == "vault.write" and str(call.args[0]).endswith("/pending")


def published(call: Call) -> bool:
    """Tell whether the last sink got the value just now: the sync asks Auth0 for the second time after this."""
    return str(call) == "vault.write" and not str(call.args[0]).endswith("/pending")


When = Callable[[Call], bool]
whenever = pytest.mark.parametrize("when", [claimed, published])


def once(world: World, when: When, change: Callable[[], object]) -> Trace:
    """Have somebody change the value at Auth0 once, at that moment."""
    trace, changes = Trace(world.clock), list[Call]()

    def strike(call: Call) -> None:
        if when(call) and not changes:
            changes.append(call)
            change()

    trace.after = strike
    return trace


@whenever
def test_a_change_while_it_is_published_is_published_too(world: World, when: When) -> None:
    rotated(world)
    before, first, again = world.live, in_dashboard(world), list[str]()
    synced(world, once(world, when, lambda: again.append(in_dashboard(world))))
    assert again == [world.live]
    seen = [place.see() for place in world.sinks]
    assert {place.current for place in seen} == {world.live}
    assert {place.fallback for place in seen} == {before if when is claimed else first}  # the other was never current
    assert unsettled(world) == []


@whenever
def test_without_reading_rights_a_change_back_while_it_is_published_is_published_too(
    make_world: MakeWorld, when: When
) -> None:
    """Somebody goes on to a value by hand, and back to the one before: Auth0 is probed, and accepts that."""
    world = make_world(scopes=NO_READING)
    rotated(world)
    value = world.live
    brought = Secret(in_dashboard(world))
    trace = once(world, when, lambda: in_dashboard(world, value))
    with pytest.raises(BridgeError) as told:
        synced(world, trace, brought=brought)
    assert told.value.exit_status == Incomplete.exit_status
    assert "somebody changed the value at Auth0 meanwhile" in told.value.message
    assert unsettled(world) == []
    synced(world)
    assert {place.see().current for place in world.sinks} == {world.live} == {value}


@whenever
def test_without_reading_rights_a_change_to_what_nobody_knows_is_told(make_world: MakeWorld, when: When) -> None:
    world = make_world(scopes=NO_READING)
    rotated(world)
    world.vault.edit("client_secret", "somebody-pasted-something-else")
    with pytest.raises(Incomplete, match=r"value at Auth0 meanwhile; then: Auth0 accepts none") as told:
        synced(world, once(world, when, lambda: in_dashboard(world)))
    assert "--secret-stdin" in str(told.value.hint)
    assert unsettled(world) == []
    synced(world, brought=Secret(world.live))
    assert {place.see().current for place in world.sinks} == {world.live}


@whenever
def test_a_value_that_changes_all_the_time_is_not_run_after_for_ever(world: World, when: When) -> None:
    rotated(world)
    in_dashboard(world)
    trace, rounds = Trace(world.clock), list[str]()
    trace.after = lambda call: rounds.append(in_dashboard(world)) if when(call) else None
    with pytest.raises(Changed) as changed:
        synced(world, trace)
    assert changed.value.exit_status == 3
    assert ROUNDS <= len(rounds) <= 2 * ROUNDS  # what is given back is written as well
    assert unsettled(world) == []
    synced(world)
    assert {place.see().current for place in world.sinks} == {world.live}


@whenever
def test_who_finishes_a_sync_publishes_a_change_meanwhile_too(world: World, when: When) -> None:
    rotated(world)
    in_dashboard(world)
    died(world, "aws.put", lambda trace: synced(world, trace))
    again: list[str] = []
    trace = once(world, when, lambda: again.append(in_dashboard(world)))
    synced(world, trace, takeover=True)
    assert again == [world.live]
    assert {place.see().current for place in world.sinks} == {world.live}
    assert unsettled(world) == []


def test_an_interrupted_sync_is_finished_by_the_same_command(world: World) -> None:
    rotated(world)
    before, new = world.live, in_dashboard(world)
    trace = Trace(world.clock)

    def die(call: Call) -> None:
        if str(call) == "aws.label":
            trace.dead = True
            raise Killed

    trace.after = die
    with pytest.raises(Killed):
        synced(world, trace)
    done = synced(world, takeover=True)
    assert done.published
    assert world.live == new
    assert_rotated(world, old=before)


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_adopt_with_repair_leaves_the_fallback_where_it_writes_the_live_value(world: World, place: int) -> None:
    rotated(world)
    value = world.live
    world.sinks[place].edit("client_secret", "somebody-pasted-something-else")
    world.adopt(repair=True)
    assert_mended(world, value)


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_an_adoption_with_repair_that_died_holding_everything_is_finished(world: World, place: int) -> None:
    rotated(world)
    value = world.live
    world.sinks[place].edit("client_secret", "somebody-pasted-something-else")
    died(world, "vault.tag", lambda trace: world.adopt(trace, repair=True))
    world.clock.advance(timedelta(minutes=5))
    assert resume(world.session(), Options())
    assert_mended(world, value)


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_wiped_tags_are_recognised_and_restored(world: World, place: int) -> None:
    rotated(world)
    before = [seen.see() for seen in world.sinks]
    wipe(world, place)
    assert "its tags were wiped" in state(world)
    if place == 1:  # Vault's lock key knows what they said
        with pytest.raises(BridgeError) as refused:
            world.rotate()
        assert f"adopt {world.client_id}" in str(refused.value.hint)
        assert "--repair" in str(refused.value.hint)
    world.adopt(repair=True)
    after = [seen.see() for seen in world.sinks]
    assert [seen.fallback for seen in after] == [seen.fallback for seen in before] == [world.s0] * 2
    assert [seen.current for seen in after] == [world.live] * 2
    world.rotate()
    assert_rotated(world, old=before[0].current)


def test_tags_that_somebody_replaced_are_written_again_where_their_copy_is_known(world: World) -> None:
    rotated(world)
    before = world.vault.see()
    wipe(world, 0)
    assert synced(world)
    after = world.vault.see()
    assert (after.current, after.fallback) == (before.current, before.fallback) == (world.live, world.s0)
    for name in ("managed-by", "bridge_client_id", "bridge_sinks", "bridge_recent"):
        assert after.tags[name] == before.tags[name]
    assert synced(world) is None


def wipe(world: World, place: int) -> None:
    """Do what `kv metadata put` does, or Terraform: replace all tags by one's own."""
    if place == 0:
        world.vault.kv.update_metadata(world.vault.path, custom_metadata={"owner": "terraform"})
        return
    ours = [tag["Key"] for tag in world.aws.describe()["Tags"]]
    world.aws.client.untag_resource(SecretId=world.aws.name, TagKeys=ours)


def test_a_place_that_was_given_back_is_not_taken_for_one_whose_tags_were_wiped(world: World) -> None:
    from bridge.operations.adopt import forget

    rotated(world)
    forget(world.session(), Options())
    world.spread()
    assert "not managed" in state(world)
