"""The answer to a leak waits for nobody: not for a running operation, somebody else's text, or a vault that is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.model.errors import BridgeError, Failed
from bridge.model.operation import Operation
from bridge.operations.rotate import RotateOptions, rotate
from sinks.port import Unavailable
from tests.e2e.observe import assert_rotated, unsettled, values_met
from tests.e2e.taps import Call, Trace
from tests.e2e.test_compromised import leaked, readable
from tests.e2e.world import World

THEIRS = "text of another team"


@pytest.fixture
def used(world: World) -> World:
    """A world after one rotation, in no operation."""
    return world.used()


def at(name: str, nth: int, work: Callable[[], Any]) -> Callable[[Call], None]:
    """Return what does some work once, at the nth call of this name."""
    met: list[Call] = []

    def look(call: Call) -> None:
        if str(call) == name:
            met.append(call)
            if len(met) == nth + 1:
                work()

    return look


def overtaken(world: World, when: str, name: str, nth: int) -> BridgeError:
    """Rotate, and let the answer to a leak come right before or after a call of that rotation; return how it ends."""
    trace = Trace(world.clock)
    setattr(trace, when, at(name, nth, lambda: leaked(world)))
    with pytest.raises(BridgeError) as caught:
        rotate(world.session(trace=trace), RotateOptions(settle=False))
    return caught.value


@pytest.mark.parametrize(
    ("when", "name", "nth", "status"),
    [
        ("after", "aws.put", 0, 4),
        ("after", "vault.tag", 0, 4),
        ("before", "auth0.set_secret", 0, 4),
        ("after", "auth0.set_secret", 0, 3),
        ("after", "aws.label", 1, 3),  # the second moves AWSCURRENT
        ("after", "vault.tag", 1, 3),  # the second is the promotion's
    ],
)
def test_a_running_rotation_loses_its_places_and_its_value(
    used: World, when: str, name: str, nth: int, status: int
) -> None:
    before = used.live
    ended = overtaken(used, when, name, nth)
    assert ended.exit_status == status
    used.spread()
    assert_rotated(used, old=None)
    past = {change.value for change in used.tenant.secret_history(used.client_id)} - {used.live}
    assert before in past
    assert not past & readable(used)
    assert len(past) == (2 if status == 4 else 3)


def test_it_waits_for_nobody_before_auth0_is_changed(used: World) -> None:
    trace = Trace(used.clock)
    began = used.clock.monotonic()
    leaked(used, trace)
    change = trace.calls[trace.index(lambda call: call.name == "set_secret")]
    assert change.began - began < 10


def write_to_vault(world: World) -> None:
    world.vault.kv.create_or_update_secret(f"{world.vault.path}/pending", {"note": THEIRS})


def write_to_aws(world: World) -> None:
    world.aws.client.put_secret_value(SecretId=world.aws.name, SecretString=THEIRS, VersionStages=["AWSPENDING"])


@pytest.mark.parametrize("write", [write_to_vault, write_to_aws], ids=["vault", "aws"])
def test_it_goes_over_somebody_elses_text_which_stays_readable(used: World, write: Callable[[World], None]) -> None:
    before = used.live
    write(used)
    done = leaked(used)
    assert done.operation is Operation.COMPROMISED
    assert values_met(used) == {used.live}
    for seen in (place.see() for place in used.sinks):
        assert (seen.current, seen.fallback, seen.pending) == (used.live, None, None)
    assert not {before, used.s0} & readable(used)
    assert THEIRS in str([place.dump() for place in used.sinks])
    assert unsettled(used) == []


@pytest.mark.parametrize("end", ["vault", "aws"])
def test_a_vault_that_is_away_holds_nothing_up(used: World, end: str) -> None:
    before = used.live
    there, away = (used.aws, used.vault) if end == "vault" else (used.vault, used.aws)
    trace = Trace(used.clock, before=lambda call: cut_off(call, end))
    done = leaked(used, trace)
    assert done.exit_status == 3
    assert f"{away.uri} is not reached" in " ".join(done.notes)
    assert "give this command once more" in done.notes[-1]
    assert used.live != before
    seen = there.see()
    assert (seen.current, seen.fallback, seen.pending) == (used.live, None, None)
    assert before not in seen.readable
    assert away.see().current == before
    done = leaked(used)
    assert done.exit_status == 0
    assert_rotated(used, old=None)
    assert not {before, used.s0} & readable(used)


def cut_off(call: Call, end: str) -> None:
    if call.end == end:
        raise Unavailable(f"{end} does not answer")


def test_where_no_vault_can_be_reached_nothing_is_changed(used: World) -> None:
    before = used.dump()

    def away(call: Call) -> None:
        if call.end != "auth0":
            raise Unavailable(f"{call.end} does not answer")

    with pytest.raises(Failed, match="does not answer") as failed:
        leaked(used, Trace(used.clock, before=away))
    assert not failed.value.changed
    assert used.dump() == before


def test_a_vault_that_goes_away_after_the_change_leaves_the_value_in_the_other(used: World) -> None:
    before = used.live
    trace = Trace(used.clock)
    changed: list[Call] = []

    def look(call: Call) -> None:
        if call.name == "set_secret":
            changed.append(call)
        if changed and call.end == "vault":
            raise Unavailable("vault does not answer")

    trace.before = look
    with pytest.raises(BridgeError) as caught:
        leaked(used, trace)
    assert caught.value.exit_status == 3
    assert used.aws.see().current == used.live != before
    assert used.vault.see().pending == used.live
    assert before in readable(used)  # nothing ends before the proof
    leaked(used)
    assert_rotated(used, old=None)
    assert before not in readable(used)
