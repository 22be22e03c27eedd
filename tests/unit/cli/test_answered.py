"""Which clients a repeated answer to many leaks may leave out: those whose answer came to its end, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.cli.picking import answered
from bridge.config.settings import ClientSettings
from bridge.model.client_ref import ClientRef
from bridge.planning.status import judge
from tests.unit.planning.sinks import CLIENT, NOW, OLD, TENANT, URIS, A, B, lock, place, record

SETTINGS = ClientSettings("billing", CLIENT, TENANT, URIS)
WHOSE = ClientRef(CLIENT, TENANT, "billing", URIS)
LATER = NOW + timedelta(minutes=5)


def log(operation: str) -> tuple[str, ...]:
    return (f"r-1 2026-11-23T21:12:39.112Z {operation} ci: INC-1", "r-0 2026-11-23T20:00:00.000Z compromised ci: INC-0")


ENDED = record(OLD, log=log("compromised"))


@pytest.mark.parametrize(
    ("changed", "is_answered"),
    [
        ({}, True),
        ({"lock": lock("compromised", expected_end=LATER)}, False),  # it may have died a moment ago
        ({"lock": lock("compromised")}, False),
        ({"unsettled": True}, False),
        ({"record": record(OLD, log=log("settle"))}, False),  # it ends nothing
        ({"record": record(OLD, log=log("rotate"))}, False),  # it keeps a fallback
        ({"record": record(OLD)}, False),
        ({"record": None}, False),
    ],
)
def test_only_an_answer_that_ended_in_every_sink_counts(changed: dict[str, object], *, is_answered: bool) -> None:
    first, second = place(A, record=ENDED), replace(place(B, record=ENDED), **changed)  # type: ignore[arg-type]
    assert answered(judge(SETTINGS, WHOSE, (first, second))) is is_answered
