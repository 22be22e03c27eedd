"""A brief survey takes one request where a secret is plainly settled, and the usual ones where anything is odd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sinks.port import Stage
from sinks.secret import Secret
from sinks.versions import History
from tests.contract.harness import AwsHarness
from tests.contract.operator import P1, rotated
from tests.contract.states import STATES
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import client, make_sink, stages, tapped
from tests.unit.sinks.aws.test_fitness import CASES

NAME = "apps/x"
BRIEF, WHOLE = ["describe"], ["describe", "page", "describe"]
PLAIN = {
    "rotated_once", "rotated_twice", "without_fallback", "edited", "pasted", "retired", "retired_softly",
    "brought_back", "tags_replaced_by_foreign_words",
}  # fmt: skip


def calls() -> list[str]:
    sink = make_sink(NAME)
    tap = tapped(sink)
    sink.survey(briefly=True)
    return tap.calls


@pytest.mark.parametrize("name", STATES)
def test_one_request_is_enough_for_what_is_settled_only(aws: Controls, name: str) -> None:
    STATES[name](AwsHarness("x"))
    assert calls() == (BRIEF if name in PLAIN else WHOLE)


def _label(stage: str, version: str, former: str | None = None) -> None:
    more = {"RemoveFromVersionId": former} if former else {}
    client().update_secret_version_stage(SecretId=NAME, VersionStage=stage, MoveToVersionId=version, **more)


def _fallback_on_current() -> None:
    _label("FALLBACK", stages(NAME)["AWSCURRENT"], stages(NAME)["FALLBACK"])


def _left_over() -> None:
    _label("BRIDGE:r-1:rotate:::h1", stages(NAME)["FALLBACK"])


def _foreign_pending() -> None:
    client().put_secret_value(SecretId=NAME, SecretString='{"x": "y"}', VersionStages=["AWSPENDING"])


@pytest.mark.parametrize("change", [_fallback_on_current, _left_over, _foreign_pending])
def test_odd_labels_take_the_whole_survey(aws: Controls, change: Callable[[], None]) -> None:
    rotated_at_x()
    assert calls() == BRIEF
    change()
    assert calls() == WHOLE


@pytest.mark.parametrize("described", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_what_aws_manages_itself_takes_the_whole_survey(aws: Controls, described: dict[str, Any]) -> None:
    rotated_at_x()
    aws.described = described
    assert calls() == WHOLE
    sink = make_sink(NAME)
    for _ in range(20):  # both within one second of AWS's clock, which what was read is dated by
        brief, whole = sink.survey(briefly=True), sink.survey()
        if brief.at == whole.at:
            break
    assert brief == whole


def test_without_the_date_of_the_last_change_it_is_a_whole_survey(aws: Controls) -> None:
    rotated_at_x()
    aws.described = {"LastChangedDate": None}
    assert calls() == WHOLE


def test_a_version_without_a_label_is_all_that_is_missing(aws: Controls) -> None:
    rotated_at_x()
    rotated(AwsHarness("x"), P1, Secret("the-third-value"), holder="ci-2")
    whole, brief = make_sink(NAME).survey(), make_sink(NAME).survey(briefly=True)
    missing = {v.id for v in whole.history.versions} - {v.id for v in brief.history.versions}
    assert all(v.stage is None for v in whole.history.versions if v.id in missing)
    assert brief.history.at(Stage.FALLBACK)
    same = replace(brief, history=History(), snapshot=None, at=whole.at)
    assert same == replace(whole, history=History(), snapshot=None)


def rotated_at_x() -> None:
    STATES["rotated_once"](AwsHarness("x"))
