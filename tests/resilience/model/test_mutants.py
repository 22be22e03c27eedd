"""Each guard of the protocol is removed on purpose, and the search notices: it can see, and the guard counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.resilience.model.mutants import MUTANTS, Mutant
from tests.resilience.model.program import deterministic
from tests.resilience.model.search import Search


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_removed_guard_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    with deterministic():
        start = mutant.shows.start()
        mutant.remove(monkeypatch)
        found = Search(replace(mutant.shows, start=lambda: start), first_only=True).run()
    assert found.violations


@pytest.mark.parametrize(
    "shows", tuple({m.shows.name: m.shows for m in MUTANTS}.values()), ids=lambda shows: shows.name
)
def test_with_every_guard_in_place_nothing_is_noticed(shows: object) -> None:
    with deterministic():
        found = Search(shows, first_only=True).run()  # type: ignore[arg-type]  # a mutant names what shows it
    assert not found.violations, "\n".join(next(iter(found.violations.values())))
