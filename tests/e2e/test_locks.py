"""Locks: whose time has come, who may be waited for, what a forged one can do, and what becomes of a lost one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bridge.model.errors import BridgeError, Refused
from bridge.model.operation import Operation
from bridge.model.outcome import Outcome
from bridge.operations.resume import resume
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from sinks.record import stamp
from tests.e2e.observe import assert_rotated, unsettled
from tests.e2e.taps import Call, Trace, died
from tests.e2e.world import DAY, MakeWorld, World

KNOWN = "KNOWN-to-the-forger-0123456789abcdefghijklmnopqrstuvwxyz-0123456789"
RUNS = {
    "rotate": lambda session: rotate(session, RotateOptions(settle=False)),
    "resume": lambda session: resume(session, Options(settle=False)),
}
commands = pytest.mark.parametrize("command", RUNS)


@pytest.fixture
def used(world: World) -> World:
    """A world after one rotation, in no operation, a day ago."""
    world.used().clock.advance(DAY)
    return world


def history(world: World) -> list[str]:
    return [change.value for change in world.tenant.secret_history(world.client_id)]


def write_lock(world: World, value: str | None, **said: str) -> None:
    """Write a lock as the bridge does, from the hand of somebody who may write there."""
    now = world.clock.now()
    session = world.onlooker
    tags = {
        "operation": "rotate", "id": "r-00000000", "actor": "mallory", "holder": "00000000",
        "started": stamp(now - timedelta(hours=2)), "expected_end": stamp(now - timedelta(hours=1)),
        "base": "-", "ends": "-", "reason": "-", "companions": "-",
        "sinks": " ".join(session.uris), "client_id": world.client_id, "tenant": session.auth0.name, **said,
    }  # fmt: skip
    document: dict[str, Any] = {
        "secret-bridge": {"state": "locked", **{f"bridge_lock_{k}": v for k, v in tags.items()}}
    }
    sink: Any = session.sinks[world.vault.uri]
    path = f"{world.vault.path}/pending"
    world.vault.kv.create_or_update_secret(path, {**document, **({world.vault.key: value} if value else {})})
    version = world.vault.metadata(path)["current_version"]
    sink._kv._real._written[f"secret/{path}", version] = (
        world.clock.shift
    )  # it is dated in the shifted time, as the others are


# Whose time has come.


@commands
def test_a_lock_that_soon_counts_as_dead_is_waited_for(used: World, command: str) -> None:
    """A job was killed and is given again at once."""
    died(used, "auth0.set_secret")
    used.clock.advance(timedelta(seconds=5))
    value, began = used.live, used.clock.monotonic()
    done = RUNS[command](used.session())
    assert done is not None
    assert (done.operation, done.result) == (Operation.SETTLE, "finished")
    assert used.clock.monotonic() - began >= 85  # until it counts as dead, and 40 s for its late calls
    assert used.live == value


@commands
def test_a_lock_that_counts_as_live_for_longer_is_refused_and_takeover_is_named(used: World, command: str) -> None:
    long = {"consumer_refresh": timedelta(minutes=10)}
    died(used, "auth0.set_secret", lambda trace: used.rotate(trace, settings=long))
    write = used.clock.now()
    used.clock.advance(timedelta(minutes=-9))  # so soon after its claim
    assert used.clock.now() < write
    before = used.dump()
    with pytest.raises(Refused, match="counts as live until") as refused:
        RUNS[command](used.session())
    assert refused.value.exit_status == 4
    assert "--takeover" in str(refused.value.hint)
    assert used.dump() == before


@commands
def test_a_lock_with_a_time_far_in_the_future_is_refused_until_a_day_after_it_was_written(
    used: World, command: str
) -> None:
    live = used.live
    write_lock(used, KNOWN, expected_end="2099-01-01T00:00:00.000Z")
    for hours in (0, 23):
        used.clock.advance(timedelta(hours=hours))
        with pytest.raises(Refused, match="counts as live until") as refused:
            RUNS[command](used.session())
        assert "--takeover" in str(refused.value.hint)
    assert used.live == live
    used.clock.advance(timedelta(hours=1, minutes=4))
    assert RUNS[command](used.session()) is not None
    used.spread()
    assert unsettled(used) == []
    assert KNOWN not in history(used)


@commands
def test_takeover_goes_over_a_time_far_in_the_future_at_once(used: World, command: str) -> None:
    write_lock(used, KNOWN, expected_end="2099-01-01T00:00:00.000Z")
    taken = Options(takeover=True) if command == "resume" else RotateOptions(takeover=True, settle=False)
    run: Callable[..., Any] = resume if command == "resume" else rotate
    assert run(used.session(), taken) is not None
    used.spread()
    assert unsettled(used) == []
    assert KNOWN not in history(used)


# What a forged one can do.


@pytest.mark.parametrize("operation", ["rotate", "rollback", "compromised", "sync", "retire", "adopt", "forget"])
def test_a_value_in_a_forged_lock_is_never_set_and_its_word_ends_nothing(make_world: MakeWorld, operation: str) -> None:
    world = make_world()
    world.fill()
    world.adopt()
    world.rotate()
    world.clock.advance(DAY)
    live = world.live
    ends = world.vault.see().tags["bridge_recent"]
    write_lock(world, KNOWN, operation=operation, ends=ends)
    for _ in range(3):
        rotate(world.session(), RotateOptions(settle=False))
        world.spread()
    assert KNOWN not in history(world)
    assert {place.see().current for place in world.sinks} == {world.live}
    assert world.live != live
    assert [place.see().fallback for place in world.sinks] == [history(world)[-2]] * 2


@pytest.mark.parametrize("operation", ["retire", "compromised", "forget", "sync"])
def test_resume_over_a_forged_lock_leaves_values_and_fallback_as_they_are(
    make_world: MakeWorld, operation: str
) -> None:
    world = make_world()
    world.fill()
    world.adopt()
    world.rotate()
    world.clock.advance(DAY)
    ends = world.vault.see().tags["bridge_recent"]
    before = [(seen.current, seen.fallback, seen.tags["bridge_recent"]) for seen in (p.see() for p in world.sinks)]
    write_lock(world, None, operation=operation, ends=ends, base=ends.split()[0])
    done = resume(world.session(), Options(settle=False))
    assert done is not None
    assert done.result == "given-back"
    assert before == [
        (seen.current, seen.fallback, seen.tags["bridge_recent"]) for seen in (p.see() for p in world.sinks)
    ]
    assert unsettled(world) == []


def test_an_idle_text_over_a_genuine_lock_does_not_hide_what_is_live(used: World) -> None:
    before = used.live
    died(used, "auth0.set_secret")
    value = used.live
    path = f"{used.vault.path}/pending"
    used.vault.kv.create_or_update_secret(path, {"secret-bridge": {"state": "idle", "id": "r-0", "holder": "0"}})
    used.clock.advance(timedelta(minutes=5))
    assert resume(used.session(), Options(settle=False))
    assert used.live == value
    for seen in (place.see() for place in used.sinks):
        assert (seen.current, seen.fallback, seen.pending) == (value, before, None)


# What becomes of a lost one.


@pytest.mark.parametrize("forge", [False, True], ids=["somebody else's text", "a forged lock"])
def test_a_lock_that_is_lost_after_auth0_was_changed_leaves_the_new_value_current(used: World, forge: bool) -> None:
    """Somebody writes the lock key in the one second in between: readers must not wait for whoever it was."""
    old = used.live
    trace = Trace(used.clock)

    def overwrite(call: Call) -> None:
        if call.name == "set_secret":
            if forge:
                write_lock(used, KNOWN, expected_end="2099-01-01T00:00:00.000Z")
            else:
                used.vault.kv.create_or_update_secret(f"{used.vault.path}/pending", {"note": "theirs"})

    trace.after = overwrite
    with pytest.raises(BridgeError) as lost:
        rotate(used.session(trace=trace), RotateOptions(settle=False))
    assert lost.value.exit_status == 3
    assert used.live != old
    assert {place.see().current for place in used.sinks} == {used.live}
    assert KNOWN not in history(used)


def test_a_lock_that_is_lost_in_aws_after_auth0_was_changed_leaves_the_new_value_current(used: World) -> None:
    old = used.live
    trace = Trace(used.clock)

    def take(call: Call) -> None:
        if call.name == "set_secret":
            used.aws.client.put_secret_value(
                SecretId=used.aws.name, SecretString='{"client_secret": "theirs"}', VersionStages=["AWSPENDING"]
            )

    trace.after = take
    with pytest.raises(BridgeError) as lost:
        rotate(used.session(trace=trace), RotateOptions(settle=False))
    assert lost.value.exit_status == 3
    assert used.live != old
    assert {place.see().current for place in used.sinks} == {used.live}


def test_a_lock_that_is_lost_before_auth0_is_changed_leaves_everything(used: World) -> None:
    old = used.live
    trace = Trace(used.clock)
    written: list[Call] = []

    def overwrite(call: Call) -> None:
        if str(call) == "vault.tag" and not written:
            written.append(call)
            used.vault.kv.create_or_update_secret(f"{used.vault.path}/pending", {"note": "theirs"})

    trace.after = overwrite
    with pytest.raises(Refused, match="Auth0 was not changed from here"):
        rotate(used.session(trace=trace), RotateOptions(settle=False))
    assert used.live == old
    assert {place.see().current for place in used.sinks} == {old}


# What is left in a lock key.


def test_an_adoption_into_an_empty_place_leaves_no_copy_of_the_value_beside_it(make_world: MakeWorld) -> None:
    world = make_world(ends="vault")
    world.adopt()
    assert world.vault.see().current == world.live
    assert world.vault.see().left == frozenset()


def test_a_release_that_died_halfway_is_cleaned_up(make_world: MakeWorld) -> None:
    world = make_world(ends="vault")
    world.fill()
    world.adopt()
    died(world, "vault.write", nth=2)  # the lock, the document, the idle record
    done: Outcome | None = resume(world.session(), Options(settle=False))
    assert done is not None
    assert done.result == "cleaned-up"
    assert world.vault.see().left == frozenset()
    world.spread()
    assert_rotated_in_vault(world)


def assert_rotated_in_vault(world: World) -> None:
    seen = world.vault.see()
    assert (seen.current, seen.fallback, seen.pending) == (world.live, world.s0, None)
    assert unsettled(world) == []


def test_a_value_that_was_given_back_stays_readable_and_its_version_is_named(used: World) -> None:
    """Auth0 may yet carry out the request of a process that is dead."""
    old = used.live
    died(used, "vault.tag")
    pending = used.vault.see().pending
    assert pending
    assert resume(used.session(), Options(takeover=True, settle=False))
    path = f"{used.vault.path}/pending"
    named = used.vault.metadata(path)["custom_metadata"]["bridge_lock_kept"].split()
    assert {(used.vault.document(int(number), path) or {}).get("client_secret") for number in named} == {pending}
    used.tenant.set_in_dashboard(used.client_id, pending)  # that request is carried out now
    used.spread()
    assert used.rotate().published
    assert used.live == pending
    assert_rotated(used, old=old, kept=pending)
