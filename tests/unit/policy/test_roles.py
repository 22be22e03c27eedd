"""With what `policy` prints, and nothing else, each role can give its commands, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import MakeWorld
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Somebody, Vault, documents, granted, of, rules_in, write_config

WATCHING = (("status", "billing"), ("history", "billing"), ("report", "billing", "--json"))
ENDING = (
    ("retire", "billing", "--soft"), ("retire", "billing", "--undo"),
    ("retire", "billing", "--yes"),
)  # fmt: skip


@pytest.fixture
def somebody(
    make_hasty: MakeWorld, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Somebody]:
    """Somebody without any right yet; `billing` has its sinks, those of `shop` are empty."""
    shop, billing = make_hasty(), make_hasty()
    billing.fill()
    with Vault(billing.servers.bao, unique) as vault:
        found = Somebody(billing, vault, guard, monkeypatch)
        sinks = {name: (world, (f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"))
                 for name, world in (("billing", billing), ("shop", shop))}  # fmt: skip
        write_config(tmp_path, sinks)
        yield found


def with_a_fallback(somebody: Somebody) -> None:
    """Adopt and rotate, as root still, with time in between: the tenant's log reaches back to before the change."""
    somebody.can("adopt", "billing", "--yes")
    somebody.world.spread()
    somebody.can("rotate", "billing", "--no-wait")
    somebody.world.spread()


def uses_every_right(somebody: Somebody, told: list[dict[str, Any]]) -> None:
    """Make sure that the requests since `told` was printed took all that it grants; what they took, they had."""
    rules = rules_in(of(told, "hcl"))
    names = documents(rules)
    assert somebody.used(names) == granted(rules, names)
    statements = [s for policy in of(told, "iam") for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert somebody.acted == {action for statement in statements for action in statement["Action"]}


def test_an_operator_can_give_every_command_and_uses_every_right(somebody: Somebody, tmp_path: Path) -> None:
    world = somebody.world
    told = somebody.become("--role", "operator")
    somebody.can("adopt", "billing", "--yes")
    for verb in ("status", "history", "verify", "read"):
        somebody.can(verb, "billing")
    somebody.can("rotate", "--all", "--no-wait", "--yes")
    world.spread()
    somebody.can("rollback", "billing", "--no-wait")
    world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    somebody.can("sync", "billing")
    somebody.can("retire", "billing", "--soft")
    somebody.can("retire", "billing", "--undo")
    somebody.can("retire", "billing", "--yes")
    somebody.can("resume")
    somebody.can("forget", "billing")
    uses_every_right(somebody, told)
    assert of(told, "scopes") == [["read:clients", "update:client_keys", "read:client_keys", "read:logs"]]


def test_security_watches_verifies_and_retires_and_changes_nothing_at_auth0(somebody: Somebody) -> None:
    world = somebody.world
    with_a_fallback(somebody)
    before = world.live
    told = somebody.become("billing", "--role", "security")
    assert of(told, "scopes") == [["read:clients", "read:logs"]]
    for command in (
        *WATCHING,
        ("verify", "billing"),
        ("evidence", "billing", "--record"),
        ("watch", "--once", "billing"),
    ):
        somebody.can(*command)
    asked = somebody.run("evidence", "billing")
    assert (asked.status, "known consumers" in asked.told) == (0, True), asked.told
    for verb in ("rotate", "rollback"):
        somebody.cannot(verb, "billing", told="lacks the scope update:client_keys")
    somebody.cannot("status", "shop", told="permission denied")
    for command in ENDING:
        somebody.can(*command)
    uses_every_right(somebody, told)
    assert world.live == before
    assert all(place.see().fallback is None for place in world.sinks)


def test_security_writes_documents_only_where_a_client_is_said_to_have_companions(
    somebody: Somebody, tmp_path: Path
) -> None:
    world = somebody.world
    sinks = {"billing": (world, (f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"))}
    write_config(tmp_path, sinks, client='sibling_keys = true\nconsumer_refresh = "1s"\n')
    with_a_fallback(somebody)
    told = somebody.become("--role", "security")
    for command in (*WATCHING, ("verify", "billing"), ("evidence", "billing", "--record"), *ENDING):
        somebody.can(*command)
    uses_every_right(somebody, told)
    somebody.become("--role", "operator")
    somebody.can("rotate", "billing", "--no-wait")
    world.spread()
    write_config(tmp_path, sinks)  # nobody says so any more, and the document still has them
    somebody.become("--role", "security")
    somebody.cannot("retire", "billing", "--yes", told=f"lacks: update on secret/data/{world.vault.path}")


def test_an_auditor_reads_metadata_and_no_value(somebody: Somebody) -> None:
    world = somebody.world
    somebody.can("rotate", "billing", "--adopt", "--no-wait")
    world.spread()
    rights = somebody.become("billing", "--role", "auditor")
    assert of(rights, "scopes") == [[]]
    told = "".join(somebody.can(verb, "billing", "--json").out for verb in ("status", "history", "report"))
    assert "retire_from" in told
    uses_every_right(somebody, rights)
    somebody.cannot("read", "billing", told="permission denied")
    for verb in ("verify", "rotate", "retire"):
        somebody.cannot(verb, "billing", told="read:clients")
    assert "GetSecretValue" not in somebody.guard.passed


def test_an_application_reads_the_three_stages_and_no_metadata(somebody: Somebody, tmp_path: Path) -> None:
    world = somebody.world
    somebody.can("rotate", "billing", "--adopt", "--no-wait")
    (tmp_path / "bridge.toml").unlink()
    for place in world.sinks:
        who = (world.client_id, "--sink", place.uri)
        rights = somebody.become(*who, "--role", "application")
        assert of(rights, "scopes") == [[]]
        (told,) = somebody.can("read", *who, "--all", "--json").objects
        uses_every_right(somebody, rights)
        assert (told["current"], told["fallback"], told["pending"]) == (world.live, world.s0, None)
        denied = "permission denied" if place is world.vault else "AWS denied secretsmanager:"
        somebody.cannot("status", *who, told=denied)
        somebody.cannot("rotate", *who, told="read:clients")
