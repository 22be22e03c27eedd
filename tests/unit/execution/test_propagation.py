"""When a change counts as spread: what Auth0 answers, and when, against what the proof asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bridge.auth0.client import Client
from bridge.auth0.probe import Verdict
from bridge.execution.propagation import await_propagation
from bridge.execution.session import Session
from bridge.execution.verification import await_refusal, prove
from bridge.model.errors import Failed, Refused
from bridge.model.outcome import Propagated
from bridge.model.timing import Timing
from sinks.port import SinkState, Stage
from sinks.secret import Secret
from tests.contract.clock import START, ManualClock

ACCEPTED, REFUSED, UNKNOWN = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.UNKNOWN
CLIENT, NEW, OLD, LEAKED = Client("AbC123", "billing"), Secret("new"), Secret("old"), Secret("leaked")
TIMING = Timing(timedelta(seconds=30))  # proof 10 s, patience 120 s

Answers = Callable[[float], Verdict]


@dataclass
class Edges:
    """Auth0 as its probes see it; what each value is answered depends on the time since the change."""

    answers: dict[str, Answers] = field(default_factory=dict)
    clock: ManualClock = field(default_factory=ManualClock)
    asked: list[tuple[str, float]] = field(default_factory=list)

    def probe(self, client: Client, value: Secret) -> Verdict:
        since = self.clock.monotonic() - 1000
        self.asked.append((value.reveal(), since))
        return self.answers[value.reveal()](since)

    def times(self, value: Secret) -> list[float]:
        return [since for name, since in self.asked if name == value.reveal()]


def session(edges: Edges) -> Session:
    nothing: Any = None
    auth0: Any = edges
    return Session(nothing, auth0, {}, edges.clock, TIMING, "test")


def settled(new: Answers, old: Answers | None = None, leaked: Answers | None = None) -> tuple[Propagated, Edges]:
    edges = Edges({"new": new, **({"old": old} if old else {}), **({"leaked": leaked} if leaked else {})})
    ending = (LEAKED,) if leaked else ()
    return await_propagation(session(edges), CLIENT, NEW, OLD if old else None, since=1000.0, ending=ending), edges


def always(verdict: Verdict) -> Answers:
    return lambda since: verdict


def until(seconds: float, first: Verdict, then: Verdict) -> Answers:
    return lambda since: first if since < seconds else then


def test_what_is_accepted_from_the_start_is_proven_when_the_change_has_had_its_time() -> None:
    found, edges = settled(always(ACCEPTED), always(REFUSED))
    assert found.proven
    assert 30 <= found.seconds < 33
    assert found.accepted == found.asked
    assert 6 <= found.asked <= 14
    assert (found.refused, found.asked_old) == (6, 6)
    assert min(edges.times(OLD)) >= 30


@pytest.mark.parametrize("odd", [REFUSED, UNKNOWN])
@pytest.mark.parametrize("at", [21.0, 29.0, 45.0])
def test_every_other_answer_begins_the_proof_anew(odd: Verdict, at: float) -> None:
    found, edges = settled(until(at, odd, ACCEPTED))
    assert found.proven
    first_good = min(since for since in edges.times(NEW) if since >= at)
    assert found.seconds >= max(30, first_good + 10)


def test_an_old_value_that_is_accepted_begins_it_anew_too() -> None:
    found, edges = settled(always(ACCEPTED), until(35, ACCEPTED, REFUSED))
    assert found.proven
    assert found.seconds >= min(edges.times(OLD)) + 10
    assert len(edges.times(OLD)) > 6


def test_what_ends_has_to_be_refused_throughout_the_proof() -> None:
    found, edges = settled(always(ACCEPTED), leaked=until(40, ACCEPTED, REFUSED))
    assert found.proven
    assert found.seconds >= min(since for since in edges.times(LEAKED) if since >= 40) + 10
    assert not settled(always(ACCEPTED), leaked=always(UNKNOWN))[0].proven


@pytest.mark.parametrize("verdict", [REFUSED, UNKNOWN])
def test_it_is_given_up_after_its_patience(verdict: Verdict) -> None:
    found, edges = settled(always(verdict))
    assert not found.proven
    assert (found.accepted, found.asked) == (0, len(edges.asked))
    assert 120 <= found.seconds < 121
    assert len(edges.asked) <= 20


def test_somebody_who_asks_it_to_stop_is_heard_and_told_that_nothing_is_proven() -> None:
    edges = Edges({"new": always(ACCEPTED), "leaked": always(REFUSED)})
    asked = session(edges)
    edges.answers["new"] = lambda since: asked.stop.ask() or ACCEPTED  # type: ignore[func-returns-value]
    with pytest.raises(Failed, match="stopped as asked"):
        await_refusal(asked, CLIENT, NEW, (LEAKED,), since=1000.0)
    assert len(edges.times(NEW)) == 1


def test_a_value_that_goes_on_being_accepted_is_told_as_that() -> None:
    edges = Edges({"new": always(ACCEPTED), "leaked": always(ACCEPTED)})
    with pytest.raises(Failed, match="could not be proven that Auth0 refuses what ends"):
        await_refusal(session(edges), CLIENT, NEW, (LEAKED,), since=1000.0)
    edges = Edges({"new": always(ACCEPTED), "leaked": always(REFUSED)})
    assert await_refusal(session(edges), CLIENT, NEW, (LEAKED,), since=1000.0).proven


@dataclass(frozen=True)
class Stored:
    """A sink that holds these values."""

    values: dict[Stage, Secret]

    def read(self) -> SinkState:
        return SinkState("vault://secret/a", START, exists=True, values=self.values)


@pytest.mark.parametrize(
    ("current", "fallback", "why"),
    [
        (ACCEPTED, REFUSED, None),
        (ACCEPTED, ACCEPTED, "still accepts the fallback"),
        (ACCEPTED, UNKNOWN, "did not say which"),
        (REFUSED, REFUSED, "does not accept the current value"),
        (REFUSED, ACCEPTED, "does not accept the current value"),
        (UNKNOWN, REFUSED, "did not say which"),
        (REFUSED, UNKNOWN, "did not say which"),
    ],
)
def test_under_the_lock_both_values_are_probed_once_more_before_one_ends(
    current: Verdict, fallback: Verdict, why: str | None
) -> None:
    asked = session(Edges({"new": always(current), "old": always(fallback)}))
    place: Any = Stored({Stage.CURRENT: NEW, Stage.FALLBACK: OLD})
    asked.sinks["vault://secret/a"] = place
    if why is None:
        prove(asked, CLIENT, asked.uris)
        return
    with pytest.raises((Refused, Failed), match=why) as caught:
        prove(asked, CLIENT, asked.uris)
    assert isinstance(caught.value, Failed) is (UNKNOWN in (current, fallback))


def test_a_place_without_a_current_value_proves_nothing_and_without_a_fallback_nothing_ends() -> None:
    asked = session(Edges({"new": always(ACCEPTED), "old": always(REFUSED)}))
    empty: Any = Stored({Stage.FALLBACK: OLD})
    asked.sinks["vault://secret/a"] = empty
    with pytest.raises(Refused, match="does not accept the current value"):
        prove(asked, CLIENT, asked.uris)
    alone: Any = Stored({Stage.CURRENT: NEW})
    asked.sinks["vault://secret/a"] = alone
    prove(asked, CLIENT, asked.uris)
