"""What a program that `exec` starts inherits: everything but the bridge's own credentials."""

from __future__ import annotations

import pytest

from bridge.cli.child_process import cleaned

STAY = (
    *("AUTH0_DOMAIN", "AUTH0_AUDIENCE", "AUTH0_ISSUER", "AUTH0_ISSUER_BASE_URL", "AUTH0_BASE_URL", "AUTH0_SCOPE"),
    *("AUTH0_CALLBACK_URL", "AUTH0_TENANT", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"),
    *("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_EXECUTION_ENV", "AWS_MAX_ATTEMPTS"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_DEFAULT_OUTPUT", "VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_CACERT", "BAO_ADDR"),
    *("PATH", "HOME", "DATABASE_SECRET", "API_TOKEN"),
)
GO = (
    *("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_API_TOKEN", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY"),
    *("AUTH0_MGMT_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_BEARER_TOKEN_BEDROCK"),
    *("VAULT_TOKEN", "BAO_TOKEN", "BRIDGE_AUDIT_KEY", "SECRET_BRIDGE_FD"),
)


@pytest.mark.parametrize("name", STAY)
def test_what_says_where_a_server_is_stays(name: str) -> None:
    assert cleaned({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("name", GO)
def test_credentials_go(name: str) -> None:
    assert cleaned({name: "x", "KEPT": "y"}) == {"KEPT": "y"}


def test_what_the_configuration_names_goes() -> None:
    assert cleaned({"MINE": "x", "AWS_REGION": "y"}, frozenset({"MINE"})) == {"AWS_REGION": "y"}
