"""Looking at metadata only: a brief survey leaves out nothing that matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.planning.sink_record import promoted
from sinks.port import SinkState, Stage
from sinks.versions import History
from tests.contract.harness import Harness
from tests.contract.states import STATES

STAGES = (Stage.CURRENT, Stage.PENDING, Stage.FALLBACK)


def stages(state: SinkState) -> dict[Stage, str]:
    return {stage: version.id for stage in STAGES if (version := state.history.at(stage))}


def apart_from_versions(state: SinkState) -> SinkState:
    """Return the state without what a brief survey may leave out, and without what only the sink itself uses."""
    deleted = replace(state.soft_deleted, kept=True) if state.soft_deleted else None
    return replace(state, history=History(), soft_deleted=deleted, snapshot=None)


@pytest.mark.parametrize("name", STATES)
def test_a_brief_survey_says_the_same_and_no_greater_age(place: Harness, name: str) -> None:
    STATES[name](place)
    whole, brief = place.sink().survey(), place.sink().survey(briefly=True)
    brief = replace(brief, at=whole.at)
    assert apart_from_versions(brief) == apart_from_versions(whole)
    assert stages(brief) == stages(whole)
    for later in (timedelta(), timedelta(days=400)):
        now = whole.at + later
        ages = promoted(brief, now), promoted(whole, now)
        assert ages == (None, None) or (ages[0] and ages[1] and ages[0] <= ages[1])
    if whole.record is None or whole.unsettled:
        assert replace(brief, snapshot=None) == replace(whole, snapshot=None)
