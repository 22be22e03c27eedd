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
    for places in ("vault", "aws", BOTH):
        for name in (*CHANGING, *OTHERS):
            yield scenario("rotated", places, name)
        yield scenario("raw", places, "adopt")
        yield scenario("raw", places, "first rotate")
        yield scenario("changed", places, "sync")
    for places in ("vault", "aws"):
        yield scenario("rotated", places, "rotate --compromised")
        for name in CHANGING:
            yield scenario("rotated", places, "rotate", name)
        for name in OTHERS:
            yield scenario("rotated", places, "rotate", name)
        yield scenario("rotated", places, "retire", "rollback")
        yield scenario("rotated", places, "retire", "retire")
        yield scenario("rotated", places, "rotate", "resume --takeover")
        yield scenario("managed", places, "rotate", "rotate", reader=True)
        yield scenario("managed", places, "rotate", foreign=("sibling", "sibling"))
        yield scenario("managed", places, "rotate", losses=1)
        yield scenario("managed", places, "rotate", "rotate", stalls=1, preemptions=0, crash=False)
    yield scenario("managed", BOTH, "rotate", "rotate")
    for places in ("vault*", "aws*"):
        for name in (*CHANGING, *OTHERS, "resume --takeover"):
            yield scenario("rotated", places, name)
        yield scenario("raw", places, "first rotate")
        yield scenario("changed", places, "sync")
        yield scenario("managed", places, "rotate", "retire")
        yield scenario("managed", places, "rotate", foreign=("sibling",))
    yield scenario("rotated", "aws*+vault*", "rotate")


@pytest.mark.parametrize("searched", tuple(chosen()), ids=lambda searched: searched.name)
def test_no_interleaving_breaks_an_invariant_and_resume_converges(searched: Scenario) -> None:
    with deterministic():
        found = Search(searched).run()
    assert not found.cut
    assert not found.violations, "\n".join(next(iter(found.violations.values())))
