"""Where things stand when it stopped: what is not known is not said to work, and no advice is impossible to follow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.errors import Failed
from bridge.guards import Whose
from bridge.outcome import At, Standing
from bridge.plan import Operation
from bridge.standing import Phase, standing
from sinks.port import Lock, Place

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URI = "vault://secret/apps/billing"


def stands(
    operation: Operation, phase: Phase, *, base: str = "ba5e", ends: tuple[str, ...] = (), published: bool = False
) -> Standing:
    lock = Lock(operation, "r-1", "ada", NOW, NOW, "AbC", "acme", (URI,), base=base, ends=ends)
    done = {URI: At("2", None)} if published else {}
    return standing(Whose("AbC", "acme", "billing"), lock, phase, (Place(URI, NOW, exists=True),), done, Failed("why"))


@pytest.mark.parametrize("phase", [Phase.NOTHING, Phase.CLAIMED, Phase.CHANGED, Phase.SETTING])
def test_a_value_that_was_to_be_set_right_does_not_work_yet(phase: Phase) -> None:
    production = stands(Operation.RESTORE, phase).production
    assert "readers of the current one may be refused" in production
    assert "works" not in production
    assert stands(Operation.RESTORE, Phase.SET).production.startswith("works")


def test_a_rotation_can_be_undone_before_it_is_published_and_rolled_back_after() -> None:
    assert stands(Operation.ROTATE, Phase.SET).undo == "secret-bridge resume billing --abort"
    assert stands(Operation.ROTATE, Phase.SET, published=True).undo == "secret-bridge rollback billing, after that"


@pytest.mark.parametrize(
    ("phase", "base", "ends", "published"),
    [
        (Phase.GENERATING, "ba5e", (), False),
        (Phase.GENERATED, "ba5e", (), False),
        (Phase.SET, "", (), False),
        (Phase.SET, "", (), True),
        (Phase.SET, "ba5e", ("ba5e",), True),
    ],
)
def test_where_there_is_no_way_back_none_is_named(
    phase: Phase, base: str, ends: tuple[str, ...], published: bool
) -> None:
    assert stands(Operation.ROLLBACK, phase, base=base, ends=ends, published=published).undo is None
