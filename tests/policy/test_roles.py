"""With what `policy` prints, and nothing else, each role can give its commands, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.vault import Settings
from tests.e2e.world import MakeWorld
from tests.policy.iam import Guard
from tests.policy.rights import Somebody, Vault, of, rules_in, write_config

DOES = {"GET": "read", "POST": "update", "PUT": "update", "PATCH": "patch", "create": "create"}


@pytest.fixture
def somebody(
    make: MakeWorld, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Somebody]:
    """Somebody without any right yet; `billing` has its places, those of `shop` are empty."""
    shop, billing = make(), make()
    billing.fill()
    with Vault(billing.servers.bao, unique) as vault:
        found = Somebody(billing, vault, guard, monkeypatch)
        sinks = {name: (world, (f"eu://secret/{world.vault.path}", f"use1://{world.aws.name}"))
                 for name, world in (("billing", billing), ("shop", shop))}  # fmt: skip
        write_config(tmp_path, sinks)
        yield found


def used(somebody: Somebody, documents: tuple[str, ...]) -> set[tuple[str, str]]:
    """Return what was asked of Vault: which capability, and where, whichever the document was."""
    found = {(DOES[method], path.partition("?")[0]) for method, path in somebody.requests}
    return {(method, anonymous(path, documents)) for method, path in found if path.startswith("secret/")}


def anonymous(path: str, documents: tuple[str, ...]) -> str:
    for document in documents:
        path = path.replace(document, "DOCUMENT")
    return path


def test_an_operator_can_give_every_command_and_uses_every_right(somebody: Somebody, tmp_path: Path) -> None:
    world = somebody.world
    told = somebody.become("--role", "operator")
    somebody.can("adopt", "billing", "--yes")
    for verb in ("status", "history", "verify", "read"):
        somebody.can(verb, "billing")
    somebody.can("rotate", "--all", "--no-wait")
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
    rules = rules_in(of(told, "hcl"))
    documents = tuple(path.removeprefix("secret/data/") for path in rules if path.startswith("secret/data/"))
    documents = tuple(each for each in documents if not each.endswith(Settings.pending_suffix))
    granted = {(each, anonymous(path, documents)) for path, several in rules.items() for each in several}
    assert used(somebody, documents) == granted
    actions = {action for policy in of(told, "iam") for s in policy["Statement"] for action in s["Action"]}
    assert {f"secretsmanager:{action}" for action in somebody.guard.passed} == actions
    assert of(told, "scopes") == [["read:clients", "update:client_keys", "read:client_keys", "read:logs"]]


def test_security_watches_verifies_and_retires_and_changes_nothing_at_auth0(somebody: Somebody) -> None:
    world = somebody.world
    somebody.can("rotate", "billing", "--adopt", "--no-wait")  # as root still
    world.spread()
    before = world.live
    assert of(somebody.become("billing", "--role", "security"), "scopes") == [["read:clients", "read:logs"]]
    for verb in ("status", "history", "verify"):
        somebody.can(verb, "billing")
    somebody.can("report", "billing", "--json")
    asked = somebody.run("evidence", "billing")
    assert (asked.status, "known consumers" in asked.told) == (0, True), asked.told
    for verb in ("rotate", "rollback"):
        somebody.cannot(verb, "billing", told="lacks the scope update:client_keys")
    somebody.cannot("status", "shop", told="permission denied")
    somebody.can("retire", "billing", "--soft")
    somebody.can("retire", "billing", "--undo")
    somebody.can("retire", "billing", "--yes")
    assert world.live == before
    assert all(place.see().fallback is None for place in world.places)


def test_an_auditor_reads_metadata_and_no_value(somebody: Somebody) -> None:
    world = somebody.world
    somebody.can("rotate", "billing", "--adopt", "--no-wait")
    world.spread()
    assert of(somebody.become("billing", "--role", "auditor"), "scopes") == [[]]
    told = "".join(somebody.can(verb, "billing", "--json").out for verb in ("status", "history", "report"))
    assert "retire_from" in told
    somebody.cannot("read", "billing", told="permission denied")
    for verb in ("verify", "rotate", "retire"):
        somebody.cannot(verb, "billing", told="read:clients")
    assert "GetSecretValue" not in somebody.guard.passed


def test_an_application_reads_the_three_stages_and_no_metadata(somebody: Somebody, tmp_path: Path) -> None:
    world = somebody.world
    somebody.can("rotate", "billing", "--adopt", "--no-wait")
    (tmp_path / "bridge.toml").unlink()
    for place in world.places:
        who = (world.client_id, "--sink", place.uri)
        assert of(somebody.become(*who, "--role", "application"), "scopes") == [[]]
        (told,) = somebody.can("read", *who, "--all", "--json").objects
        assert (told["current"], told["fallback"], told["pending"]) == (world.live, world.s0, None)
        denied = "permission denied" if place is world.vault else "AWS denied secretsmanager:"
        somebody.cannot("status", *who, told=denied)
        somebody.cannot("rotate", *who, told="read:clients")
