"""The commands that go back, repair and answer a leak, as people type them; one mistake of each."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.e2e.command import done, invoke, on
from tests.e2e.observe import assert_rotated
from tests.e2e.world import World

LEAK = ("--compromised", "--reason", "found in a public repo, INC-2041")


def rotated(world: World) -> str:
    world.fill()
    done(on(world, "rotate", "--adopt", "--no-wait"))
    world.spread()
    return world.live


def incomplete(world: World) -> None:
    """A rotation is interrupted at Auth0."""
    world.fill()
    done(on(world, "adopt", "--yes"))
    world.tenant.fault("error-before", method="PATCH", count=100)
    done(on(world, "rotate", "--no-wait"), 3)
    world.tenant.clear_faults()


def test_rollback_says_what_became_current_and_what_the_fallback_is(hasty: World) -> None:
    refused = rotated(hasty)
    ended = done(on(hasty, "rollback"))
    assert "rolled back in" in ended.out
    assert "current, v" in ended.out
    assert "result=rolled-back" in ended.out
    assert_rotated(hasty, old=refused)
    assert hasty.live == hasty.s0


def test_rollback_discard_asks_first(hasty: World) -> None:
    rotated(hasty)
    refused = done(on(hasty, "rollback", "--discard"), 4)
    assert "add --yes" in refused.err
    assert "cannot be brought back" in refused.err
    done(on(hasty, "rollback", "--discard", "--yes"))
    assert_rotated(hasty, old=None)


def test_sync_publishes_what_the_dashboard_made_and_says_when_there_is_nothing_to_do(hasty: World) -> None:
    before = rotated(hasty)
    hasty.tenant.set_in_dashboard(hasty.client_id)
    hasty.spread()
    refused = done(on(hasty, "rollback"), 4)
    assert f"secret-bridge sync {hasty.client_id}" in refused.err
    assert "synced in" in done(on(hasty, "sync")).out
    assert_rotated(hasty, old=before)
    assert "every sink holds the value that Auth0 holds" in done(on(hasty, "sync")).out


def test_a_leak_is_answered_in_one_command_which_says_what_remains(hasty: World) -> None:
    bad = rotated(hasty)
    assert "found no --reason" in done(on(hasty, "rotate", "--compromised"), 2).err
    assert "add --yes" in done(on(hasty, "rotate", *LEAK), 4).err
    ended = done(on(hasty, "rotate", *LEAK, "--yes"))
    assert "rotated after a leak" in ended.out
    assert "access tokens issued before stay valid until they expire" in ended.out
    assert "AWS keeps the versions readable by version id" in ended.out
    assert "ID tokens signed with it (HS256)" in ended.out
    assert_rotated(hasty, old=None)
    assert bad not in {value for place in hasty.sinks for value in place.see().readable}
    told = done(on(hasty, "history")).out
    assert "found in a public repo_ INC-2041" in told


def test_a_reason_without_a_leak_is_a_mistake(hasty: World) -> None:
    assert "found without --compromised" in done(on(hasty, "rotate", "--reason", "because"), 2).err


def test_a_rotation_that_did_not_reach_auth0_is_given_back(hasty: World) -> None:
    incomplete(hasty)
    assert "counts as live until" in done(on(hasty, "status")).out
    ended = done(on(hasty, "resume", "--takeover"))
    assert "given back rotate r-" in ended.out
    assert "Auth0 accepts what is current" in ended.out
    assert f"again: secret-bridge rotate {hasty.client_id}" in ended.out
    assert ended.out.splitlines()[-1] == f"result=given-back client={hasty.client_id} exit=0"
    assert hasty.live == hasty.s0
    assert "nothing is interrupted" in done(on(hasty, "resume")).out


@pytest.mark.parametrize("option", ["--abort", "--now"])
def test_what_there_was_once_is_no_option_any_more(hasty: World, option: str) -> None:
    assert "No such option" in done(on(hasty, "resume", option), 2).err


def test_status_tells_who_began_what_when_and_how_far_it_came(hasty: World) -> None:
    incomplete(hasty)
    (told,) = [line for line in done(on(hasty, "status")).out.splitlines() if "in progress" in line]
    assert "rotate r-" in told
    assert "begun" in told
    assert "holds 2 of 2 sinks, published in none" in told
    assert "counts as live until" in told


def test_a_value_of_ones_own_is_taken_from_standard_input(hasty: World) -> None:
    rotated(hasty)
    mine = secrets.token_urlsafe(48)
    done(on(hasty, "rotate", "--secret-stdin", "--no-wait", typed=f"{mine}\n"))
    assert hasty.live == mine


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "standard input is empty"),
        ("short\n", "the secret has 5 characters; 32 are the least"),
        ("abcabcabc" * 8 + "\n", "too regular"),
        ("ä" * 40 + "\n", "other characters than"),
        ("x" * 2**21, "a line of more than 1 MiB"),
        (b"\xff\xfe" * 40, "something that is not text in UTF-8"),
        ("[" * 200_000, "1024 are the most"),
    ],
)
def test_a_value_that_will_not_do_is_refused_with_every_reason(hasty: World, typed: Any, says: str) -> None:
    rotated(hasty)
    before = hasty.dump()
    assert says in done(on(hasty, "rotate", "--secret-stdin", typed=typed), 2).err
    assert hasty.dump() == before


def test_one_value_is_not_brought_to_two_clients(hasty: World) -> None:
    ended = done(invoke("rotate", "one", "two", "--secret-stdin", typed="x"), 2)
    assert "found 2 clients, expected one" in ended.err


def test_a_base64_client_takes_base64_only(make_hasty: object, hasty: World) -> None:
    world = make_hasty(jwt_configuration={"secret_encoded": True, "alg": "RS256"})  # type: ignore[operator]  # a fixture that makes
    world.fill()
    done(on(world, "adopt", "--yes"))
    told = done(on(world, "rotate", "--secret-stdin", typed=f"{secrets.token_hex(24)}.-_=\n"), 2).err
    assert "Base64" in told
    good = secrets.token_hex(32)
    done(on(world, "rotate", "--secret-stdin", "--no-wait", typed=f"{good}\n"))
    assert world.live == good


@pytest.mark.parametrize("command", [("adopt", "--repair", "--yes"), ("forget",)], ids=lambda argv: argv[0])
def test_what_an_operation_that_counts_as_live_holds_is_taken_over_only_if_that_is_said(
    hasty: World, command: tuple[str, ...]
) -> None:
    incomplete(hasty)
    refused = done(on(hasty, *command), 4)
    assert "counts as live until" in refused.err
    done(on(hasty, *command, "--takeover"))
    assert all(place.see().pending is None for place in hasty.sinks)
