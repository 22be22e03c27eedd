"""A world's client in a configuration that names whom to tell."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.command import Ended, invoke
from tests.e2e.sinks import REGION
from tests.e2e.world import World

TO_HOOK = '[[notify]]\nurl = "env:HOOK"\n'


def configured(world: World, directory: Path, notify: str = TO_HOOK, more: str = "", name: str = "billing") -> Path:
    """Write a bridge.toml; `notify` is what it says of whom to tell, `more` what it says of the client."""
    environ = world.environment
    lines = [
        *("[tenants.local]", f'domain = "{environ["AUTH0_DOMAIN"]}"', 'client_id = "env:AUTH0_CLIENT_ID"'),
        *('client_secret = "env:AUTH0_CLIENT_SECRET"', f'propagation = "{environ["BRIDGE_PROPAGATION"]}"'),
        *("[vaults.vault]", 'type = "vault"', f'url = "{environ["VAULT_ADDR"]}"'),
        'auth = { method = "token", token = "env:VAULT_TOKEN" }',
        *("[vaults.aws]", 'type = "aws"', f'endpoint_url = "{environ["AWS_ENDPOINT_URL"]}"'),
        *(f"[clients.{json.dumps(name)}]", 'tenant = "local"', f'client_id = "{world.client_id}"'),
        f"sinks = {json.dumps(list(world.uris))}",
        'min_interval = "0s"',
        *(more, notify),
    ]
    path = directory / "bridge.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert REGION in str(world.uris) or "aws" not in str(world.uris)
    return path


def run(path: Path, verb: str, *options: str) -> Ended:
    """Run a command about the client, as talkative as it can be."""
    return invoke(verb, "billing", "--config", str(path), "--verbose", *options)
