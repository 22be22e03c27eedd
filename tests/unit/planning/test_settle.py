"""What is done with an interruption: a table from what Auth0 accepts and where it stands, to how it ends."""

from __future__ import annotations

import pytest

from bridge.model.plan import PlanOptions
from bridge.model.settlement import Settlement, Way
from bridge.model.steps import (
    Claim,
    Confirm,
    Hook,
    Promote,
    Release,
    Retire,
    SetAtAuth0,
    Step,
    Store,
    Tag,
    WriteSiblingKeys,
)
from bridge.planning.settle import generated, kills, never_held, settlement, steps
from sinks.port import Lock, SinkState
from sinks.sibling_keys import SiblingKeys
from tests.unit.planning.sinks import ANCIENT, CLIENT, NEW, OLD, STRANGE, A, B, lock, mark, place, record

LOCKED = lock()


def of(*sinks: SinkState, accepts: object = OLD, interrupted: bool = True) -> Settlement:
    return settlement(sinks, accepts, CLIENT, interrupted=interrupted)  # type: ignore[arg-type]  # a secret


@pytest.mark.parametrize(
    ("sinks", "way"),
    [
        ([place(A), place(B)], Way.GIVE_BACK),
        ([place(A, pending=NEW), place(B, pending=NEW)], Way.GIVE_BACK),
        ([place(A), place(B, NEW)], Way.COMPLETE),
        ([place(A), place(B, pending=OLD)], Way.COMPLETE),
        ([place(A), place(B, record=record(NEW, OLD))], Way.COMPLETE),
        ([place(A), place(B, record=record(NEW, OLD), remembered=record(OLD))], Way.GIVE_BACK),
        ([place(A, NEW), place(B, NEW)], Way.PUBLISH),
        ([place(A, NEW, fallback=OLD), place(B, NEW, fallback=OLD)], Way.PUBLISH),
        ([place(A, None), place(B, None)], Way.PUBLISH),
        ([place(A), place(B, None, record=None)], Way.GIVE_BACK),
        ([place(A), place(B, None, record=None, wiped=True)], Way.COMPLETE),
    ],
    ids=[
        "current everywhere", "and another value is pending", "current in one sink", "pending in one sink",
        "tags are ahead", "tags were ahead of the interruption", "nowhere", "the fallback", "nothing stored",
        "one sink is not managed yet", "one sink lost its tags",
    ],
)  # fmt: skip
def test_auth0s_answer_decides_how_it_ends(sinks: list[SinkState], way: Way) -> None:
    assert of(*sinks).way is way


def test_what_is_current_becomes_the_fallback_of_what_was_pending() -> None:
    found = of(place(A, pending=NEW, lock=LOCKED), place(B, pending=NEW, lock=LOCKED), accepts=NEW)
    assert (found.way, found.base) == (Way.COMPLETE, mark(OLD))


@pytest.mark.parametrize(
    ("sinks", "accepts", "former"),
    [
        ([place(A, NEW, fallback=OLD)], OLD, True),
        ([place(A, NEW, record=record(NEW, OLD, ANCIENT))], ANCIENT, True),
        ([place(A, NEW)], STRANGE, False),
        ([place(A, OLD, pending=NEW)], NEW, False),
    ],
    ids=["the fallback", "an older one", "a stranger's", "the new one"],
)
def test_a_value_that_was_live_before_is_told_apart(sinks: list[SinkState], accepts: object, former: bool) -> None:
    assert of(*sinks, accepts=accepts).former is former


def test_without_an_operation_even_the_newest_recorded_value_is_a_former_one() -> None:
    sinks = [place(A), place(B, NEW, record=record(OLD))]
    assert not of(*sinks).former
    assert of(*sinks, interrupted=False).former


@pytest.mark.parametrize(
    ("former", "proven"), [(None, False), ("", True), (mark(ANCIENT), True)], ids=["no seal", "no fallback", "another"]
)
def test_a_seal_proves_the_fallback_to_be(former: str | None, proven: bool) -> None:
    """The sealed record says that the value was current before."""
    known = record(OLD, former=former)
    found = of(place(A, pending=NEW, record=known), accepts=NEW)
    assert (found.base, found.proven) == (mark(OLD), proven)


