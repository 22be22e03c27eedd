"""The three local servers together, with clients whose secrets can be rotated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.aws import REGION, LocalAws
from bridge.sandbox.openbao import OpenBao

MANAGEMENT_SCOPES = ("update:client_keys", "read:clients", "read:client_keys", "read:logs")
"""The scopes of the bridge's own application."""
AUDIENCE = "https://api.acme"
BILLING = "AbC123billingAbC123billingAbC123"
"""The id of the client whose secret is rotated."""
BRIDGE = "BrIdGe00management00BrIdGe00mana"
"""The id of the bridge's own application."""

MARK = "# A local sandbox; the credentials come from the environment.\n"
"""The first line of a sandbox's `bridge.toml`, by which it is recognised."""
_CONFIG = """\
[tenants.sandbox]
domain = "{auth0}"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "env:AUTH0_CLIENT_SECRET"
propagation = "{propagation}"

[vaults.local]
type = "vault"
url = "{vault}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[vaults.use1]
type = "aws"
region = "{region}"
"""
_CLIENT = """
[clients.{name}]
tenant = "sandbox"
client_id = "{client_id}"
owner = "team-{name}"
sinks = ["local://secret/apps/{name}", "use1://apps/{name}"]
"""


def client_table(name: str, client_id: str) -> str:
    """Return the table of a client in a sandbox's `bridge.toml`.

    The name must be one that TOML takes without quotes.
    """
    return _CLIENT.format(name=name, client_id=client_id)


class Stack:
    """A local Auth0, OpenBao and AWS. Use it as a context manager, or call `start` and `stop`.

    The client `billing` may get tokens for `https://api.acme`, as any of the `more` clients, which are named.
    `propagation` is how long a changed secret takes to spread.
    """

    def __init__(self, propagation: timedelta = timedelta(seconds=30), more: Iterable[str] = ()) -> None:
        self._propagation = propagation
        self.bao = OpenBao.dev()
        self.aws = LocalAws()
        self.auth0 = LocalAuth0(propagation)
        tenant = self.auth0.tenant
        self.management = tenant.add_management_client(MANAGEMENT_SCOPES, BRIDGE, name="secret-bridge")
        self.billing = tenant.add_client(BILLING, name="billing", grants={AUDIENCE: ()})
        self.clients = {"billing": self.billing.client_id}
        """The ids of the clients that can be rotated, by their names."""
        for name in more:
            self.clients[name] = tenant.add_client(name=name, grants={AUDIENCE: ()}).client_id
        self._running = ExitStack()

    def start(self) -> Self:
        """Start all three servers in parallel.

        Raises:
            ServerFailed: a server did not start. The others are stopped.
        """
        with ExitStack() as running:
            # Registered before it starts, because its socket listens from the beginning.
            running.callback(self.auth0.stop)
            for server in (self.aws, self.bao):
                running.callback(server.stop)
                # Both processes start while this one serves Auth0. Importing moto takes long.
                server.spawn()
            self.auth0.start()
            self.bao.wait()
            self.aws.wait()
            # Only when all of them work. Until then the context stops those that were started.
            self._running = running.pop_all()
        return self

    def stop(self) -> None:
        """Stop all three servers. A second call does nothing."""
        self._running.close()

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point the bridge and other tools at the local servers.

        They hold credentials of the local servers. The servers need to be started, because only
        then their ports are known.
        """
        return {
            "AUTH0_DOMAIN": self.auth0.url,
            "AUTH0_CLIENT_ID": self.management.client_id,
            "AUTH0_CLIENT_SECRET": self.management.client_secret,
            "VAULT_ADDR": self.bao.url,
            "VAULT_TOKEN": self.bao.token,
            "BRIDGE_PROPAGATION": f"{self._propagation.total_seconds():g}s",
            **self.aws.environment(),
        }

    def write_config(self, path: Path) -> None:
        """Write a `bridge.toml` for the servers. It holds no secret.

        Its `propagation` is a whole number of seconds, and at least one.
        """
        # The configuration takes whole seconds. Rounded up, because waiting too long is safe and too short is not.
        spreads = f"{max(1, math.ceil(self._propagation.total_seconds()))}s"
        text = _CONFIG.format(propagation=spreads, auth0=self.auth0.url, vault=self.bao.url, region=REGION)
        path.write_text(MARK + text + "".join(map(client_table, self.clients, self.clients.values())), "utf-8")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.stop()
