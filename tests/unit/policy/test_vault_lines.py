"""No line of the HCL can be left out, and it allows nothing else: on a real OpenBao."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sinks.rights import Role
from tests.e2e.world import MakeWorld, World
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Rules, Somebody, Vault, of, rules_in, smaller, write_config, written

MOUNT = "kv/apps"
UNUSUAL = 'namespace = "{}"\npending_suffix = "-lock"'
KEPT = 50
ENDS = ("retire", "billing", "--force", "--reason", "a test")


UNDOES = ("retire", "billing", "--undo", "--dry-run")


def breaking(role: Role, endpoint: str, capability: str) -> tuple[str, ...]:
    """Return a command of a role that cannot do without one capability; it changes nothing."""
    if role in (Role.AUDITOR, Role.APPLICATION):
        return ("status", "billing") if role is Role.AUDITOR else ("read", "billing", "--all", "--json")
    found: dict[tuple[str, str], tuple[str, ...]] = {
        ("metadata", "read"): ("status", "billing"),
        ("data", "create"): ("rotate", "shop", "--dry-run"),
        ("data", "update"): ("rotate", "billing", "--dry-run") if role is Role.OPERATOR else (*ENDS, "--dry-run"),
        ("delete", "update"): (*ENDS, "--soft", "--dry-run"),
        ("undelete", "update"): UNDOES,
    }
    return found.get((endpoint, capability), (*ENDS, "--dry-run"))


def one_by_one(rules: Rules) -> list[tuple[str, str, Rules]]:
    """Return rules without one capability each: to write anew at the sink that is empty, all others at the other."""
    return [
        (path, capability, left)
        for path, capability, left in smaller(rules)
        if ("shop" in path) is (capability == "create")
    ]


@pytest.fixture
def unusual(
    make_hasty: MakeWorld, world: World, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Somebody]:
    """A managed document in a namespace, in a mount with a slash, with a key and a lock key of other names.

    `shop` is a client whose sink there is empty.
    """
    with Vault(world.servers.bao, unique) as outside:
        outside.ask("POST", f"sys/namespaces/{unique}")
    with Vault(world.servers.bao, unique, unique) as vault:
        vault.ask("POST", f"sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "2"}})
        _when_upgraded(vault, {"max_versions": KEPT})
        vault.ask("POST", f"{MOUNT}/data/billing", {"data": {"auth0_secret": world.s0}})
        clients = {name: (its, (f"eu://{MOUNT}/{name}#auth0_secret",))
                   for name, its in (("billing", world), ("shop", make_hasty()))}  # fmt: skip
        write_config(tmp_path, clients, vault=UNUSUAL.format(unique))
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
    later = []
    for path, capability, left in one_by_one(rules):
        if path == f"{MOUNT}/config":
            unusual.vault.allow(written(left))
            assert room(unusual) != KEPT - 2  # it can be done without
        elif "/undelete/" in path:
            later.append((path, capability, left))
        else:
            refused(unusual, role, path, capability, left)
    unusual.vault.allow(written(rules))
    assert role is Role.APPLICATION or room(unusual) == KEPT - 2
    if later:
        unusual.can("retire", "billing", "--soft", "--force", "--reason", "a test")
        unusual.can(*UNDOES)
    for each in later:
        refused(unusual, role, *each)
    unusual.vault.allow(written(rules))
    token = unusual.vault.token()
    names = ("billing", "billing-lock", "shop", "shop-lock", "billing2", "billing/pending", "bill", "apps/billing", "")
    endpoints = ("data", "metadata", "destroy", "delete", "undelete", "subkeys")
    everywhere = [f"{MOUNT}/{endpoint}/{name}" for endpoint, name in itertools.product(endpoints, names)]
    others = ["secret/data/billing", "sys/mounts", f"{MOUNT}/config", f"sys/policies/acl/{role}", "kv/config"]
    found = unusual.vault.capabilities(token, [*everywhere, *others])
    assert {path: each for path, each in found.items() if each} == {path: {*each} for path, each in rules.items()}


def refused(somebody: Somebody, role: Role, path: str, capability: str, left: Rules) -> None:
    """Make sure that a command is refused to somebody who lacks one capability, which is named."""
    somebody.vault.allow(written(left))
    ended = somebody.run(*breaking(role, path.removeprefix(f"{MOUNT}/").partition("/")[0], capability))
    assert ended.status == 1, (path, capability, ended.told)
    assert path in ended.told
    assert "lacks" in ended.told or "permission denied" in ended.told


def room(somebody: Somebody) -> Any:
    """Return how many more writes the fallback survives, as `status` tells it by the mount's limits."""
    (told,) = somebody.can("status", "billing", "--json").objects
    return told["sinks"][0]["room"]


def test_a_token_without_vaults_default_policy_is_refused_before_anything_is_changed(unusual: Somebody) -> None:
    unusual.become("--role", "operator", "--mount", MOUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAULT_TOKEN", unusual.vault.token(no_default_policy=True))
        unusual.cannot("rotate", "billing", told="sys/capabilities-self")
