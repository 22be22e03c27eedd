"""A few cases of the proof, played as it plays them; and that it sees what it is there to see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from tests.e2e.sinks import AwsPlace
from tests.resilience.deaths.bench import NOWHERE, Bench
from tests.resilience.deaths.cases import Case
from tests.resilience.deaths.line import At, Blow
from tests.resilience.deaths.planted import plant
from tests.resilience.deaths.play import play, rehearse
from tests.resilience.kill.scenarios import SCENARIOS
from tests.resilience.kill.ways import AGAIN, WAIT

SCENARIO = SCENARIOS["rotate/staged/vault/open"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as running:
        yield running
    stamina.set_testing(False)


def test_two_rehearsals_meet_the_same_states(bench: Bench) -> None:
    one, other = rehearse(bench, SCENARIO), rehearse(bench, SCENARIO)
    assert one.states == other.states
    assert one.calls[2:] != []
    assert one.after == other.after


@pytest.mark.parametrize(
    "case",
    [
        Case(At(3), Blow.KILLED_AFTER),
        Case(At(3), Blow.KILLED_AFTER, WAIT),
        Case(At(3), Blow.KILLED_AFTER, AGAIN, At(2)),
        Case(At(3), Blow.DROPPED),
        Case(At(3), Blow.DELIVERED),
        Case(At(3), Blow.ANSWERED),
        Case(At(3), Blow.LATE, late=3),
        Case(At(3), Blow.LATE_ALIVE, late=-1),
    ],
    ids=str,
)
def test_a_case_of_each_kind_recovers(bench: Bench, case: Case) -> None:
    played = play(bench, SCENARIO, case, rehearse(bench, SCENARIO))
    assert played.faults == []
    assert played.call.startswith("auth0 PATCH")


def test_a_guard_that_is_missing_is_seen(bench: Bench) -> None:
    rehearsal = rehearse(bench, SCENARIO)
    patch = plant("settling gives back though what is pending is accepted")
    try:
        played = play(bench, SCENARIO, Case(At(3), Blow.KILLED_AFTER), rehearsal)
    finally:
        patch.undo()
    assert played.faults


def test_a_secret_is_seen_from_near_as_through_the_api(bench: Bench) -> None:
    with bench.subject("vault aws") as subject:
        near, shown = subject.world.aws, AwsPlace(NOWHERE, subject.world.aws.name.removeprefix("apps/"))
        for argv in ((), ("adopt", "--yes"), ("rotate", "--no-wait"), ("retire", "--yes")):
            if argv:
                subject.rest()
                subject.must(*argv)
            else:
                assert (near.dump(), near.text(VersionStage="AWSCURRENT")) == (shown.dump(), None)
                near.fill(subject.world.s0)
            one, other = near.dump(), shown.dump()
            assert list(one["versions"].items()) == list(other["versions"].items())
            assert all(
                one["described"].get(name) == other["described"][name] for name in ("ARN", "Tags", "Description")
            )
            assert near.see() == shown.see()
        assert near.see().fallback is None
