"""A good configuration, and a way to load variations of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.model.errors import Usage

GOOD = """
[tenants.prod]
domain = "acme.eu.auth0.com"
client_id = "env:AUTH0_CLIENT_ID"
client_secret = "env:AUTH0_CLIENT_SECRET"

[vaults.eu]
type = "vault"
url = "https://vault.eu.example:8200"
namespace = "platform"
ca_file = "/etc/ssl/vault.pem"
auth = { method = "approle", role_id = "env:ROLE_ID", secret_id = "file:/run/secrets/secret_id" }

[vaults.use1]
type = "aws"
region = "us-east-1"
role_arn = "arn:aws:iam::111122223333:role/bridge"

[defaults]
strategy = "staged"
max_age = "90d"
fallback_min_age = "24h"
fallback_max_age = "14d"
consumer_refresh = "0s"

[clients.billing]
tenant = "prod"
client_id = "AbC123"
owner = "team-billing"
sinks = ["eu://secret/apps/billing", "use1://apps/billing#client_secret"]
after = ["kubectl", "rollout", "restart", "deploy/billing"]
"""

Load = Callable[..., Settings]


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    def loaded(text: str, environ: dict[str, str] | None = None) -> Settings:
        path = tmp_path / "bridge.toml"
        path.write_text(text, "utf-8")
        return load(path, environ or {})

    return loaded


@pytest.fixture
def faults_of(load_text: Load) -> Callable[..., tuple[str, ...]]:
    def found(text: str, environ: dict[str, str] | None = None) -> tuple[str, ...]:
        with pytest.raises(Usage) as caught:
            load_text(text, environ)
        return caught.value.faults

    return found
