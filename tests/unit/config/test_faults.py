"""Every fault by its key, with what was found and what was expected, all at once."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from bridge.model.errors import Usage

CANARY = "canary-7f3a9c-value"


def test_five_faults_in_one_file_give_five_lines(faults_of: Any, good: str) -> None:
    text = (
        good.replace('max_age = "90d"', 'max_aged = "90d"')
        .replace('consumer_refresh = "0s"', 'consumer_refresh = "soon"')
        .replace('client_secret = "env:AUTH0_CLIENT_SECRET"', f'client_secret = "{CANARY}"')
        .replace('tenant = "prod"', 'tenant = "prd"')
        .replace("eu://secret/apps/billing", "us://secret/apps/billing")
    )
    expected = (
        (
            "tenants.prod.client_secret: found a plain text (not shown), expected env:NAME, file:PATH, "
            "aws://REGION/NAME#KEY or vault://MOUNT/PATH#KEY"
        ),
        'defaults.consumer_refresh: found "soon", expected a duration such as 90d, 24h, 30m or 10s',
        "defaults.max_aged: unknown key; did you mean max_age?",
        'clients.billing.tenant: found "prd", expected one of prod; did you mean prod?',
        'clients.billing.sinks[0]: no vault of that name: found "us", expected one of eu, use1; did you mean use1?',
    )
    assert sorted(faults_of(text)) == sorted(expected)


ONE_FAULT = [
    ('domain = "acme.eu.auth0.com"', 'domain = "127.0.0.256"',
     'tenants.prod.domain: found "127.0.0.256", expected a domain such as acme.eu.auth0.com'),
    ('domain = "acme.eu.auth0.com"', 'domain = "http://acme.eu.auth0.com"',
     'tenants.prod.domain: found "http://acme.eu.auth0.com", expected https:// (plain http:// is for loopback only)'),
    ('domain = "acme.eu.auth0.com"', f'domain = "https://x:{CANARY}@acme.example"',
     "tenants.prod.domain: found a text (not shown), expected a domain without a user name or password in it"),
    ('domain = "acme.eu.auth0.com"\n', "", "tenants.prod.domain: missing"),
    ('client_id = "env:AUTH0_CLIENT_ID"', 'client_id = "env:"',
     "tenants.prod.client_id: found a text that is none, expected a client id, env:NAME or file:PATH"),
    ('client_secret = "env:AUTH0_CLIENT_SECRET"\n', "",
     "tenants.prod: expected api_token, or client_id with client_secret or private_key"),
    ('client_secret = "env:AUTH0_CLIENT_SECRET"', 'client_secret = "env:A"\nprivate_key = "file:/k.pem"',
     "tenants.prod: found client_secret and private_key, expected one of them"),
    ('client_secret = "env:AUTH0_CLIENT_SECRET"', f'client_secret = ["{CANARY}"]',
     "tenants.prod.client_secret: found a list, expected a text"),
    ('type = "vault"', 'type = "vualt"',
     'vaults.eu.type: found "vualt", expected one of aws, vault; did you mean vault?'),
    ('type = "vault"', 'type = "port"', 'vaults.eu.type: found "port", expected one of aws, vault'),
    ('type = "vault"', 'type = "memory"', 'vaults.eu.type: found "memory", expected one of aws, vault'),
    ('type = "vault"\n', "", "vaults.eu.type: missing, expected one of aws, vault"),
    ('url = "https://vault.eu.example:8200"\n', "", "vaults.eu.url: missing"),
    ('namespace = "platform"', 'namespaces = "platform"', "vaults.eu.namespaces: unknown key; did you mean namespace?"),
    ('namespace = "platform"', "namespace = 7", "vaults.eu.namespace: found a number, expected a text"),
    ('method = "approle"', 'method = "aprole"',
     ('vaults.eu.auth.method: found "aprole", expected one of token, approle, kubernetes, jwt, userpass; '
     "did you mean approle?")),
    ('role_id = "env:ROLE_ID"', 'rolle_id = "env:ROLE_ID"',
     "vaults.eu.auth.rolle_id: unknown key; did you mean role_id?"),
    ('"file:/run/secrets/secret_id"', f'"{CANARY}"',
     ("vaults.eu.auth.secret_id: found a plain text (not shown), expected env:NAME, file:PATH, aws://REGION/NAME#KEY "
     "or vault://MOUNT/PATH#KEY")),
    ('region = "us-east-1"', "region = true", "vaults.use1.region: found true or false, expected a text"),
    ("[vaults.use1]", "[vaults.X]\ntype = 'aws'\n[vaults.use1]",
     "vaults.X: expected a name that can be a URI's scheme: a-z, then a-z 0-9 + . -"),
    ('strategy = "staged"', 'strategy = "stagd"',
     'defaults.strategy: found "stagd", expected one of staged, auth0-generated; did you mean staged?'),
    ('max_age = "90d"', "max_age = 90",
     "defaults.max_age: found a number, expected a duration such as 90d, 24h, 30m or 10s"),
    ('max_age = "90d"', 'max_age = "999999999w"', 'defaults.max_age: found "999999999w", expected a shorter duration'),
    ('fallback_min_age = "24h"', 'fallback_min_age = "15d"',
     ("defaults.fallback_min_age: fallback_min_age (15 days, 0:00:00) is longer than fallback_max_age "
     "(14 days, 0:00:00)")),
    ('owner = "team-billing"', 'fallback_max_age = "1h"',
     "clients.billing.fallback_max_age: fallback_min_age (1 day, 0:00:00) is longer than fallback_max_age (1:00:00)"),
    ('owner = "team-billing"', "owner = 7", "clients.billing.owner: found a number, expected a text"),
    ('owner = "team-billing"', 'owner = " "', "clients.billing.owner: found an empty text, expected a text"),
    ('owner = "team-billing"', 'accept = ["hs265"]',
     'clients.billing.accept[0]: found "hs265", expected one of hs256, self; did you mean hs256?'),
    ('owner = "team-billing"', 'on_drift = "tell"',
     'clients.billing.on_drift: found "tell", expected one of notify, sync'),
    ('owner = "team-billing"', 'evidence = "required"',
     'clients.billing.evidence: found "required", expected one of advisory, require; did you mean require?'),
    ('owner = "team-billing"', 'owners = "team-billing"', "clients.billing.owners: unknown key; did you mean owner?"),
    ('client_id = "AbC123"\n', "", "clients.billing.client_id: missing"),
    ('client_id = "AbC123"', 'client_id = ""',
     "clients.billing.client_id: found a text that is none, expected a client id"),
    ('["kubectl", "rollout", "restart", "deploy/billing"]', '"kubectl rollout"',
     ('clients.billing.after: found a text, expected a list of words such as ["systemctl", "restart", "billing"] '
     "(no shell)")),
    ('["eu://secret/apps/billing", "use1://apps/billing#client_secret"]', "[]",
     "clients.billing.sinks: found an empty list, expected at least one"),
    ('["eu://secret/apps/billing", "use1://apps/billing#client_secret"]', '"eu://secret/apps/billing"',
     "clients.billing.sinks: found a text, expected a list"),
    ('"eu://secret/apps/billing"', '"secret/apps/billing"',
     'clients.billing.sinks[0]: found "secret/apps/billing", expected VAULT://PATH or VAULT://PATH#KEY'),
    ('"use1://apps/billing#client_secret"', '"eu://secret/apps/billing#other"',
     "clients.billing.sinks[1]: the same sink as clients.billing.sinks[0]"),
    ("[clients.billing]", '[clients."bil ling"]',
     'clients."bil ling": expected a name of letters, digits and _ . : @ -, beginning with one of the first'),
    ("[defaults]", "[default]", "default: unknown key; did you mean defaults?"),
    ("[clients.billing]", "[[clients]]", "clients: found a list, expected a table"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), ONE_FAULT, ids=[line.split(":")[0] for *_, line in ONE_FAULT])
def test_one_fault_is_one_line(faults_of: Any, good: str, old: str, new: str, line: str) -> None:
    assert good.count(old) >= 1
    assert faults_of(good.replace(old, new, 1)) == (line,)


OTHER = """
[clients.other]
tenant = "prod"
client_id = "AbC123"
sinks = ["use1://apps/billing"]
"""


def test_two_clients_share_neither_an_application_nor_a_place(faults_of: Any, good: str) -> None:
    assert faults_of(good + OTHER) == (
        "clients.other.client_id: the same application as clients.billing",
        "clients.other.sinks[0]: the same sink as clients.billing.sinks[1]",
    )


def test_two_names_of_one_tenant_are_one_tenant(faults_of: Any, good: str) -> None:
    twin = '[tenants.twin]\ndomain = "https://ACME.eu.auth0.com/"\napi_token = "env:T"\n'
    text = good + twin + OTHER.replace('"prod"', '"twin"').replace("apps/billing", "apps/other")
    assert faults_of(text) == ("clients.other.client_id: the same application as clients.billing",)


def test_companions_need_consumer_refresh_and_keys(faults_of: Any, load_text: Any, good: str) -> None:
    wanted = good.replace('owner = "team-billing"', "sibling_keys = true")
    assert faults_of(wanted) == (
        "clients.billing.consumer_refresh: sibling keys need it: how long readers keep what they have read",
    )
    assert load_text(wanted.replace('"0s"', '"5m"')).clients["billing"].sibling_keys
    everywhere = good.replace("[defaults]", "[defaults]\nsibling_keys = true").replace('"0s"', '"5m"')
    assert load_text(everywhere).clients["billing"].sibling_keys
    bare = everywhere.replace("apps/billing#client_secret", "apps/billing?bare")
    assert bare != everywhere
    (line,) = faults_of(bare)
    assert line.endswith("sibling keys have no room beside a bare text (?bare)")


def test_certificates_cannot_be_switched_off(faults_of: Any, load_text: Any, good: str) -> None:
    for name in ("VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"):
        for value in ("1", "true", "T", "yes"):
            (line,) = faults_of(good, {name: value})
            assert line.startswith(f"{name} is set")
        load_text(good, {name: "0"})


def test_nobody_looks_in_the_file_for_a_variable(load_text: Any, good: str) -> None:
    for text, where in ((good, False), (good.replace("[defaults]", "[defaults]\nunknown = 1"), True)):
        with pytest.raises(Usage) as caught:
            load_text(text, {"VAULT_SKIP_VERIFY": "1"})
        assert ("the file is" in (caught.value.hint or "")) is where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'[tenants.prod]\nclient_secret = "{CANARY}\n', "not valid TOML at line 2, column"),
        (f"{CANARY}", "not valid TOML at"),
        ("[a]\n[a]\n", "not valid TOML at line 2"),
        ("a = ", "not valid TOML at"),
        ('a = [\n  "b"\nc = 1\n', "not valid TOML at line 3, column 1: unclosed array"),
        ('{"clients": {}}', "not valid TOML at line 1, column 1: invalid statement"),
    ],
)
def test_a_file_that_is_not_toml_says_where_and_shows_nothing(load_text: Any, text: str, words: str) -> None:
    with pytest.raises(Usage) as caught:
        load_text(text)
    shown = "".join(traceback.format_exception(caught.value))
    assert words in shown
    assert CANARY not in shown


def test_a_file_that_is_not_text_says_so(tmp_path: Any) -> None:
    from bridge.config.load import load

    path = tmp_path / "bridge.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Usage, match="UTF-8"):
        load(path, {})
    with pytest.raises(Usage, match="cannot be read"):
        load(tmp_path, {})


PLACES_FOR_SECRETS = [
    ("env:AUTH0_CLIENT_ID", "env:{}"), ("env:AUTH0_CLIENT_SECRET", "{}"), ("env:AUTH0_CLIENT_SECRET", "vault:{}"),
    ("env:ROLE_ID", "{}"), ("file:/run/secrets/secret_id", "{}"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), PLACES_FOR_SECRETS)
@pytest.mark.parametrize("canary", [CANARY, f"{CANARY} with spaces", f"{CANARY}@{CANARY}"])
def test_a_secret_in_the_file_is_never_shown(load_text: Any, good: str, old: str, new: str, canary: str) -> None:
    text = good.replace(old, new.format(canary), 1).replace('namespace = "platform"', f'password = "{canary}"')
    with pytest.raises(Usage) as caught:
        load_text(text.replace('owner = "team-billing"', f'client_secret = "{canary}"'))
    assert len(caught.value.faults) == 3
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


@pytest.mark.parametrize(
    "nonsense", ["clients = 7", "tenants = []", "vaults = 'x'", "[clients]\na = 7", "[vaults]\na = 7"]
)
def test_nonsense_is_a_fault_and_not_a_crash(faults_of: Any, nonsense: str) -> None:
    (line,) = faults_of(nonsense)
    assert line.endswith("expected a table")
