"""Many clients of one configuration, and proxies before the servers that count what a command asks of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import hvac
from hvac.exceptions import VaultError

from tests.e2e.command import Ended, execute
from tests.e2e.test_several_clients import write
from tests.e2e.world import World
from tests.support.proxy import Proxy

POLICY = 'path "secret/*" { capabilities = ["create", "read", "update", "patch"] }'
LOGIN, TOKEN = "POST /v1/auth/approle-jobs/login", "management tokens"


@dataclass
class Fleet:
    """Clients with an AppRole whose secret id is good for one login, and what the servers were asked."""

    worlds: dict[str, World]
    home: Path
    variables: dict[str, str]
    asked: Counter[str] = field(default_factory=Counter)
    proxies: Mapping[str, Proxy] = field(default_factory=dict)

    def run(self, *args: str, **more: str) -> Ended:
        """Run a command with a fresh secret id."""
        self.asked.clear()
        return execute(next(iter(self.worlds.values())), *args, home=self.home, **self.given(), **more)

    def given(self) -> dict[str, str]:
        world = next(iter(self.worlds.values()))
        root = hvac.Client(world.servers.bao.url, token=world.servers.bao.token)
        made = root.auth.approle.generate_secret_id("jobs", mount_point="approle-jobs")
        root.adapter.close()
        return {**self.variables, "SECRET_ID": made["data"]["secret_id"]}

    def tokens_left(self) -> int:
        """Return how many tokens of its logins Vault still has."""
        servers = next(iter(self.worlds.values())).servers
        root = hvac.Client(servers.bao.url, token=servers.bao.token)
        found = 0
        for accessor in root.list("auth/token/accessors")["data"]["keys"]:
            with suppress(VaultError):  # one may end meanwhile
                found += root.auth.token.lookup_accessor(accessor)["data"]["path"] == "auth/approle-jobs/login"
        root.adapter.close()
        return found

    def is_whole(self) -> bool:
        return all({p.see().current for p in world.sinks} == {world.live} for world in self.worlds.values())


@contextmanager
def fleet_of(worlds: dict[str, World], home: Path, more: str = "") -> Iterator[Fleet]:
    """Fill the sinks of some worlds, and write a configuration of them into `home`. `more` stands in each client."""
    servers = next(iter(worlds.values())).servers
    root = hvac.Client(servers.bao.url, token=servers.bao.token)
    root.sys.create_or_update_policy("jobs", POLICY)
    root.sys.enable_auth_method("approle", path="approle-jobs")
    role = root.auth.approle
    role.create_or_update_approle("jobs", token_policies=["jobs"], secret_id_num_uses=1, mount_point="approle-jobs")
    role_id = role.read_role_id("jobs", mount_point="approle-jobs")["data"]["role_id"]
    asked: Counter[str] = Counter()

    def watch(request: bytes, _answer: bytes) -> None:
        asked[TOKEN] += b'"audience"' in request and b'"client_credentials"' in request

    def gate(what: str, ask):  # type: ignore[no-untyped-def]
        asked[what] += 1
        return ask()

    for world in worlds.values():
        world.fill()
    write(home, worlds, more)
    file = home / "bridge.toml"
    with (
        Proxy(servers.auth0.url, watch=watch) as auth0,
        Proxy(servers.bao.url, gate=gate) as vault,
        Proxy(servers.aws_url, gate=gate) as aws,
    ):
        audience = f'[tenants.local]\naudience = "{servers.auth0.url}/api/v2/"'
        text = file.read_text().replace("[tenants.local]", audience.replace(servers.auth0.url, "AUDIENCE"))
        for server, proxy in ((servers.auth0.url, auth0), (servers.bao.url, vault), (servers.aws_url, aws)):
            text = text.replace(server, proxy.url)
        text = text.replace("AUDIENCE", servers.auth0.url)
        given = 'method = "approle", mount = "approle-jobs", role_id = "env:ROLE_ID", secret_id = "env:SECRET_ID"'
        file.write_text(text.replace('method = "token", token = "env:VAULT_TOKEN"', given))
        proxies = {"Auth0": auth0, "Vault": vault, "AWS": aws}
        yield Fleet(worlds, home, {"ROLE_ID": role_id, "VAULT_TOKEN": ""}, asked, proxies)
    root.sys.disable_auth_method("approle-jobs")
    root.adapter.close()
