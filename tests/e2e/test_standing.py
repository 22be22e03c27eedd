"""Where things stand when it stopped: what is not known is not said to work, and no advice is impossible to follow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.model.client_ref import ClientRef
from bridge.model.errors import BridgeError, Failed
from bridge.model.operation import Operation
from bridge.model.outcome import At, Standing
from bridge.model.plan import Plan
from bridge.planning.interruption import DONT, OVERTAKEN, Phase, standing
from sinks.port import Lock, Lost, SinkError, SinkState

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URI = "vault://secret/apps/billing"
BEFORE_AUTH0 = (Phase.NOTHING, Phase.CLAIMED, Phase.CHANGED)


def stands(
    operation: Operation, phase: Phase, *, published: bool = False, error: SinkError | BridgeError | None = None
) -> Standing:
    lock = Lock(operation, "r-1", "ada", NOW, NOW, "AbC", "acme", (URI,))
    done = {URI: At("2", None)} if published else {}
    client_ref, sinks = ClientRef("AbC", "acme", "billing"), (SinkState(URI, NOW, exists=True),)
    return standing(client_ref, Plan(operation, ()), lock, phase, sinks, done, error or Failed("why"))


@pytest.mark.parametrize("phase", BEFORE_AUTH0)
@pytest.mark.parametrize("operation", [Operation.ROTATE, Operation.ROLLBACK, Operation.RETIRE, Operation.ADOPT])
def test_what_did_not_touch_auth0_leaves_production_working(operation: Operation, phase: Phase) -> None:
    assert stands(operation, phase).production.startswith("works")


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("operation", [Operation.SETTLE, Operation.SYNC])
def test_who_publishes_what_auth0_has_says_of_no_reader_that_they_work(operation: Operation, phase: Phase) -> None:
    """The value that is current may be refused, which is why it was begun."""
    found = stands(operation, phase)
    assert found.production.startswith("Auth0 was not touched")
    assert "works" not in found.production
    assert found.dont == DONT


@pytest.mark.parametrize("phase", [Phase.SETTING, Phase.GENERATING, Phase.GENERATED, Phase.SET])
def test_once_auth0_was_asked_nothing_is_said_to_work(phase: Phase) -> None:
    found = stands(Operation.ROTATE, phase)
    assert "works" not in found.production
    assert found.stored == (f"{URI}: NOT published yet, the new value is pending",)
    assert stands(Operation.ROTATE, phase, published=True).stored == (f"{URI}: published (v2 current)",)


def test_after_a_leak_it_is_said_that_the_value_can_still_be_read() -> None:
    assert "the leaked value can still be read" in stands(Operation.COMPROMISED, Phase.SET).production
    assert "leaked" not in stands(Operation.ROTATE, Phase.SET).production


@pytest.mark.parametrize("phase", list(Phase))
def test_who_lost_the_places_knows_nothing_of_what_is_not_published(phase: Phase) -> None:
    lost = stands(Operation.ROTATE, phase, error=Lost("taken"))
    assert lost.production == OVERTAKEN
    assert lost.stored == (f"{URI}: not known from here",)
    assert "--takeover" not in lost.until


@pytest.mark.parametrize("operation", list(Operation))
def test_the_one_way_on_is_to_resume(operation: Operation) -> None:
    found = stands(operation, Phase.CHANGED)
    assert found.next == "secret-bridge resume billing"
    assert "--takeover, if you saw it end" in found.until
