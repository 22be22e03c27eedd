"""The order of the raw calls, as they were recorded: what the protocol promises."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from bridge.auth0.errors import Auth0Error
from bridge.begin import Options
from bridge.plan import Strategy
from bridge.resume import resume
from bridge.retire import retire
from bridge.rotate import RotateOptions, rotate
from sinks.port import SinkError
from sinks.secret import Secret
from tests.e2e.taps import Call, Trace, died
from tests.e2e.world import DAY, World

STAGED, GENERATED = Strategy.STAGED, Strategy.AUTH0_GENERATED


def prepared(world: World) -> World:
    world.fill()
    world.adopt()
    world.spread()
    return world


def trace_of(world: World, strategy: Strategy = STAGED) -> Trace:
    trace = Trace(world.clock)
    world.rotate(trace, strategy=strategy)
    return trace


def at_lock(call: Call) -> bool:
    return call.end == "vault" and str(call.args[0]).endswith("/pending")


def is_claim(call: Call) -> bool:
    return (call.end, call.name) == ("aws", "put") or (call.name == "write" and at_lock(call))


def is_look(call: Call) -> bool:
    return str(call) == "aws.page" or (call.name == "read" and at_lock(call))


def is_change(call: Call) -> bool:
    return call.name in ("set_secret", "rotate_secret")


def is_main_write(call: Call) -> bool:
    return (call.end, call.name) == ("vault", "write") and not at_lock(call)


def is_label(call: Call, stage: str, *, moved: bool = True) -> bool:
    return call.name == "label" and call.args[0] == stage and ("to" in call.more) is moved


@pytest.mark.parametrize("strategy", [STAGED, GENERATED])
def test_both_ends_are_checked_before_either_is_changed(world: World, strategy: Strategy) -> None:
    trace = trace_of(prepared(world), strategy)
    first = trace.effects[0].number
    before = {str(call) for call in trace.calls[:first]}
    reads = {"aws.describe", "aws.page", "aws.get", "vault.metadata", "vault.read", "vault.capabilities"}
    assert reads | {"auth0.get_client", "auth0.probe"} <= before
    assert not {str(call) for call in trace.calls[first:]} & {"auth0.get_client", "vault.capabilities"}


@pytest.mark.parametrize("broken", ["aws.page", "aws.get", "vault.read", "vault.capabilities", "auth0.get_client"])
def test_nothing_is_changed_when_a_check_fails(world: World, broken: str) -> None:
    prepared(world)
    before = world.dump()
    trace = Trace(world.clock)

    def fail(call: Call) -> None:
        if str(call) == broken:
            raise SinkError("broken") if call.end != "auth0" else Auth0Error("broken")

    trace.before = fail
    with pytest.raises(Exception, match="broken"):
        world.rotate(trace)
    assert trace.effects == []
    assert world.dump() == before


def test_under_staged_every_place_holds_the_value_before_auth0_gets_it(world: World) -> None:
    prepared(world)
    seen: list[tuple[str | None, ...]] = []
    values: list[Secret] = []
    trace = Trace(world.clock)

    def look(call: Call) -> None:
        if call.name == "set_secret":
            seen.append(tuple(place.see().pending for place in world.places))
            values.append(call.args[1])

    trace.before = look
    world.rotate(trace)
    assert seen == [(world.live, world.live)]
    assert values[0] == Secret(world.live)


@pytest.mark.parametrize("strategy", [STAGED, GENERATED])
@pytest.mark.parametrize("order", [1, -1], ids=["vault first", "aws first"])
def test_all_places_are_claimed_in_the_order_of_their_uris_before_auth0_is_touched(
    world: World, strategy: Strategy, order: int
) -> None:
    prepared(world)
    trace = Trace(world.clock)
    world.rotate(trace, uris=world.uris[::order], strategy=strategy)
    change = trace.index(is_change)
    claims = [call.end for call in trace.effects if is_claim(call) and call.number < change]
    assert claims == ["aws", "vault"]  # the order of the URIs, whatever was typed


def test_auth0_generates_only_once_and_the_answer_is_stored_before_anything_else(world: World) -> None:
    trace = trace_of(prepared(world), GENERATED)
    changes = [call for call in trace.calls if is_change(call)]
    assert [call.name for call in changes] == ["rotate_secret"]
    after = [call for call in trace.effects if call.number > changes[0].number]
    stored = [call for call in after if is_claim(call)][:2]
    assert {call.end for call in stored} == {"aws", "vault"}
    promoted = trace.index(lambda c: is_main_write(c) or is_label(c, "AWSCURRENT"))
    assert all(call.number < promoted for call in stored)


def test_in_vault_the_tags_come_before_the_document(world: World) -> None:
    trace = trace_of(prepared(world))
    main = [call for call in trace.effects if call.end == "vault" and not at_lock(call)]
    assert [call.name for call in main] == ["tag", "write"]


def test_in_aws_the_fallback_is_pinned_before_current_moves_and_pending_goes_last(world: World) -> None:
    trace = trace_of(prepared(world))
    labels = [(call.args[0].partition(":")[0], "to" in call.more) for call in trace.effects if call.name == "label"]
    assert labels == [("FALLBACK", True), ("AWSCURRENT", True), ("AWSPENDING", False), ("BRIDGE", False)]


def test_who_finishes_has_the_value_stored_everywhere_before_it_sets_it_again(world: World) -> None:
    """Auth0's answer was stored in one place; the other one is held without a value."""
    prepared(world)
    died(world, "aws.put", lambda trace: world.rotate(trace, strategy=GENERATED), nth=1)
    assert [place.see().pending for place in world.places] == [None, world.live]
    world.clock.advance(timedelta(minutes=5))
    seen: list[list[str | None]] = []

    def look(call: Call) -> None:
        if is_change(call):
            seen.append([place.see().pending for place in world.places])

    assert resume(world.job(trace=Trace(world.clock, before=look)), Options(settle=False))
    assert seen == [[world.live] * 2]


