"""No line of the HCL can be left out, and it allows nothing else: on a real OpenBao."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.policy import Role
from tests.e2e.world import World
from tests.policy.iam import Guard
from tests.policy.rights import Somebody, Vault, of, rules_in, smaller, write_config, written

MOUNT = "kv/apps"
UNUSUAL = 'namespace = "{}"\npending_suffix = "-lock"'
KEPT = 50
ASKS: dict[Role, tuple[str, ...]] = {
    Role.OPERATOR: ("retire", "billing", "--soft", "--force", "--reason", "a test", "--dry-run"),
    Role.SECURITY: ("retire", "billing", "--soft", "--force", "--reason", "a test", "--dry-run"),
    Role.AUDITOR: ("status", "billing", "--json"),
    Role.APPLICATION: ("read", "billing", "--all", "--json"),
}


@pytest.fixture
def unusual(
    world: World, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Somebody]:
    """A managed document in a namespace, in a mount with a slash, with a key and a lock key of other names."""
    with Vault(world.servers.bao, unique) as outside:
        outside.ask("POST", f"sys/namespaces/{unique}")
    with Vault(world.servers.bao, unique, unique) as vault:
        vault.ask("POST", f"sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "2"}})
        _when_upgraded(vault, {"max_versions": KEPT})
        vault.ask("POST", f"{MOUNT}/data/billing", {"data": {"auth0_secret": world.s0}})
        sinks = (f"eu://{MOUNT}/billing#auth0_secret",)
        write_config(tmp_path, {"billing": (world, sinks)}, vault=UNUSUAL.format(unique))
        somebody = Somebody(world, vault, guard, monkeypatch)
        somebody.can("rotate", "billing", "--adopt", "--no-wait")
        world.spread()
        yield somebody


def _when_upgraded(vault: Vault, settings: dict[str, Any]) -> None:
    """Set a new mount's limits: it refuses that for a moment."""
    for _ in range(100):
        try:
            vault.ask("POST", f"{MOUNT}/config", settings)
        except AssertionError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError


@pytest.mark.parametrize("role", Role)
def test_no_line_of_vaults_policy_can_go_and_it_allows_nothing_else(unusual: Somebody, role: Role) -> None:
    rules = rules_in(of(unusual.become("--role", role, "--mount", MOUNT), "hcl"))
    ask = ASKS[role]
    unusual.can(*ask)
    for path, capability, left in smaller(rules):
        unusual.vault.allow(written(left))
        ended = unusual.run(*ask)
        if path == f"{MOUNT}/config":
            assert ended.status == 0, ended.told  # it can be done without
            assert room(unusual) != KEPT - 2
        else:
            assert ended.status == 1, (path, capability, ended.told)
            assert path in ended.told
            assert "lacks" in ended.told or "permission denied" in ended.told
    unusual.vault.allow(written(rules))
    assert role is Role.APPLICATION or room(unusual) == KEPT - 2
    token = unusual.vault.token()
    names = ("billing", "billing-lock", "billing2", "billing/pending", "bill", "apps/billing", "")
    endpoints = ("data", "metadata", "destroy", "delete", "undelete", "subkeys")
    everywhere = [f"{MOUNT}/{endpoint}/{name}" for endpoint, name in itertools.product(endpoints, names)]
    others = ["secret/data/billing", "sys/mounts", f"{MOUNT}/config", f"sys/policies/acl/{role}", "kv/config"]
    found = unusual.vault.capabilities(token, [*everywhere, *others])
    assert {path: each for path, each in found.items() if each} == {path: {*each} for path, each in rules.items()}


def room(somebody: Somebody) -> Any:
    """Return how many more writes the fallback survives, as `status` tells it by the mount's limits."""
    (told,) = somebody.can("status", "billing", "--json").objects
    return told["places"][0]["room"]


def test_a_token_without_vaults_default_policy_is_refused_before_anything_is_changed(unusual: Somebody) -> None:
    unusual.become("--role", "operator", "--mount", MOUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAULT_TOKEN", unusual.vault.token(no_default_policy=True))
        unusual.cannot("rotate", "billing", told="sys/capabilities-self")
