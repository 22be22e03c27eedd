"""The real code, searched: in every state that can be reached the invariants hold, and from each `resume` converges.

This is the part that fits into a minute; `python -m tests.resilience.model` searches everything and prints the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.resilience.model.program import deterministic
from tests.resilience.model.scenarios import BOTH, scenario
from tests.resilience.model.search import Search
from tests.resilience.model.states import Scenario

CHANGING = ("rotate", "rollback", "retire", "generate")
OTHERS = ("sync", "adopt --repair", "forget", "resume")


def chosen() -> Iterator[Scenario]:
    """The scenarios for every day."""
    for sinks in ("vault", "aws", BOTH):
        for name in (*CHANGING, *OTHERS):
            yield scenario("rotated", sinks, name)
        yield scenario("raw", sinks, "adopt")
        yield scenario("raw", sinks, "first rotate")
        yield scenario("changed", sinks, "sync")
    for sinks in ("vault", "aws"):
        yield scenario("rotated", sinks, "rotate --compromised")
        for name in CHANGING:
            yield scenario("rotated", sinks, "rotate", name)
        for name in OTHERS:
            yield scenario("rotated", sinks, "rotate", name)
        yield scenario("rotated", sinks, "retire", "rollback")
        yield scenario("rotated", sinks, "retire", "retire")
        yield scenario("rotated", sinks, "rotate", "resume --takeover")
        yield scenario("managed", sinks, "rotate", "rotate", reader=True)
        yield scenario("managed", sinks, "rotate", foreign=("sibling", "sibling"))
        yield scenario("managed", sinks, "rotate", losses=1)
        yield scenario("managed", sinks, "rotate", "rotate", stalls=1, preemptions=0, crash=False)
    yield scenario("managed", BOTH, "rotate", "rotate")
    for sinks in ("vault*", "aws*"):
        for name in (*CHANGING, *OTHERS, "resume --takeover"):
            yield scenario("rotated", sinks, name)
        yield scenario("raw", sinks, "first rotate")
        yield scenario("changed", sinks, "sync")
        yield scenario("managed", sinks, "rotate", "retire")
        yield scenario("managed", sinks, "rotate", foreign=("sibling",))
    yield scenario("rotated", "aws*+vault*", "rotate")


@pytest.mark.parametrize("searched", tuple(chosen()), ids=lambda searched: searched.name)
def test_no_interleaving_breaks_an_invariant_and_resume_converges(searched: Scenario) -> None:
    with deterministic():
        found = Search(searched).run()
    assert not found.cut
    assert not found.violations, "\n".join(next(iter(found.violations.values())))
