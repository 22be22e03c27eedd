"""A fallback that nothing proves, as people meet it: what they are told, what they type, and one mistake of each."""

from __future__ import annotations

import pytest

from tests.e2e.command import done, on
from tests.e2e.observe import assert_rotated
from tests.e2e.world import World


@pytest.fixture
def changed(hasty: World) -> World:
    """The value was changed in the dashboard and published: nobody has seen Auth0 accept the one before."""
    hasty.fill()
    done(on(hasty, "rotate", "--adopt", "--no-wait"))
    hasty.spread()
    hasty.tenant.set_in_dashboard(hasty.client_id)
    hasty.spread()
    done(on(hasty, "sync"))
    return hasty


def test_rollback_names_what_is_not_proven_and_the_ways_on(changed: World) -> None:
    before = changed.live
    refused = done(on(changed, "rollback"), 4)
    assert "nothing proves that v" in refused.err
    assert refused.err.count(" -> ") == 1  # one way on, though two sinks are named
    assert "nobody has seen Auth0 accept its value" in refused.err
    assert "--unproven " in refused.err
    assert "adopt" in refused.err
    assert "history" in refused.err
    assert changed.live == before


def test_on_somebodys_word_it_goes_back_and_asks_first(changed: World) -> None:
    before, seen = changed.live, [place.see() for place in changed.sinks]
    version = seen[0].tags["bridge_fallback"]
    asked = done(on(changed, "rollback", "--unproven", f"v{version}"), 4)
    assert f"you say that v{version}" in asked.err
    assert "on your word" in asked.err
    assert "add --yes" in asked.err
    assert changed.live == before
    done(on(changed, "rollback", "--unproven", f"v{version}", "--yes"))
    assert changed.live == seen[0].fallback
    assert_rotated(changed, old=before)


@pytest.mark.parametrize("typed", ["99", "v", "current", "0"])
def test_a_version_that_is_no_fallback_is_named(changed: World, typed: str) -> None:
    refused = done(on(changed, "rollback", "--unproven", typed, "--yes"), 4)
    assert f"--unproven: found '{typed}'" in refused.err
    assert "expected a version that is tagged as the fallback: " in refused.err


def test_a_version_is_one_clients(changed: World) -> None:
    refused = done(on(changed, "retire", "another", "--unproven", "3"), 2)
    assert "--unproven: found 2 clients, expected one: a version is one client's" in refused.err
    refused = done(on(changed, "adopt", "another", "--fallback", "3"), 2)
    assert "--fallback: found 2 clients, expected one" in refused.err


def test_a_repair_says_what_is_no_fallback_any_more_and_takes_the_one_that_is_named(changed: World) -> None:
    place = changed.vault
    for name in ("bridge_seal", "bridge_age"):
        place.tag(name, None)
    path = f"{place.path}/pending"
    document = place.document(None, path) or {}
    document["secret-bridge"].pop("bridge_seal")
    place.kv.create_or_update_secret(path, document)
    version = place.see().tags["bridge_fallback"]
    verified = done(on(changed, "verify"), 5)
    assert "no seal holds over its tags" in verified.out
    wrong = done(on(changed, "adopt", "--repair", "--fallback", "77", "--yes"), 4)
    assert "--fallback: found '77', expected one version" in wrong.err
    done(on(changed, "adopt", "--repair", "--fallback", f"v{version}", "--yes"))
    assert place.see().tags["bridge_fallback"] == version
    changed.spread()
    done(on(changed, "verify"))
