"""No scope can be left out: a command fails without it, and names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import World
from tests.unit.policy.iam import Guard
from tests.unit.policy.rights import Somebody, Vault, of, write_config


def test_each_scope_is_needed_and_named(
    world: World, guard: Guard, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.vault.fill(world.s0)
    write_config(tmp_path, {"billing": (world, (f"eu://secret/{world.vault.path}",))})
    with Vault(world.servers.bao, unique) as vault:
        somebody = Somebody(world, vault, guard, monkeypatch)
        somebody.can("rotate", "billing", "--adopt", "--no-wait")
        world.tenant.set_in_dashboard(world.client_id)
        world.spread()
        (every,) = of(somebody.become("--role", "operator"), "scopes")

        def without(*gone: str) -> None:
            somebody.scopes([scope for scope in every if scope not in gone])

        without("read:client_keys")
        ended = somebody.run("sync", "billing")
        assert ended.status == 4
        assert "lacks the scope read:client_keys" in ended.told
        without("update:client_keys")  # publishing what Auth0 accepts does not take it
        somebody.can("sync", "billing")
        somebody.cannot("rotate", "billing", told="lacks the scope update:client_keys")
        without("read:client_keys", "read:clients")  # the first covers the second
        somebody.cannot("verify", "billing", told="read:clients")
        assert of(somebody.become("--role", "security"), "scopes") == [["read:clients", "read:logs"]]
        somebody.can("verify", "billing")
        assert "lacks the scope" not in somebody.run("evidence", "billing").told
        somebody.scopes(["read:clients"])
        ended = somebody.run("evidence", "billing")
        assert ended.status == 5
        assert "lacks the scope read:logs" in ended.told
        somebody.scopes([])
        somebody.cannot("verify", "billing", told="read:clients")
