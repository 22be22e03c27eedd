from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.versions import ALLOWED, UNIQUE, History, InvalidHistory, Stage, Version


@pytest.mark.parametrize(("held", "to"), list(itertools.product(Stage, Stage)))
def test_only_the_moves_in_the_table_are_made(held: Stage, to: Stage) -> None:
    history = History((Version("1", held),))
    if to is held or to in ALLOWED[held]:
        assert history.moved(("1", to)).get("1").stage is to
    else:
        with pytest.raises(InvalidHistory, match=f"1: {held} cannot become {to}"):
            history.moved(("1", to))


def test_current_is_never_retired_directly_and_what_is_retired_never_comes_back() -> None:
    assert Stage.RETIRED not in ALLOWED[Stage.CURRENT]
    assert ALLOWED[Stage.RETIRED] == frozenset()


@pytest.mark.parametrize("stage", UNIQUE)
def test_a_stage_has_one_holder(stage: Stage) -> None:
    with pytest.raises(InvalidHistory, match=f"1 and 2 are both {stage}"):
        History((Version("1", stage), Version("2", stage)))
    History((Version("1", Stage.RETIRED), Version("2", Stage.RETIRED)))


def test_an_id_stands_once() -> None:
    with pytest.raises(InvalidHistory, match="twice"):
        History((Version("1"), Version("1")))


def test_a_rotation_moves_both_at_once() -> None:
    history = History((Version("1", Stage.CURRENT), Version("2", Stage.PENDING)))
    with pytest.raises(InvalidHistory):
        history.moved(("2", Stage.CURRENT))
    moved = history.moved(("1", Stage.FALLBACK), ("2", Stage.CURRENT))
    assert (moved.at(Stage.CURRENT), moved.at(Stage.PENDING)) == (Version("2", Stage.CURRENT), None)
    assert moved.at(Stage.FALLBACK) == Version("1", Stage.FALLBACK)


def test_a_foreign_version_may_take_any_stage_and_an_unknown_one_none() -> None:
    history = History().added(Version("1"))
    assert history.moved(("1", Stage.CURRENT)).at(Stage.CURRENT) == Version("1", Stage.CURRENT)
    with pytest.raises(KeyError):
        history.moved(("2", Stage.CURRENT))


MOVES = st.lists(st.tuples(st.sampled_from("123"), st.sampled_from(Stage)), max_size=12)


@given(MOVES)
def test_no_sequence_of_moves_makes_an_invalid_history(moves: list[tuple[str, Stage]]) -> None:
    history = History(tuple(Version(i) for i in "123"))
    for move in moves:
        before = history.get(move[0]).stage
        try:
            history = history.moved(move)
        except InvalidHistory:
            continue
        assert before is not Stage.RETIRED or move[1] is Stage.RETIRED
        assert not (before is Stage.CURRENT and move[1] is Stage.RETIRED)
    assert all(sum(v.stage is stage for v in history.versions) <= 1 for stage in UNIQUE)
