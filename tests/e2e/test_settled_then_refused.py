"""What is refused after an interruption was settled: the error says that something was changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.execution.session import Session
from bridge.model.errors import BridgeError, Incomplete, Refused
from bridge.model.outcome import Outcome
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.settle import after_settling
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from sinks.secret import Secret
from tests.e2e.taps import died
from tests.e2e.world import World

Work = Callable[[Session], Outcome | None]
WRONG = Secret("w" * 64)
REFUSED: dict[str, Work] = {
    "retire": lambda session: retire(session, Options(takeover=True)),
    "retire --soft": lambda session: retire(session, Options(takeover=True), softly=True),
    "rollback --unproven": lambda session: rollback(session, RollbackOptions(takeover=True, unproven="v99")),
    "sync --secret-stdin": lambda session: sync(session, SyncOptions(takeover=True, brought=WRONG)),
    "adopt --secret-stdin": lambda session: adopt(session, AdoptOptions(takeover=True, brought=WRONG)),
}


@pytest.fixture
def published(world: World) -> World:
    """A rotation that died after Auth0 had its value: whoever settles it publishes that."""
    world.used()
    died(world, "auth0.set_secret")
    world.spread()
    return world


@pytest.mark.parametrize("command", REFUSED)
def test_what_is_refused_after_a_value_was_published_does_not_say_that_nothing_was_changed(
    published: World, command: str
) -> None:
    before = [place.see().current for place in published.sinks]
    with pytest.raises(BridgeError) as caught:
        REFUSED[command](published.session())
    assert [place.see().current for place in published.sinks] == [published.live] * 2
    assert before != [published.live] * 2
    assert (caught.value.changed, caught.value.exit_status) == (True, Incomplete.exit_status)
    assert "what was interrupted was settled (finished); then: " in caught.value.message
    with pytest.raises(BridgeError) as again:  # and now nothing is changed any more
        REFUSED[command](published.session())
    assert not again.value.changed


def test_where_nothing_was_published_the_refusal_stays_one(world: World) -> None:
    world.used()
    died(world, "vault.write")  # the claim: Auth0 was not told yet
    world.spread()
    with pytest.raises(Refused):
        retire(world.session(), Options(takeover=True))


def test_an_error_before_anything_was_settled_stays_as_it_is(world: World) -> None:
    @after_settling
    def refused(session: Session) -> None:
        raise Refused("not now")

    with pytest.raises(Refused, match=r"^not now$"):
        refused(world.session())