@pytest.mark.parametrize(
    ("says", "ends"),
    [
        (None, False),
        (lock("rotate"), False),
        (lock("compromised"), True),
        (lock("rollback", base="x", ends=("x",)), True),
        (lock("retire", base="x", ends=("y",)), False),
        (lock("retire", base="", ends=("",)), False),
    ],
    ids=["nothing", "rotate", "a leak", "rollback --discard", "retire", "no base"],
)
def test_what_ends_the_value_that_was_current(says: Lock | None, ends: bool) -> None:
    assert kills(says) is ends


@pytest.mark.parametrize(
    ("says", "pending", "expected"),
    [("rotate", None, True), ("compromised", None, True), ("rotate", NEW, False), ("sync", None, False)],
)
def test_auth0_was_to_generate_it_where_a_rotation_holds_places_without_a_value(
    says: str, pending: object, expected: bool
) -> None:
    sinks = (place(A, pending=pending), place(B))  # type: ignore[arg-type]  # a secret
    assert generated(sinks, lock(says)) is expected
    assert not generated(sinks, None)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (place(B, None, record=None), True),
        (place(B, OLD, record=None), False),
        (place(B, None), False),
        (place(B, None, record=None, remembered=record()), False),
        (place(B, None, record=None, wiped=True), False),
    ],
    ids=["empty", "a value", "a record", "a copy of one", "lost tags"],
)
def test_a_place_that_never_held_a_value(found: SinkState, expected: bool) -> None:
    assert never_held((found,)) is expected


def then(way: Way, *sinks: SinkState, held: tuple[str, ...] = (A, B), plan_options: PlanOptions | None = None,
         base: str = "x", adopting: bool = False) -> tuple[Step, ...]:  # fmt: skip
    return steps(sinks, held, Settlement(way, base), OLD, plan_options or PlanOptions(), adopting=adopting)


def test_giving_back_only_releases_the_last_place_first() -> None:
    assert then(Way.GIVE_BACK, place(A), place(B)) == (Release(B), Release(A))
    assert then(Way.GIVE_BACK, place(A), place(B), held=(B,)) == (Release(B),)


def test_giving_back_an_adoption_tags_what_it_had_written_already() -> None:
    written = place(B, record=None)
    assert then(Way.GIVE_BACK, place(A), written, adopting=True) == (Tag(B), Release(B), Release(A))
    assert then(Way.GIVE_BACK, place(A), written) == (Release(B), Release(A))


def test_giving_back_writes_companions_where_they_are_kept() -> None:
    kept = then(Way.GIVE_BACK, place(A), place(B), plan_options=PlanOptions(sibling_keys=SiblingKeys.KEEP))
    assert kept[:2] == (WriteSiblingKeys(A, coming=False), WriteSiblingKeys(B, coming=False))


def test_the_value_is_stored_everywhere_before_it_is_published_anywhere() -> None:
    found = then(Way.COMPLETE, place(A, pending=OLD), place(B))
    assert found == (Store(B), Promote(A, keep=True), Promote(B, keep=True), Confirm(), Release(B), Release(A))


def test_an_empty_place_is_claimed_first_and_filled() -> None:
    found = then(Way.PUBLISH, place(A), place(B, None, exists=False), held=(A,))
    assert found[0] == Claim(B, with_value=False, fill=True)
    assert Store(B) in found


def test_a_fresh_value_is_set_after_it_was_stored_and_is_not_confirmed() -> None:
    found = then(Way.REPLACE, place(A), place(B))
    assert found[:3] == (Store(A), Store(B), SetAtAuth0())
    assert Confirm() not in found


def test_no_value_becomes_the_fallback_where_none_is_named_or_it_leaked() -> None:
    assert Promote(A, keep=False) in then(Way.COMPLETE, place(A), base="")
    leaked = then(Way.COMPLETE, place(A), place(B), plan_options=PlanOptions(kill=True, ends=True, hook=("restart",)))
    assert Promote(A, keep=False) in leaked
    assert (Retire(A, ends=True), Retire(B, ends=True)) == leaked[4:6]
    assert leaked[-1] == Hook(("restart",))
