"""A repair takes what a seal names for the fallback; what was retired softly comes back by --undo alone."""

from __future__ import annotations

import pytest

from bridge.model.errors import Refused
from bridge.operations.adopt import AdoptOptions, adopt
from tests.e2e.test_retire_softly import all_soft_deleted, fallbacks, ripe, softly, undone
from tests.e2e.world import World


def test_a_repair_does_not_bring_back_what_was_retired_softly(world: World) -> None:
    value = ripe(world).sinks[0].see().fallback
    softly(world)
    before = [place.see().readable for place in world.sinks]
    assert adopt(world.session(), AdoptOptions(repair=True))
    assert fallbacks(world) == [None] * len(world.sinks)
    assert all_soft_deleted(world) == [True] * len(world.sinks)
    assert [place.see().readable for place in world.sinks] == before
    undone(world)
    assert fallbacks(world) == [value] * len(world.sinks)


def test_it_cannot_be_named_as_the_fallback_either(world: World) -> None:
    softly(ripe(world))
    for sink in world.session().sinks.values():
        soft_deleted = sink.survey().soft_deleted
        assert soft_deleted is not None
        with pytest.raises(Refused) as refused:
            adopt(world.session(), AdoptOptions(repair=True, fallback=soft_deleted.versions[0]))
        assert "--undo" in f"{refused.value.hint}" or "cannot be read any more" in refused.value.message
    assert fallbacks(world) == [None] * len(world.sinks)
