"""What is wrong with a Vault server, or with the token: on a real OpenBao, with the remedy."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.sandbox.openbao import OpenBao
from tests.unit.doctor.certificates import Authority, Behind
from tests.unit.doctor.patient import Patient
from tests.unit.policy.rights import of, printed, rules_in, written

DEAD = "http://127.0.0.1:9"  # nobody listens there


def test_a_vault_that_cannot_be_reached_is_found_and_hides_nothing_else(patient: Patient) -> None:
    patient.set("vaults.eu", "url", DEAD)
    patient.world.aws.tag("managed-by", "somebody")
    told = {one["id"]: one for one in patient.found() if one["severity"] == "wrong"}
    assert set(told) == {"vault-unreachable", "sink-other-manager"}
    patient.world.aws.tag("managed-by", "secret-bridge")
    assert "sink-not-checked" in [one["id"] for one in patient.found() if one["severity"] == "unknown"]
    found = patient.sees("vault-unreachable", subject="vault eu")
    patient.paste(found, {"https://VAULT:8200": patient.world.servers.bao.url})
    patient.well()


def test_a_sealed_vault_is_found(inpatient: Patient) -> None:
    with OpenBao.dev() as own:
        while not (keys := re.findall(r"Unseal Key: (\S+)", own.log_file.read_text())):
            time.sleep(0.05)  # it says so a little later
        inpatient.patch.setenv("TOOL_ADDR", own.url)
        inpatient.patch.setenv("TOOL_TOKEN", own.token)
        inpatient.patch.setenv("VAULT_TOKEN", own.token)
        inpatient.set("vaults.eu", "url", own.url)
        inpatient.shell("bao operator seal")
        found = inpatient.sees("vault-sealed")
        assert found["remedy"] == "bao operator unseal"  # it asks for the key
        inpatient.shell(f"{found['remedy']} {keys[0]}")
        inpatient.sees("sink-missing", severity="note")


@pytest.mark.parametrize(
    ("name", "lasts", "trusted", "kind"),
    [
        ("127.0.0.1", timedelta(days=365), False, "vault-authority"),
        ("vault.example", timedelta(days=365), True, "vault-certificate-name"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_found(
    inpatient: Patient, tmp_path: Path, name: str, lasts: timedelta, trusted: bool, kind: str
) -> None:
    authority = Authority(tmp_path)
    with Behind(inpatient.world.servers.bao.url, authority.context(name, lasts)) as server:
        inpatient.set("vaults.eu", "url", server.url)
        if trusted:
            inpatient.set("vaults.eu", "ca_file", str(authority.file))
        found = inpatient.sees(kind, subject="vault eu")
        inpatient.paste(found, {} if trusted else {"/path/to/authority.pem": str(authority.file)})
        inpatient.well()


@pytest.mark.parametrize(("lasts", "severity"), [(timedelta(days=5), "note"), (timedelta(days=-2), "wrong")])
def test_a_certificate_that_ends_soon_or_has_ended_is_found(
    inpatient: Patient, tmp_path: Path, lasts: timedelta, severity: str
) -> None:
    authority = Authority(tmp_path)
    with Behind(inpatient.world.servers.bao.url, authority.context(lasts=lasts)) as server:
        inpatient.set("vaults.eu", "url", server.url)
        inpatient.set("vaults.eu", "ca_file", str(authority.file))
        found = inpatient.sees("vault-certificate", severity=severity)
        assert found["remedy"].startswith("# renew the certificate of 127.0.0.1:")
        server.context = authority.context()
        inpatient.well()


def test_a_missing_token_is_found(inpatient: Patient) -> None:
    inpatient.patch.delenv("VAULT_TOKEN")
    found = inpatient.sees("vault-token-missing")
    assert "bao login" in found["remedy"]
    inpatient.patch.setenv("VAULT_TOKEN", inpatient.world.servers.bao.token)
    inpatient.well()


def test_a_token_that_is_unknown_or_has_ended_is_found(inpatient: Patient) -> None:
    inpatient.patch.setenv("VAULT_TOKEN", "s.unknown")
    found = inpatient.sees("vault-token-refused")
    assert "bao login" in found["remedy"]
    inpatient.patch.setenv("VAULT_TOKEN", inpatient.world.servers.bao.token)
    inpatient.well()


def test_a_token_that_ends_soon_is_found_and_the_pasted_command_renews_it(inpatient: Patient) -> None:
    rules = written(rules_in(of(printed("billing", "--role", "operator"), "hcl")))
    inpatient.patch.setenv("TOOL_TOKEN", inpatient.limited(rules, ttl="30m"))
    found = inpatient.sees("vault-token-expires", severity="note")
    assert "it can be renewed" in found["what"]
    inpatient.paste(found)
    inpatient.well()


def test_a_token_that_cannot_be_renewed_is_found_and_a_day_ahead_it_is_a_note(inpatient: Patient) -> None:
    rules = written(rules_in(of(printed("billing", "--role", "operator"), "hcl")))
    inpatient.limited(rules, ttl="10m", renewable=False)
    assert "it cannot be renewed" in inpatient.sees("vault-token-expires")["what"]
    inpatient.limited(rules, ttl="20h", renewable=False)
    inpatient.sees("vault-token-expires", severity="note")
    inpatient.limited(rules, ttl="40h", renewable=False)
    inpatient.well()


def test_a_login_that_is_refused_is_found(inpatient: Patient, unique: str) -> None:
    inpatient.root.ask("POST", f"sys/auth/approle-{unique}", {"type": "approle"})
    role = f"auth/approle-{unique}/role/doctor"
    inpatient.root.allow(written(rules_in(of(printed("billing", "--role", "operator"), "hcl"))))
    inpatient.root.ask("POST", role, {"token_policies": f"doctor-{unique}", "token_ttl": "20m"})
    inpatient.patch.setenv("ROLE_ID", inpatient.root.ask("GET", f"{role}/role-id")["data"]["role_id"])
    secret = 'secret_id = "env:SECRET_ID"'
    auth = f'{{ method = "approle", mount = "approle-{unique}", role_id = "env:ROLE_ID", {secret} }}'
    inpatient.set("vaults.eu", "auth", auth, raw=True)
    inpatient.sees("vault-settings")  # the variable is not set
    inpatient.patch.setenv("SECRET_ID", "wrong")
    inpatient.sees("vault-login")
    made = inpatient.root.ask("POST", f"{role}/secret-id")["data"]["secret_id"]
    inpatient.patch.setenv("SECRET_ID", made)
    inpatient.well()  # that its token is short-lived is as it should be


def test_a_token_without_vaults_default_policy_is_found_and_the_pasted_line_helps(inpatient: Patient) -> None:
    rules = written(rules_in(of(printed("billing", "--role", "operator"), "hcl")))
    look = 'path "auth/token/lookup-self" { capabilities = ["read"] }'
    inpatient.limited(f"{rules}\n{look}", no_default_policy=True)
    inpatient.paste(inpatient.sees("vault-asking"))
    inpatient.well()