def test_promotion_follows_the_change_and_release_is_in_reverse_order(world: World) -> None:
    trace = trace_of(prepared(world))
    change = trace.index(is_change)
    promoted = [trace.index(lambda c: is_label(c, "AWSCURRENT")), trace.index(is_main_write)]
    idle = trace.last(lambda c: c.name == "write" and at_lock(c))
    dropped = trace.index(lambda c: is_label(c, "AWSPENDING", moved=False))
    assert change < min(promoted)
    assert max(promoted) < idle < dropped


def test_after_the_change_at_auth0_a_place_is_looked_at_again_before_anything_is_written_there(world: World) -> None:
    trace = trace_of(prepared(world))
    change = trace.index(is_change)
    for end in ("aws", "vault"):
        written = next(call.number for call in trace.effects if call.end == end and call.number > change)
        assert [call for call in trace.calls[change:written] if call.end == end and is_look(call)]


GUARDED = {"aws.put", "aws.create", "vault.write"}  # by a compare-and-set of their own


def assert_within_lease(trace: Trace, lease: float) -> None:
    """Each call without compare-and-set ended within the lease that began with a look at its place, and was told so."""
    looked = {"aws": float("-inf"), "vault": float("-inf")}
    for call in trace.calls:
        if is_look(call) or is_claim(call):
            looked[call.end] = call.began
        cleaning = call.name == "destroy" and at_lock(call)  # exact numbers below the idle record's: harmless for ever
        dropping = call.name == "label" and "to" not in call.more  # names its holder: a compare-and-set
        if call not in trace.effects or (str(call) in GUARDED and not is_main_write(call)) or cleaning or dropping:
            continue
        relevant = looked.values() if call.end == "auth0" else [looked[call.end]]
        assert trace.ended[call.number] <= min(relevant) + lease, f"{call} without a look"
        assert call.more["before"] <= min(relevant) + lease + 0.001, f"{call} was given too long"


@pytest.mark.parametrize("strategy", [STAGED, GENERATED])
def test_every_unguarded_call_ends_within_its_lease_after_a_look(world: World, strategy: Strategy) -> None:
    trace = trace_of(prepared(world), strategy)
    assert_within_lease(trace, world.job().timing.lease.total_seconds())


def test_the_unguarded_calls_of_a_retirement_do_so_too(world: World) -> None:
    prepared(world).rotate()
    world.clock.advance(DAY)
    trace = Trace(world.clock)
    assert retire(world.job(trace=trace), Options())
    assert {"destroy", "label"} <= {call.name for call in trace.effects}
    assert_within_lease(trace, world.job().timing.lease.total_seconds())


@pytest.mark.parametrize("slow", ["aws.page", "vault.read"])
def test_a_look_that_took_too_long_is_repeated_before_auth0_is_changed(world: World, slow: str) -> None:
    """The second look eats the first one's lease up, once."""
    prepared(world)
    trace = Trace(world.clock)
    slept: list[int] = []

    def dawdle(call: Call) -> None:
        claimed = len([c for c in trace.effects if is_claim(c)]) == 2
        if claimed and not slept and str(call) == slow and call.end == slow.partition(".")[0]:
            slept.append(call.number)
            world.clock.sleep(11)

    trace.after = dawdle
    rotate(world.job(trace=trace), RotateOptions(settle=False))
    assert slept
    assert_within_lease(trace, 10)


def test_two_changes_at_auth0_are_at_least_the_time_to_spread_apart(world: World) -> None:
    prepared(world)
    for _ in range(3):
        rotate(world.job(), RotateOptions(settle=False))
    times = [change.since for change in world.tenant.secret_history(world.client_id)]
    assert min(later - earlier for earlier, later in pairwise(times[1:])) >= 30
