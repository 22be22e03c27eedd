"""`secret-bridge evidence`, and what `retire` may be told."""

from __future__ import annotations

import pytest

from tests.e2e.command import invoke, on
from tests.e2e.world import SCOPES, MakeWorld
from tests.unit.evidence.tenancy import BILLING, Tenancy


def test_it_ends_well_when_everything_was_checked_and_nobody_fails(tenancy: Tenancy) -> None:
    done = on(tenancy.world, "evidence")
    assert done.status == 0, done.told
    assert "known consumers still on it  none" in done.out


def test_it_ends_with_5_and_names_who_fails(tenancy: Tenancy) -> None:
    tenancy.asks(BILLING)
    done = on(tenancy.world, "evidence")
    assert done.status == 5, done.told
    assert f"YES   127.0.0.1 {BILLING}: 1 failure" in done.out


def test_it_tells_programs_the_same(tenancy: Tenancy) -> None:
    tenancy.asks(BILLING)
    (told,) = on(tenancy.world, "evidence", "--json").objects
    assert told["stale"] == ["127.0.0.1"]
    assert [(source["agent"], source["known"], source["failures"]) for source in told["sources"]] == [
        (BILLING, True, 1)
    ]
    assert told["not_checked"] == []


def test_it_needs_the_right_to_read_logs_and_says_so(make_world: MakeWorld) -> None:
    done = on(Tenancy.of(make_world, scopes=SCOPES).world, "evidence")
    assert done.status == 5
    assert "read:logs" in done.out


def test_it_refuses_a_client_that_it_knows_nothing_of(make_world: MakeWorld) -> None:
    world = make_world()
    world.fill()
    done = on(world, "evidence")
    assert done.status == 4
    assert "not managed" not in done.out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--force",), "--force: found no --reason"),
        (("--ignore-source", "10.2.3.4"), "--ignore-source: found no --reason"),
        (("--reason", "because"), "--reason: found without --ignore-source or --force"),
        (("--ignore-source", "billing", "--reason", "x"), "--ignore-source: found 'billing', expected an address"),
    ],
)
def test_whoever_overrules_says_why_and_about_whom(options: tuple[str, ...], expected: str) -> None:
    done = invoke("retire", "AbC", "--sink", "vault://secret/x", *options)
    assert done.status == 2
    assert expected in done.err
