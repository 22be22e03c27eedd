"""Documents with sibling keys through every operation: their readers see what they should at each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bridge.model.errors import Refused
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from bridge.operations.verify import verify
from tests.e2e.observe import assert_rotated, values_met
from tests.e2e.sinks import ANCIENT
from tests.e2e.taps import Call, Trace, died
from tests.e2e.world import DAY, MakeWorld, World

KEPT: dict[str, Any] = {"sibling_keys": True, "consumer_refresh": timedelta(minutes=5)}
QUICK = Options(settle=False)


def told(world: World) -> list[tuple[str | None, ...]]:
    """Return what readers of the latest document see: current, the coming and the former value."""
    return [(seen.current, *seen.sibling_keys) for seen in (place.see() for place in world.sinks)]


def kept(world: World, trace: Trace | None = None, **more: Any) -> Any:
    return world.session((), trace, **{**KEPT, **more})


@pytest.fixture
def beside(world: World) -> World:
    """A world whose documents have had sibling keys for a day."""
    world.fill()
    adopt(kept(world), AdoptOptions(settle=False))
    world.clock.advance(DAY)
    return world


def rotated(world: World, trace: Trace | None = None) -> Any:
    done = rotate(kept(world, trace), RotateOptions(settle=False))
    world.spread()
    return done


def watched(world: World) -> tuple[Trace, list[str]]:
    """Return a trace that notes after which change Auth0 may accept a value that does not stand in a document."""
    trace, faults = Trace(world.clock), list[str]()

    def look(call: Call) -> None:
        if call.changes:
            met = values_met(world)
            faults.extend(f"after {call}: {found}" for found in told(world) if not met <= {*found})

    trace.after = look
    return trace, faults


def test_adopting_writes_them_and_adopting_without_takes_them_out(beside: World) -> None:
    s0 = beside.s0
    assert told(beside) == [(s0, s0, s0)] * 2
    adopt(beside.session(), AdoptOptions(settle=False))  # who says nothing about them leaves them
    assert told(beside) == [(s0, s0, s0)] * 2
    done = adopt(beside.session(sibling_keys=False), AdoptOptions(settle=False))
    assert told(beside) == [(s0, None, None)] * 2
    assert any("client_secret_next" in note for note in done.notes + done.plan.notes)


def test_a_rotation_announces_waits_and_leaves_the_former_value(beside: World) -> None:
    trace, faults = watched(beside)
    began = beside.clock.monotonic()
    seen: list[float] = []
    look = trace.after

    def note(call: Call) -> None:
        look(call)
        if call.end != "auth0" and call.changes and all(next_ != now for now, next_, _ in told(beside)):
            seen.append(beside.clock.monotonic())
        if str(call) == "auth0.set_secret":
            assert beside.clock.monotonic() - seen[0] >= 300

    trace.after = note
    rotated(beside, trace)
    assert seen
    assert beside.clock.monotonic() - began < 420
    assert faults == []
    assert told(beside) == [(beside.live, beside.live, beside.s0)] * 2
    assert_rotated(beside, old=beside.s0)


def operations() -> Iterator[tuple[str, Callable[[World, Trace], Any]]]:
    yield "rotate", lambda world, trace: rotate(kept(world, trace), RotateOptions(settle=False))
    yield "rollback", lambda world, trace: rollback(kept(world, trace), RollbackOptions(settle=False))
    yield "retire", lambda world, trace: retire(kept(world, trace), QUICK)
    yield "sync", lambda world, trace: sync(kept(world, trace), SyncOptions(settle=False))


@pytest.mark.parametrize(("name", "work"), [pytest.param(*each, id=each[0]) for each in operations()])
def test_at_every_call_the_documents_hold_whatever_auth0_may_accept(
    beside: World, name: str, work: Callable[[World, Trace], Any]
) -> None:
    rotated(beside)
    beside.clock.advance(DAY)
    fallback = beside.sinks[0].see().fallback
    if name == "sync":
        beside.vault.edit("client_secret_previous", "spoiled")
    trace, faults = watched(beside)
    work(beside, trace)
    assert faults == []
    beside.spread()
    (first, second) = told(beside)
    assert first == second
    assert first[:2] == (beside.live, beside.live)
    assert first[2] == beside.sinks[0].see().fallback if name != "retire" else beside.live
    if name == "retire":
        values = {value for place in beside.sinks for value in place.see().readable}
        assert fallback not in values


@pytest.mark.parametrize("at", ["vault.write", "aws.put", "aws.label", "auth0.set_secret"])
def test_who_finishes_announces_too_and_waits_no_longer_than_needed(beside: World, at: str) -> None:
    rotated(beside)
    beside.clock.advance(DAY)
    died(
        beside,
        at,
        lambda trace: rotate(kept(beside, trace), RotateOptions(settle=False)),
        nth=1 if at == "vault.write" else 0,
    )
    beside.clock.advance(timedelta(hours=1))
    trace, faults = watched(beside)
    resume(kept(beside, trace), QUICK)
    assert faults == []
    beside.spread()
    assert told(beside)[0][:2] == (beside.live, beside.live)
    assert len({*told(beside)}) == 1


def test_a_rotation_that_is_given_back_is_announced_no_longer(beside: World) -> None:
    rotated(beside)
    beside.clock.advance(DAY)
    before = told(beside)
    died(beside, "vault.write", lambda trace: rotate(kept(beside, trace), RotateOptions(settle=False)), nth=1)
    assert told(beside) != before
    trace, faults = watched(beside)
    done = resume(kept(beside, trace), Options(settle=False, takeover=True))
    assert done.result == "given-back"
    assert faults == []
    assert told(beside) == before
    rotated(beside)
    assert told(beside)[0] == (beside.live, beside.live, before[0][0])


def test_after_a_leak_nothing_of_it_stands_anywhere(beside: World) -> None:
    rotated(beside)
    leaked = beside.live
    rotate(kept(beside), RotateOptions(compromised=True, reason="seen"))
    assert told(beside) == [(beside.live,) * 3] * 2
    assert leaked not in str([place.dump() for place in beside.sinks if place is beside.vault])
    assert leaked not in {value for place in beside.sinks for value in place.see().readable}


def test_what_somebody_spoils_is_told_and_mended(beside: World) -> None:
    rotated(beside)
    beside.vault.edit("client_secret_next", "spoiled")
    found = {v.uri: v for v in verify(kept(beside))}
    assert "client_secret_next" in str(found[beside.vault.uri].notes)
    assert not found[beside.vault.uri].good
    assert found[beside.aws.uri].good
    assert sync(kept(beside), SyncOptions(settle=False)) is not None
    assert told(beside) == [(beside.live, beside.live, beside.s0)] * 2
    assert sync(kept(beside), SyncOptions(settle=False)) is None


def test_forgetting_leaves_the_document_as_it_is(beside: World) -> None:
    rotated(beside)
    before = told(beside)
    forget(kept(beside), QUICK)
    assert told(beside) == before


def test_after_they_are_switched_off_the_next_operation_takes_them_out(make_world: MakeWorld) -> None:
    world = make_world()
    world.fill()
    rotate(kept(world), RotateOptions(settle=False, adopt=True))
    world.spread()
    assert told(world)[0] == (world.live, world.live, world.s0)
    before = world.live
    world.rotate()
    assert told(world) == [(world.live, world.live, before)] * 2  # who says nothing about them keeps them
    world.clock.advance(DAY)
    world.rotate(settings={"sibling_keys": False})
    assert told(world) == [(world.live, None, None)] * 2
    retire(world.session(fallback_min_age=timedelta()), QUICK)
    assert world.s0 not in str(world.vault.dump())
    assert before not in str(world.vault.dump())
    assert {value for place in world.sinks for value in place.see().readable} <= {world.live, ANCIENT}


def test_generated_by_auth0_they_follow_at_the_promotion(beside: World) -> None:
    from bridge.model.operation import Strategy

    rotate(kept(beside), RotateOptions(settle=False, strategy=Strategy.AUTH0_GENERATED))
    beside.spread()
    assert told(beside) == [(beside.live, beside.live, beside.s0)] * 2


def test_a_companions_own_key_is_refused(beside: World) -> None:
    before = beside.dump()
    wrong = tuple(f"{uri}#client_secret_next" for uri in beside.uris)
    with pytest.raises(Refused, match=r"'client_secret_next' in .* is written beside 'client_secret'"):
        beside.rotate(uris=wrong)
    assert beside.dump() == before


def test_keys_of_somebody_elses_in_their_place_are_refused(make_world: MakeWorld) -> None:
    world = make_world()
    world.fill()
    world.vault.edit("client_secret_previous", "theirs")
    world.adopt()
    before = world.dump()
    for work in (lambda: rotate(kept(world), RotateOptions()), lambda: adopt(kept(world), AdoptOptions())):
        with pytest.raises(Refused, match="has keys of its own where sibling keys would stand: client_secret_previous"):
            work()
    assert world.dump() == before


@pytest.mark.parametrize("place", ["vault", "aws"])
def test_what_somebody_writes_over_is_announced_again_and_waited_for(beside: World, place: str) -> None:
    written: list[float] = []
    trace, faults = watched(beside)

    def spoil(call: Call) -> None:
        if written or beside.clock.monotonic() <= began + 200:
            return
        now, coming, _ = told(beside)[0 if place == "vault" else 1]
        if coming != now:
            written.append(beside.clock.monotonic())
            getattr(beside, place).edit("client_secret_next", now)

    began = beside.clock.monotonic()
    trace.before = spoil
    real, waits = beside.clock.sleep, []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        real(seconds)

    beside.clock.sleep = sleep  # type: ignore[method-assign]
    rotated(beside, trace)
    assert written
    assert faults == []
    assert sum(waits) >= 595  # twice five minutes, less what calls took
    assert told(beside) == [(beside.live, beside.live, beside.s0)] * 2


def test_a_sync_keeps_the_value_from_before_as_fallback(beside: World) -> None:
    rotated(beside)
    base = beside.live
    beside.clock.advance(DAY)
    beside.tenant.set_in_dashboard(beside.client_id)
    beside.aws.edit("client_secret", beside.live)
    beside.spread()
    sync(kept(beside), SyncOptions(settle=False))
    assert [place.see().fallback for place in beside.sinks] == [base] * 2
    assert told(beside) == [(beside.live, beside.live, base)] * 2


def test_who_settles_without_that_configuration_keeps_them_right_and_waits_for_no_reader(beside: World) -> None:
    """Auth0 accepts the value already: whoever reads it early is better off."""
    died(beside, "aws.label", lambda trace: rotate(kept(beside, trace), RotateOptions(settle=False)))
    trace, faults = watched(beside)
    began = beside.clock.monotonic()
    resume(beside.session(trace=trace), Options(settle=False, takeover=True))
    assert faults == []
    assert beside.clock.monotonic() - began < 90
    beside.spread()
    assert told(beside) == [(beside.live, beside.live, beside.s0)] * 2
