"""The policies that the pages hold against what the code needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from sinks import LEASE
from sinks.clock import SystemClock
from sinks.port import Place
from sinks.vault.kv import Kv
from sinks.vault.sink import VaultSink
from tests.docs.pages import DOCS, ROOT, fences, section, spans, tables

PAGE = DOCS / "security.md"
PATH = "secret/apps/billing"
POLICY = re.compile(r'path "([^"]+)"\s*\{ capabilities = (\[[^\]]*\]) \}')


class Asked:
    """Remembers which capabilities the sink asks for, and has them all."""

    wanted: Mapping[str, Sequence[str]]

    def capabilities(self, wanted: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        self.wanted = wanted
        return ()


def test_vaults_policy_grants_what_is_checked_and_no_more() -> None:
    asked = Asked()
    uri = f"vault://{PATH}"
    sink = VaultSink(
        uri, cast(Kv, asked), PATH, "client_secret", lock_path=f"{PATH}/pending", clock=SystemClock(), lease=LEASE
    )
    sink.check(Place(uri, datetime.now(UTC), exists=True), softly=True)
    needed = {
        f"secret/{name.partition(':')[0]}/{name.partition(':')[2].removeprefix('secret/')}": set(capabilities)
        for name, capabilities in asked.wanted.items()
    }
    (policy,) = fences(PAGE, "hcl")
    granted = {path: set(json.loads(capabilities)) for path, capabilities in POLICY.findall(policy.text)}
    assert granted == {**needed, "secret/config": {"read"}}  # asked for, and done without


def test_awss_policy_grants_every_action_that_is_used() -> None:
    source = (ROOT / "sinks/aws/api.py").read_text("utf-8")
    used = {f"secretsmanager:{action}" for action in re.findall(r'_calling\("(\w+)"', source)}
    (policy,) = fences(PAGE, "json")
    granted = set(json.loads(policy.text)["Action"])
    assert used - granted == {"secretsmanager:CreateSecret"}
    assert granted <= used
    assert "`secretsmanager:CreateSecret` only for" in PAGE.read_text("utf-8")


def test_auth0s_scopes_are_told() -> None:
    (table,) = [t for t in tables(section(PAGE, "What the bridge needs")) if spans(t[0][0])]
    assert {spans(row[0])[0] for row in table} == {READ_CLIENTS, READ_KEYS, UPDATE_KEYS, READ_LOGS}
