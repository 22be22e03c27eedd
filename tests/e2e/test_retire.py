"""Retiring: never too early, never what is in use, and then everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from bridge.model.errors import Incomplete, Refused
from bridge.model.outcome import Outcome
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.start import Options
from tests.e2e.observe import unsettled
from tests.e2e.sinks import ANCIENT
from tests.e2e.taps import Call, Killed, Trace, kill_after
from tests.e2e.world import DAY, MakeWorld, World

YOUNG = timedelta(hours=23, minutes=58)


def rotated(world: World, *, edits: int = 0) -> World:
    """Rotate over sinks in use; people edit other keys before and after it."""
    world.fill()
    world.adopt()
    edit(world, edits, "before")
    world.rotate()
    edit(world, edits, "after")
    return world


def edit(world: World, times: int, when: str) -> None:
    for place in world.sinks:
        for number in range(times):
            place.edit(f"edited-{when}-{number}", number)


def retired(world: World, trace: Trace | None = None, **settings: object) -> Outcome | None:
    return retire(world.session(trace=trace, **settings), Options())


def test_a_fallback_younger_than_a_day_is_kept_and_the_refusal_says_from_when_it_may_go(world: World) -> None:
    rotated(world)
    world.clock.advance(YOUNG)
    before = world.dump()
    with pytest.raises(
        Refused, match=r"(?s)stays until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ.*1 min left.*age +23 h.*min 1 d"
    ) as caught:
        retired(world)
    assert caught.value.exit_status == 4
    assert world.dump() == before


def test_the_age_is_counted_from_the_promotion_of_its_successor(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    assert retired(world) is not None


def test_a_shorter_least_age_can_be_configured(world: World) -> None:
    rotated(world)
    world.clock.advance(timedelta(minutes=11))
    assert retired(world, fallback_min_age=timedelta(minutes=10)) is not None


def test_a_fallback_that_auth0_still_accepts_is_kept(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    world.tenant.set_in_dashboard(world.client_id, world.s0)  # somebody undid the change
    world.spread()
    before = world.dump()
    with pytest.raises(Refused):
        retired(world)
    assert world.dump() == before


class Alternating(Random):
    """Chance as it may happen: each of the values in turn."""

    turn = 0

    def choice(self, seq: Any) -> Any:
        self.turn += 1
        return seq[self.turn % len(seq)]


def test_a_fallback_that_auth0_accepts_at_random_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.tenant, "random", Alternating())
    rotated(world)
    world.clock.advance(DAY)
    value = world.live
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.tenant.set_in_dashboard(world.client_id, value)  # for the next 30 s either may be met
    before = world.dump()
    for _ in range(5):
        with pytest.raises(Refused):
            retired(world)
    assert world.dump() == before


class InTurn(Random):
    """Chance as it may happen: the live value, then the one before it, and so on."""

    turn = 0

    def choice(self, seq: Any) -> Any:
        self.turn += 1
        return seq[-1 if self.turn % 2 else -2]


def once_all_is_claimed(world: World, strike: Callable[[], None]) -> Trace:
    """Have something happen right after the last claim: what was probed before is true no longer."""
    trace, struck = Trace(world.clock), list[Call]()

    def after(call: Call) -> None:
        if not struck and str(call) == "vault.write":
            struck.append(call)
            strike()

    trace.after = after
    return trace


def assert_nothing_went(world: World) -> None:
    """The fallback is everywhere what it was, and nobody holds a sink."""
    assert all(world.s0 in place.see().readable for place in world.sinks)
    assert unsettled(world) == []


def set_again(world: World, _patch: pytest.MonkeyPatch) -> None:
    """Somebody goes back by hand."""
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.spread()


def set_anew(world: World, _patch: pytest.MonkeyPatch) -> None:
    """Somebody presses Rotate in the dashboard."""
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()


def set_to_and_fro(world: World, patch: pytest.MonkeyPatch) -> None:
    """Somebody goes back by hand, and takes that back: for 30 s Auth0 accepts either."""
    value = world.live
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.tenant.set_in_dashboard(world.client_id, value)
    patch.setattr(world.tenant, "random", InTurn())


@pytest.mark.parametrize("softly", [False, True], ids=["for good", "softly"])
@pytest.mark.parametrize(
    ("strike", "why"),
    [
        (set_again, "does not accept the current value"),
        (set_anew, "does not accept the current value"),
        (set_to_and_fro, "still accepts the fallback's value"),
    ],
    ids=["set again", "set anew", "set to and fro"],
)
def test_what_auth0_accepts_is_asked_again_once_all_places_are_held(
    world: World, monkeypatch: pytest.MonkeyPatch, strike: Callable[..., None], why: str, *, softly: bool
) -> None:
    rotated(world)
    world.clock.advance(DAY)
    trace = once_all_is_claimed(world, lambda: strike(world, monkeypatch))
    with pytest.raises(Refused, match=why):
        retire(world.session(trace=trace), Options(), softly=softly)
    assert_nothing_went(world)
    assert [place.see().fallback for place in world.sinks] == [world.s0] * 2


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_that_auth0_accepts_current_is_asked_for_every_place(world: World, place: int) -> None:
    rotated(world)
    world.clock.advance(DAY)
    overwritten = world.sinks[place]
    trace = once_all_is_claimed(world, lambda: overwritten.edit("client_secret", "somebody-pasted-something-else"))
    with pytest.raises(Refused, match=f"does not accept the current value in {overwritten.uri}"):
        retired(world, trace)
    assert_nothing_went(world)
    assert [seen.see().fallback for seen in world.sinks] == [world.s0] * 2


@pytest.mark.parametrize("place", [0, 1], ids=["vault", "aws"])
def test_that_auth0_refuses_the_fallback_is_asked_for_every_place(
    world: World, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Somebody makes another version the fallback in one sink, and its value is one that Auth0 may accept."""
    rotated(world)
    world.clock.advance(DAY)
    value = world.live

    def strike() -> None:
        if place == 0:
            world.vault.tag("bridge_fallback", "1")
        else:
            held = {label: version for version, labels in world.aws.versions().items() for label in labels}
            world.aws.client.update_secret_version_stage(
                SecretId=world.aws.name,
                VersionStage="FALLBACK",
                MoveToVersionId=held["THEIRS"],
                RemoveFromVersionId=held["FALLBACK"],
            )
        world.tenant.set_in_dashboard(world.client_id, ANCIENT)
        world.tenant.set_in_dashboard(world.client_id, value)
        monkeypatch.setattr(world.tenant, "random", InTurn())

    if place == 0:  # the seal says which one it was, whatever is tagged
        retired(world, once_all_is_claimed(world, strike))
        seen = world.sinks[0].see()
        assert (seen.fallback, ANCIENT in seen.readable, world.s0 in seen.readable) == (None, True, False)
        return
    with pytest.raises(Refused, match=f"still accepts the fallback's value in {world.sinks[place].uri}"):
        retired(world, once_all_is_claimed(world, strike))
    assert_nothing_went(world)
    assert world.sinks[place].see().fallback == ANCIENT


