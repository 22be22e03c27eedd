"""Whoever goes on with what was begun names it as it is: with other words nothing is done."""

from __future__ import annotations

import pytest

from bridge.model.errors import Failed, Refused
from bridge.model.operation import Operation
from bridge.operations.resume import resume
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from sinks.errors import Denied
from sinks.secret import Secret
from tests.e2e.command import invoke, on
from tests.e2e.observe import assert_rotated, unsettled
from tests.e2e.taps import Call, Killed, Trace, died, kill_after
from tests.e2e.world import DAY, MakeWorld, World


def interrupted(world: World, nth: int = 1) -> None:
    world.fill()
    world.adopt()
    world.clock.advance(DAY)
    trace = Trace(world.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        world.rotate(trace)
    world.clock.advance(DAY)


@pytest.mark.parametrize("end", ["vault", "aws"])
@pytest.mark.parametrize("key", ["client_secret", "db_url"], ids=["no such key", "another text"])
def test_with_another_key_nothing_is_changed(make_world: MakeWorld, end: str, key: str) -> None:
    world = make_world(ends=end, key="api_key")
    interrupted(world)
    before = world.dump()
    (place,) = world.sinks
    with pytest.raises(Refused, match=f"an operation on another key than '{key}'") as refused:
        resume(world.session([f"{place.uri}#{key}"]), Options(takeover=True))
    assert "keys: api_key" in str(refused.value)
    assert world.dump() == before
    assert resume(world.session(), Options(settle=False)) is not None


def test_of_somebody_elses_place_nothing_is_said_but_that(make_world: MakeWorld) -> None:
    mine, theirs = make_world(), make_world()
    for world in (mine, theirs):
        world.fill()
        world.adopt()
    before = theirs.dump()
    with pytest.raises(Refused, match=f"holds the secret of {theirs.client_id}"):
        resume(mine.session(theirs.uris), Options())
    assert theirs.dump() == before


def test_of_one_of_two_places_nothing_is_set_right(world: World) -> None:
    world.fill()
    world.adopt()
    with pytest.raises(Refused, match="belongs to the list of sinks"):
        resume(world.session([world.vault.uri]), Options())


@pytest.mark.parametrize("nth", [3, 4], ids=["Auth0 was not told", "Auth0 was told"])
def test_a_value_that_was_brought_is_set_whatever_was_interrupted(world: World, nth: int) -> None:
    interrupted(world, nth)
    pending = world.vault.see().pending
    brought = "Another-value-of-forty-eight-characters-0123456789"
    done = rotate(world.session(), RotateOptions(brought=Secret(brought), settle=False))
    world.spread()
    assert done.operation is Operation.ROTATE
    assert world.live == brought
    assert_rotated(world, old=world.s0 if nth == 3 else pending, kept=pending)


def test_a_value_that_was_brought_and_set_already_is_published_and_not_set_again(world: World) -> None:
    interrupted(world, 4)
    pending = world.vault.see().pending
    assert pending
    done = rotate(world.session(), RotateOptions(brought=Secret(pending), settle=False))
    assert done.operation is Operation.SETTLE
    assert done.published
    assert len(world.tenant.secret_history(world.client_id)) == 2
    assert_rotated(world, old=world.s0)


@pytest.mark.parametrize("nth", range(4))
def test_what_adopts_gives_up_halfway_and_dies_at_that_is_nothing_to_refuse(world: World, nth: int) -> None:
    """One sink is managed then, the other still as it was, and nobody holds them."""
    world.fill()
    trace = Trace(world.clock)

    def deny(call: Call) -> None:
        if call.end == "vault" and call.name == "tag" and not str(call.args[0]).endswith("/pending"):
            trace.before = lambda _: None
            kill_after(trace, len(trace.effects) + nth)
            raise Denied("no right to do that")

    trace.before = deny
    with pytest.raises((Killed, Failed)):
        world.rotate(trace, adopt=True)
    died_with = world.vault.see()
    resume(world.session(), Options(takeover=True, settle=False))
    world.spread()
    assert unsettled(world) == []
    if world.live == world.s0:
        world.rotate(adopt=True)
    assert_rotated(world, old=world.s0, kept=died_with.pending or next(iter(died_with.left), None))


def test_what_somebody_holds_is_nothing_to_clean_up(world: World) -> None:
    """It was claimed after the operation before had ended: one sink already, the other one not yet."""
    world.fill()
    world.adopt()
    died(world, "aws.tag")
    before = world.dump()
    with pytest.raises(Refused, match="counts as live until"):
        resume(world.session(), Options())
    assert world.dump() == before


def test_a_sink_that_is_written_as_an_arn_is_called_by_it(make_hasty: MakeWorld) -> None:
    live = make_hasty(ends="aws")
    live.fill()
    arn = f"aws://{live.aws.describe()['ARN']}"
    for verb, *more in (("adopt", "--yes"), ("rotate", "--no-wait"), ("status", "--json")):
        ended = invoke(verb, live.client_id, "--sink", arn, *more)
        assert ended.status == 0, ended.told
    assert arn in ended.out
    assert live.aws.see().current == live.live
    assert live.aws.see().tags["bridge_sinks"] == arn


def test_a_sink_that_was_named_without_its_arn_is_settled_by_adopting_it(make_hasty: MakeWorld) -> None:
    live = make_hasty(ends="aws")
    live.fill()
    assert on(live, "adopt", "--yes").status == 0
    assert on(live, "rotate", "--no-wait").status == 0
    arn = f"aws://{live.aws.describe()['ARN']}"
    before = live.dump()
    refused = invoke("rotate", live.client_id, "--sink", arn, "--no-wait")
    assert refused.status == 4, refused.told
    assert live.dump() == before
    assert invoke("adopt", live.client_id, "--sink", arn, "--yes").status == 0
    ended = invoke("status", live.client_id, "--sink", arn, "--json")
    assert ended.status == 0, ended.told
    assert live.aws.see().tags["bridge_sinks"] == arn
    assert live.aws.see().current == live.live
