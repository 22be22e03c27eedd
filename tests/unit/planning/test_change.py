"""Plans and steps on their own: from what was read to what is done, without any server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.model.operation import Operation
from bridge.model.plan import PlanOptions
from bridge.model.steps import Announced, Claim, Examine, SetAtAuth0, Tag, TakeOver, Wait, WriteSiblingKeys
from bridge.planning.change import LATE, REFRESH, plan_change
from bridge.planning.maintenance import SETTLING, plan_settling
from sinks.port import Lock, Record, SinkState, Stage
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URIS = ("aws://eu-west-1/a", "vault://secret/a")
LOCK = Lock(Operation.ROTATE, "r-1", "ci", NOW, NOW, "client", "tenant", URIS)
RECORD = Record("client", "tenant", URIS, "r-0", NOW - timedelta(days=1))
FENCE, LATER = timedelta(seconds=30), timedelta(seconds=40)


def place(uri: str = URIS[1], *, ago: float | None = None, lock: Lock | None = None, **more: object) -> SinkState:
    """Return a sink in use whose lock key changed so many seconds ago; None: never."""
    released = NOW - timedelta(seconds=ago) if ago is not None else None
    found = SinkState(
        uri, NOW, exists=True, record=RECORD, lock=lock, released=released, values={Stage.CURRENT: Secret("s")}
    )
    return replace(found, **more)  # type: ignore[arg-type]  # a sink's own fields


def both(**more: object) -> tuple[SinkState, SinkState]:
    first, second = (place(uri, **more) for uri in URIS)  # type: ignore[arg-type]  # as above
    return first, second


@pytest.mark.parametrize(
    ("ago", "expected"),
    [((5, 12), [25]), ((12, 5), [25]), ((None, 12), [18]), ((30, 31), []), ((None, None), []), ((-3, 40), [30])],
)
def test_a_change_waits_since_the_last_write_to_a_lock_key_whatever_was_written(
    ago: tuple[float | None, float | None], expected: list[float]
) -> None:
    sinks = tuple(place(uri, ago=seconds) for uri, seconds in zip(URIS, ago, strict=True))
    steps = plan_change(Operation.ROTATE, sinks, PlanOptions(fence=FENCE)).steps
    assert [step.time.total_seconds() for step in steps if isinstance(step, Wait) and step.why == LATE] == expected


def test_readers_are_told_first_and_have_their_time_before_auth0_learns_the_value() -> None:
    kept = PlanOptions(refresh=timedelta(minutes=5), sibling_keys=SiblingKeys.KEEP)
    steps = plan_change(Operation.ROTATE, both(), kept).steps
    before = steps[: steps.index(SetAtAuth0())]
    wait = Wait(timedelta(minutes=5), REFRESH)
    assert before[2:] == (WriteSiblingKeys(URIS[0]), WriteSiblingKeys(URIS[1]), wait, Announced(timedelta(minutes=5)))
    assert wait not in plan_change(Operation.ROLLBACK, both(), kept).steps  # readers have that value already


def test_the_answer_to_a_leak_waits_for_nothing_and_tags_nothing_before_auth0_is_changed() -> None:
    asked = PlanOptions(
        fence=FENCE, refresh=timedelta(minutes=5), over=True, kill=True, ends=True, without_fallback=True
    )
    sinks = both(ago=1, record=None, lock=LOCK)
    steps = plan_change(Operation.COMPROMISED, sinks, asked).steps
    assert steps[: steps.index(SetAtAuth0())] == (Claim(URIS[0], over=True), Claim(URIS[1], over=True))


def test_who_settles_takes_locks_over_and_locks_the_rest_without_a_value() -> None:
    locked, free = place(URIS[0], lock=LOCK), place(URIS[1])
    plan = plan_settling((locked, free), LATER, LOCK)
    assert plan.steps == (TakeOver(URIS[0]), Claim(URIS[1], with_value=False), Wait(LATER, SETTLING), Examine())
    assert plan.says == LOCK


def test_who_settles_goes_over_what_is_foreign_and_leaves_an_empty_place_alone() -> None:
    strange, empty = place(URIS[0], foreign="a text"), replace(place(URIS[1]), exists=False)
    steps = plan_settling((strange, empty), LATER, None).steps
    assert steps == (Claim(URIS[0], with_value=False, over=True), Wait(LATER, SETTLING), Examine())


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Claim("vault://a"), "store the value as pending in vault://a"),
        (Claim("vault://a", with_value=False), "lock vault://a"),
        (Claim("vault://a", with_value=False, over=True), "lock vault://a, whatever holds it"),
        (
            Claim("vault://a", fill=True),
            "store the live value as current, then store the value as pending in vault://a",
        ),
        (Claim("vault://a", with_value=False, fill=True), "store the live value as current, then lock vault://a"),
        (Tag("vault://a"), "tag vault://a as managed by secret-bridge (metadata only)"),
    ],
)
def test_a_step_says_what_it_stores(step: Claim | Tag, text: str) -> None:
    assert str(step) == text