def test_a_retirement_that_died_is_not_carried_on_where_auth0_accepts_the_fallback_again(world: World) -> None:
    rotated(world)
    refused = world.live
    world.clock.advance(DAY)
    die(world, 3)  # both sinks are claimed
    world.tenant.set_in_dashboard(world.client_id, world.s0)
    world.clock.advance(timedelta(minutes=5))
    with pytest.raises(Incomplete, match=r"was settled \(finished\); then: .*stays until"):
        retired(world)
    assert world.live == world.s0
    assert [(seen.current, seen.fallback) for seen in (place.see() for place in world.sinks)] == [
        (world.s0, refused)
    ] * 2
    assert unsettled(world) == []


def test_after_it_no_readable_version_holds_the_value_whatever_others_wrote_meanwhile(world: World) -> None:
    rotated(world, edits=3)
    world.clock.advance(DAY)
    before = [place.see() for place in world.sinks]
    assert all(world.s0 in seen.readable for seen in before)
    done = retired(world)
    assert done is not None
    assert len(done.sinks[world.vault.uri].retired) == 4  # the adopted version and three edits of it
    for seen, was in zip([place.see() for place in world.sinks], before, strict=True):
        assert seen.current == was.current == world.live
        assert seen.beside == was.beside
        assert seen.readable <= {world.live, ANCIENT}
        assert seen.fallback is None
    assert not [label for label, value in world.aws.see().labels.items() if value == world.s0]
    assert unsettled(world) == []


