"""The order of the raw calls, as they were recorded: what the protocol promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from bridge.auth0.errors import Auth0Error
from bridge.execution.session import Session
from bridge.model.operation import Strategy
from bridge.model.origin import Origin
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from sinks.port import SinkError
from sinks.secret import Secret
from tests.e2e.observe import values_met
from tests.e2e.taps import Call, Trace, died, is_noting
from tests.e2e.world import DAY, MakeWorld, World

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
            seen.append(tuple(place.see().pending for place in world.sinks))
            values.append(call.args[1].value)
            assert call.args[1].origin is Origin.GENERATED

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


def staged_when(world: World, wanted: Callable[[Call], bool]) -> list[list[str | None]]:
    """Settle, and return what is pending in the sinks before each call that is wanted."""
    seen: list[list[str | None]] = []

    def look(call: Call) -> None:
        if wanted(call):
            seen.append([place.see().pending for place in world.sinks])

    assert resume(world.session(trace=Trace(world.clock, before=look)), Options(settle=False))
    return seen


def publishes(call: Call) -> bool:
    return is_main_write(call) or is_label(call, "AWSCURRENT")


@pytest.mark.parametrize("at", ["aws.put", "aws.label"])
def test_who_settles_has_the_value_stored_everywhere_before_it_is_published_and_sets_it_nowhere(
    world: World, at: str
) -> None:
    """Auth0's answer was stored in one sink, there perhaps not as pending yet; the other is held without a value."""
    prepared(world)
    nth = 1 if at == "aws.put" else 0  # the first put is the claim's
    died(world, at, lambda trace: world.rotate(trace, strategy=GENERATED), nth=nth)
    assert [place.see().pending for place in world.sinks] == [None, None if at == "aws.put" else world.live]
    world.clock.advance(timedelta(minutes=5))
    live = world.live
    assert staged_when(world, lambda call: publishes(call) or is_change(call))[:1] == [[live] * 2]
    assert [change.value for change in world.tenant.secret_history(world.client_id)] == [world.s0, live]


def test_who_replaces_a_lost_value_has_the_fresh_one_stored_everywhere_before_it_is_set(make_world: MakeWorld) -> None:
    world = prepared(make_world(scopes=("read:clients", "update:client_keys")))
    died(world, "auth0.rotate_secret", lambda trace: world.rotate(trace, strategy=GENERATED))
    world.clock.advance(timedelta(minutes=5))
    assert staged_when(world, is_change) == [[world.live] * 2]


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
        # Each names the version that it takes a label from: a compare-and-set.
        dropping = call.name == "label" and ("to" not in call.more or is_label(call, "AWSPENDING"))
        harmless = cleaning or dropping or is_noting(call)
        if call not in trace.effects or (str(call) in GUARDED and not is_main_write(call)) or harmless:
            continue
        relevant = looked.values() if call.end == "auth0" else [looked[call.end]]
        assert trace.ended[call.number] <= min(relevant) + lease, f"{call} without a look"
        assert call.more["before"] <= min(relevant) + lease + 0.001, f"{call} was given too long"


@pytest.mark.parametrize("strategy", [STAGED, GENERATED])
def test_every_unguarded_call_ends_within_its_lease_after_a_look(world: World, strategy: Strategy) -> None:
    trace = trace_of(prepared(world), strategy)
    assert_within_lease(trace, world.session().timing.lease.total_seconds())


def test_the_unguarded_calls_of_a_retirement_do_so_too(world: World) -> None:
    prepared(world).rotate()
    world.clock.advance(DAY)
    trace = Trace(world.clock)
    assert retire(world.session(trace=trace), Options())
    assert {"destroy", "label"} <= {call.name for call in trace.effects}
    assert_within_lease(trace, world.session().timing.lease.total_seconds())


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
    rotate(world.session(trace=trace), RotateOptions(settle=False))
    assert slept
    assert_within_lease(trace, 10)


