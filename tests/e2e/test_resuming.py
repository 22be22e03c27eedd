"""What is done with an interruption, once Auth0 has said which value it accepts: a row for each state of the sinks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.model.operation import Operation
from bridge.model.plan import PlanOptions
from bridge.model.settlement import Settlement, Way
from bridge.model.steps import Claim, Confirm, Promote, Release, Retire, SetAtAuth0, Step, Store, WriteSiblingKeys
from bridge.planning.settle import generated, kills, never_held, settlement, steps
from sinks.port import Lock, Record, SinkState, Stage
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CLIENT = "AbC123"
AWS, VAULT = "aws://eu-west-1/a", "vault://secret/a"
LOCK = Lock(Operation.ROTATE, "r-1", "ci", NOW - timedelta(hours=1), NOW, CLIENT, "acme", (AWS, VAULT))
GIVE_BACK, COMPLETE, PUBLISH, REPLACE = Way
PLAIN = PlanOptions()


def mark(name: str) -> str:
    """Return the fingerprint of a value; "" stays ""."""
    return name and Secret(name).fingerprint(CLIENT)


def record(names: str, age: int) -> Record | None:
    recent = tuple(mark(name) for name in names.split())
    made = NOW - timedelta(days=age)
    return Record(CLIENT, "acme", (AWS, VAULT), "r-0", made, recent=recent) if names else None


def at(
    current: str = "", pending: str = "", fallback: str = "", *, tags: str = "", before: str = "", age: int = 1,
    held: bool = True, wiped: bool = False,
) -> SinkState:  # fmt: skip
    """Return a sink with these values; `tags` and `before` are the latest values by its tags and by its lock."""
    named = {Stage.CURRENT: current, Stage.PENDING: pending, Stage.FALLBACK: fallback}
    return SinkState(
        VAULT,
        NOW,
        exists=bool(current),
        record=record(tags, age),
        remembered=record(before, age),
        lock=LOCK if held else None,
        values={stage: Secret(name) for stage, name in named.items() if name},
        wiped=wiped,
    )


@dataclass(frozen=True)
class Row:
    """What stands where, which value Auth0 accepts, and what follows. `base` is the value that becomes the fallback."""

    claim: str
    sinks: tuple[SinkState, ...]
    accepted: str
    way: Way
    base: str = ""
    former: bool = False


def both(place: SinkState) -> tuple[SinkState, SinkState]:
    return replace(place, uri=AWS), place


def two(aws: SinkState, vault: SinkState) -> tuple[SinkState, SinkState]:
    return replace(aws, uri=AWS), vault


STAGED = at("old", "new", tags="old older", before="old older")
PROMOTED = at("new", "new", "old", tags="new old older", before="old older")
AHEAD = at("old", "new", tags="new old", before="old older")
LOCKED = at("old", fallback="older", tags="old older", before="old older")
ROLLING = at("new", "old", "old", tags="new old", before="new old")

ROWS = (
    # What is current is accepted.
    Row("another value is pending", both(STAGED), "old", GIVE_BACK),
    Row("it is pending in one sink only", two(STAGED, LOCKED), "old", GIVE_BACK),
    Row("nothing is pending: a retirement", both(LOCKED), "old", GIVE_BACK),
    Row("nothing is pending any more: it was published", both(replace(PROMOTED, values={Stage.CURRENT: Secret("new")})),
        "new", GIVE_BACK),
    Row("the tags were written ahead of the document", both(AHEAD), "old", GIVE_BACK),
    Row("nothing is remembered of a sink without tags", both(at("old", "new")), "old", GIVE_BACK),
    Row("it is adopted halfway", two(at("old", tags="old"), at("old")), "old", GIVE_BACK),
    Row("it is adopted halfway, and the other sink holds another text", two(at("old", tags="old"), at("theirs")),
        "old", GIVE_BACK),
    Row("it is forgotten halfway", two(at("old", before="old"), at("old", tags="old", before="old")), "old", GIVE_BACK),
    Row("the other sink is empty", two(at("old", tags="old"), at(held=False)), "old", GIVE_BACK),
    Row("its tags were wiped, and fit before", both(at("old", "new", before="old", wiped=True)), "old", GIVE_BACK),
    # It is accepted, and not the whole of it is done.
    Row("it is pending as well", both(PROMOTED), "new", COMPLETE, "old"),
    Row("it is current in some sinks only", two(PROMOTED, STAGED), "new", COMPLETE, "old"),
    Row("it is current in some sinks only, and the new one is refused", two(PROMOTED, STAGED), "old", COMPLETE, "new",
        former=True),
    Row("it is current in some sinks only, and nothing is pending", two(LOCKED, replace(LOCKED, values={
        Stage.CURRENT: Secret("pasted")})), "old", COMPLETE, "older"),
    Row("its tags do not fit, and never did", both(at("new", tags="old older", held=False)), "new", COMPLETE, "old"),
    Row("a sink that was wiped holds another one", two(LOCKED, at("theirs", wiped=True)), "old", COMPLETE, "older"),
    Row("one sink is adopted, and the other was to get it", two(at("old", tags="old"), at("theirs", "old")),
        "old", COMPLETE),
    # The pending value is accepted.
    Row("it is pending everywhere", both(STAGED), "new", COMPLETE, "old"),
    Row("it is pending in one sink", two(LOCKED, STAGED), "new", COMPLETE, "old"),
    Row("it is pending, with its tags ahead of the document", both(AHEAD), "new", COMPLETE, "old"),
    Row("it is pending, and was the fallback: a rollback", both(ROLLING), "old", COMPLETE, "new", former=True),
    Row("it is pending, and nobody managed the sink before", both(at("old", "new")), "new", COMPLETE),
    # Another value is accepted.
    Row("nobody knows it", both(STAGED), "other", PUBLISH, "old"),
    Row("nobody knows it, and nothing is interrupted", both(replace(LOCKED, lock=None)), "other", PUBLISH, "old"),
    Row("it is the fallback: a late call", both(LOCKED), "older", PUBLISH, "old", former=True),
    Row("it was current some time ago", both(at("new", tags="new old older", before="new old older")),
        "older", PUBLISH, "new", former=True),
    Row("it was current before the lock", both(at("old", tags="new", before="old older")), "older", PUBLISH, "old",
        former=True),
    Row("it is what the tags of a publication name, and stands nowhere", both(at("old", tags="new old")), "new",
        PUBLISH, "old", former=True),
)  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.accepted} accepted, {row.claim}") for row in ROWS])
def test_what_auth0_accepts_decides_what_is_done(row: Row) -> None:
    found = settlement(row.sinks, Secret(row.accepted), CLIENT)
    assert found == Settlement(row.way, mark(row.base), former=row.former)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.accepted} accepted, {row.claim}") for row in ROWS])
def test_nothing_that_a_lock_says_decides(row: Row) -> None:
    """Another operation, other values that end, another base: what is done stays the same."""
    forged = replace(LOCK, operation=Operation.RETIRE, base=mark("older"), ends=(mark("new"), mark("old")), actor="eve")
    sinks = tuple(replace(place, lock=place.lock and forged) for place in row.sinks)
    assert settlement(sinks, Secret(row.accepted), CLIENT) == settlement(row.sinks, Secret(row.accepted), CLIENT)


@pytest.mark.parametrize(
    ("claim", "sinks", "base"),
    [
        ("what the lock remembers", two(at("old", tags="pasted", before="old older"), at("old", tags="third")), "old"),
        ("not what an idle key remembers", both(at("x", tags="old older", before="gone", held=False)), "old"),
        ("what the newest record names", two(at("x", tags="older", age=9), at("x", tags="old older", age=2)), "old"),
        ("current, where the tags are ahead of it", both(at("old", "new", tags="new old")), "old"),
        ("the fallback, where the value is published", both(at("new", "new", "old", tags="new gone")), "old"),
        ("no value, where the only other one is itself", both(at("new", "new", "new", tags="new")), ""),
        ("no value, where there was none", both(at("new", "new", tags="new")), ""),
    ],
)
def test_which_value_becomes_the_fallback(claim: str, sinks: tuple[SinkState, ...], base: str) -> None:
    assert settlement(sinks, Secret("new"), CLIENT).base == mark(base), claim


@pytest.mark.parametrize(
    ("sinks", "expected"),
    [
        (both(at()), True),
        (both(at(pending="new")), True),
        (two(at(), at("old")), False),
        (two(at(), at(tags="old")), False),
        (two(at(), at(before="old")), False),
        (two(at(), at(wiped=True)), False),
    ],
)
def test_a_place_has_held_a_value_where_one_stands_or_tags_are_known(
    sinks: tuple[SinkState, ...], expected: bool
) -> None:
    assert never_held(sinks) is expected


@pytest.mark.parametrize(
    ("operation", "place", "expected"),
    [
        (Operation.ROTATE, LOCKED, True),
        (Operation.COMPROMISED, LOCKED, True),
        (Operation.ROTATE, STAGED, False),  # what is pending says that the bridge made the value
        (Operation.ROLLBACK, LOCKED, False),
        (Operation.RETIRE, LOCKED, False),
        (None, LOCKED, False),
    ],
)
def test_only_a_rotation_without_a_value_may_have_had_auth0_generate_one(
    operation: str | None, place: SinkState, expected: bool
) -> None:
    lock = replace(LOCK, operation=operation) if operation else None
    assert generated(both(place), lock) is expected
    assert not generated(two(STAGED, place), lock)


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        (None, False),
        (LOCK, False),
        (replace(LOCK, base="ba5e", ends=("f00d",)), False),
        (replace(LOCK, base="", ends=("",)), False),
        (replace(LOCK, operation=Operation.COMPROMISED), True),
        (replace(LOCK, operation=Operation.ROLLBACK, base="ba5e", ends=("f00d", "ba5e")), True),
    ],
)
def test_a_lock_tells_of_a_leak_by_its_operation_or_where_its_own_base_ends(lock: Lock | None, expected: bool) -> None:
    assert kills(lock) is expected


def following(
    sinks: tuple[SinkState, ...],
    way: Way,
    *,
    base: str = "old",
    held: Iterable[str] = (AWS, VAULT),
    plan_options: PlanOptions = PLAIN,
) -> list[Step]:
    chosen = Settlement(way, mark(base))
    return list(steps(sinks, tuple(held), chosen, Secret("new"), plan_options))


RELEASES = [Release(VAULT), Release(AWS)]


def test_what_is_given_back_is_released_and_nothing_else_is_touched() -> None:
    assert following(both(STAGED), GIVE_BACK) == RELEASES
    assert following(both(STAGED), GIVE_BACK, held=[VAULT]) == [Release(VAULT)]


def test_what_was_announced_is_taken_back() -> None:
    kept = PlanOptions(sibling_keys=SiblingKeys.KEEP)
    expected = [WriteSiblingKeys(AWS, coming=False), WriteSiblingKeys(VAULT, coming=False), *RELEASES]
    assert following(both(STAGED), GIVE_BACK, plan_options=kept) == expected


def test_what_is_completed_is_published_everywhere_and_confirmed_before_the_release() -> None:
    assert following(both(STAGED), COMPLETE) == [Promote(AWS), Promote(VAULT), Confirm(), *RELEASES]


def test_a_value_is_stored_as_pending_before_it_is_published() -> None:
    """Whoever comes after the next death sees that it was to be published."""
    assert following(two(LOCKED, STAGED), COMPLETE)[0] == Store(AWS)
    assert following(both(LOCKED), PUBLISH)[:2] == [Store(AWS), Store(VAULT)]


def test_an_empty_place_gets_the_value_first() -> None:
    expected = [Claim(AWS, with_value=False, fill=True), Store(AWS), Store(VAULT)]
    assert following(two(at(held=False), LOCKED), PUBLISH, held=[VAULT])[:3] == expected


def test_only_a_fresh_value_is_set_at_auth0_and_that_after_it_is_stored() -> None:
    found = following(both(LOCKED), REPLACE)
    assert found[:3] == [Store(AWS), Store(VAULT), SetAtAuth0()]
    assert Confirm() not in found
    for way in (GIVE_BACK, COMPLETE, PUBLISH):
        assert SetAtAuth0() not in following(both(STAGED), way)


def test_older_fallbacks_end_after_the_publication() -> None:
    found = following(both(STAGED), COMPLETE, plan_options=PlanOptions(ends=True))
    assert found[:4] == [Promote(AWS), Promote(VAULT), Retire(AWS, ends=True), Retire(VAULT, ends=True)]


@pytest.mark.parametrize(("base", "kill"), [("", False), ("old", True)])
def test_no_fallback_is_named_where_none_is_known_or_the_lock_tells_of_a_leak(base: str, kill: bool) -> None:
    found = following(both(STAGED), COMPLETE, base=base, plan_options=PlanOptions(kill=kill))
    assert found[:2] == [Promote(AWS, keep=False), Promote(VAULT, keep=False)]
    assert not [step for step in found if isinstance(step, Retire)]