def test_in_aws_the_version_keeps_its_id_and_loses_its_labels(world: World) -> None:
    rotated(world)
    version = next(v for v, stages in world.aws.versions().items() if "FALLBACK" in stages)
    world.clock.advance(DAY)
    retired(world)
    assert world.aws.versions()[version] == []


def test_there_is_nothing_to_retire_twice(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    assert retired(world) is not None
    assert retired(world) is None


def die(world: World, nth: int) -> None:
    """Retire, and have the process die right after its nth call that changes something."""
    trace = Trace(world.clock)
    kill_after(trace, nth)
    with pytest.raises(Killed):
        retired(world, trace)


@pytest.mark.parametrize("resumed", [False, True], ids=["retire", "resume, retire"])
def test_an_interrupted_retirement_is_given_again(world: World, resumed: bool) -> None:
    """Nothing carries it on by its lock's word: who resumes gives the sinks back and names the command."""
    rotated(world)
    world.clock.advance(DAY)
    die(world, 6)
    left = [place.see() for place in world.sinks]
    world.clock.advance(timedelta(minutes=5))  # by then it counts as dead
    if resumed:
        done = resume(world.session(), Options())
        assert done is not None
        assert (done.result, done.exit_status) == ("given-back", 0)
        assert f"secret-bridge retire {world.client_id}" in done.notes[-1]
        assert [place.see().readable for place in world.sinks] == [seen.readable for seen in left]
    assert retired(world) is not None
    for place in world.sinks:
        assert place.see().readable <= {world.live, ANCIENT}
    assert unsettled(world) == []


def test_a_live_retirement_is_not_taken_over(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    trace = Trace(world.clock)
    kill_after(trace, 6)
    with pytest.raises(Killed):
        retired(world, trace)
    before = world.dump()
    with pytest.raises(Refused, match="counts as live until"):
        retired(world)
    assert world.dump() == before


def test_a_fallback_without_a_value_to_probe_is_kept_until_its_age_too(make_world: MakeWorld) -> None:
    world = rotated(make_world(ends="aws"))
    client, name = world.aws.client, world.aws.name
    put = client.put_secret_value(SecretId=name, SecretString='{"smtp": 1}', VersionStages=["MISTAKE"])
    (fallback,) = [version for version, labels in world.aws.versions().items() if "FALLBACK" in labels]
    client.update_secret_version_stage(
        SecretId=name, VersionStage="FALLBACK", RemoveFromVersionId=fallback, MoveToVersionId=put["VersionId"]
    )
    world.clock.advance(YOUNG)
    before = world.dump()
    with pytest.raises(Refused, match="stays until"):
        retired(world)
    assert world.dump() == before


def test_a_text_in_aws_that_is_no_document_does_not_stand_in_its_way(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    document = world.aws.text(VersionStage="AWSCURRENT")
    for text in ("put here by mistake", document):
        world.aws.client.put_secret_value(SecretId=world.aws.name, SecretString=text)
    assert retired(world) is not None
    assert "FALLBACK" not in [label for labels in world.aws.versions().values() for label in labels]
    assert unsettled(world) == []


def test_a_tag_that_names_no_version_in_vault_does_not_either(world: World) -> None:
    rotated(world)
    world.clock.advance(DAY)
    trace = Trace(world.clock)

    def meddle(call: Any) -> None:
        if str(call) == "vault.tag":
            world.vault.tag("bridge_fallback", "none of them")

    trace.after = meddle
    retired(world, trace)
    assert unsettled(world) == []