def test_two_changes_at_auth0_are_at_least_the_time_to_spread_apart(world: World) -> None:
    prepared(world)
    for _ in range(3):
        rotate(world.session(), RotateOptions(settle=False))
    times = [change.since for change in world.tenant.secret_history(world.client_id)]
    assert min(later - earlier for earlier, later in pairwise(times[1:])) >= 30


def is_naming(call: Call) -> bool:
    """Tell whether a call says beside a claim whose it is."""
    return call.name == "tag" and any("bridge_lock_operation" in arg for arg in call.args if isinstance(arg, dict))


def nothing(world: World) -> None:
    """Nothing has to be so."""


def retired_softly(world: World) -> None:
    assert retire(world.session(), Options(), softly=True)


def changed_in_the_dashboard(world: World) -> None:
    world.tenant.set_in_dashboard(world.client_id)


Before = Callable[[World], None]
OPERATIONS: dict[str, tuple[Before, Before, Callable[[Session], Any]]] = {
    "rotate": (nothing, nothing, lambda session: rotate(session, RotateOptions(settle=False))),
    "generate": (nothing, nothing, lambda session: rotate(session, RotateOptions(settle=False, strategy=GENERATED))),
    "rollback": (nothing, nothing, lambda session: rollback(session, RollbackOptions(settle=False))),
    "retire": (nothing, nothing, lambda session: retire(session, Options())),
    "retire --soft": (nothing, nothing, lambda session: retire(session, Options(), softly=True)),
    "retire --undo": (retired_softly, nothing, lambda session: bring_back(session, Options())),
    "sync": (nothing, changed_in_the_dashboard, lambda session: sync(session, SyncOptions())),
    "adopt --repair": (nothing, nothing, lambda session: adopt(session, AdoptOptions(repair=True))),
    "forget": (nothing, nothing, lambda session: forget(session, Options())),
}
"""What has to be so a while before, what happens in the last moment, and the operation.

The answer to a leak is not among them: it waits for nobody.
"""


@pytest.mark.parametrize("name", OPERATIONS)
def test_after_a_release_every_operation_waits_for_late_calls_before_its_first_unguarded_one(
    world: World, name: str
) -> None:
    early, late, operate = OPERATIONS[name]
    prepared(world).rotate()
    world.clock.advance(DAY)
    early(world)
    world.spread()
    released = Trace(world.clock)
    world.adopt(released, repair=True)
    late(world)
    trace = Trace(world.clock)
    assert operate(world.session(trace=trace))
    first = next(call for call in trace.effects if not is_claim(call) and not is_naming(call))
    lease = world.session().timing.lease.total_seconds()
    of_others = [call.began for call in released.calls if is_look(call) or is_claim(call)]
    assert first.began > of_others[-1] + lease, f"a call within that lease may come after {first}"
    assert first.began - released.ended[released.effects[-1].number] > 28  # the vaults tell whole seconds


class Newest(Random):
    """Chance as it may happen: every request meets an edge of Auth0 that knows of the change."""

    def choice(self, seq: Any) -> Any:
        return seq[-1]


def test_a_fallback_without_a_least_age_is_not_retired_before_the_change_has_spread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes that happen to meet the new value only tell nothing; time does."""
    rotate(prepared(world).session(), RotateOptions(settle=False))
    monkeypatch.setattr(world.tenant, "random", Newest())
    assert world.s0 in values_met(world)
    trace, met = Trace(world.clock), list[set[str]]()

    def look(call: Call) -> None:
        unlabelled = call.name == "label" and call.args[0] in ("FALLBACK", "AWSPREVIOUS")
        if unlabelled or (call.name == "destroy" and not at_lock(call)):
            met.append(values_met(world))

    trace.before = look
    assert retire(world.session(trace=trace, fallback_min_age=timedelta()), Options())
    assert met == [{world.live}] * 3  # two labels, one version
