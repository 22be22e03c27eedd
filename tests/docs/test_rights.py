"""The policies that the pages hold against what the code needs."""

from __future__ import annotations

import json
import re

from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from sinks.aws.rights import CREATE
from sinks.aws.rights import needed as aws_rights
from sinks.rights import Deed
from sinks.vault.rights import needed as vault_rights
from tests.docs.pages import DOCS, ROOT, fences, section, spans, tables

PAGE = DOCS / "guide" / "security.md"
NAMES = ("apps/billing", "apps/billing/pending")
POLICY = re.compile(r'path "([^"]+)"\s*\{ capabilities = (\[[^\]]*\]) \}')


def test_vaults_policy_grants_what_is_checked_and_no_more() -> None:
    (policy,) = fences(PAGE, "hcl")
    granted = {path: tuple(json.loads(capabilities)) for path, capabilities in POLICY.findall(policy.text)}
    wanted = {
        f"secret/{endpoint}/{name}": capabilities
        for name, rights in zip(NAMES, vault_rights(Deed), strict=True)
        for endpoint, capabilities in rights.items()
    }
    assert granted == {**wanted, "secret/config": ("read",)}  # asked for, and done without


def test_awss_policy_grants_every_action_that_is_used() -> None:
    source = (ROOT / "sinks/aws/api.py").read_text("utf-8")
    used = {f"secretsmanager:{action}" for action in re.findall(r'_calling\("(\w+)"', source)}
    (policy,) = fences(PAGE, "json")
    granted = set(json.loads(policy.text)["Action"])
    assert used == {f"secretsmanager:{action}" for action in aws_rights(Deed)}
    assert used - granted == {f"secretsmanager:{CREATE}"}
    assert granted <= used
    assert "`secretsmanager:CreateSecret` only for" in PAGE.read_text("utf-8")


def test_auth0s_scopes_are_told() -> None:
    (table,) = [t for t in tables(section(PAGE, "What the bridge needs")) if spans(t[0][0])]
    assert {spans(row[0])[0] for row in table} == {READ_CLIENTS, READ_KEYS, UPDATE_KEYS, READ_LOGS}
