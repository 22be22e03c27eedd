"""What is wrong with a tenant, or with what the bridge is there: on the local Auth0, with the remedy."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.config.load import load
from bridge.doctor.examine import Examination
from bridge.planning.role_rights import SCOPES
from bridge.sandbox.auth0.settings import Api
from sinks.clock import SystemClock
from sinks.rights import Role
from tests.support.proxy import Answer, Proxy
from tests.unit.doctor.certificates import Authority, Behind
from tests.unit.doctor.patient import Patient

DEAD = "http://127.0.0.1:9"  # nobody listens there
APPLICATION = 'client_id = "env:AUTH0_CLIENT_ID"'


def grants(patient: Patient) -> dict[str, tuple[str, ...]]:
    """What the application that the bridge acts as is granted at Auth0; changed as in the dashboard."""
    return patient.world.tenant.client(patient.world.own.client_id).grants


def test_a_tenant_that_cannot_be_reached_is_found(inpatient: Patient) -> None:
    inpatient.set("tenants.local", "domain", DEAD)
    found = inpatient.found(status=5)
    assert [one["id"] for one in found] == ["tenant-unreachable", "client-not-checked"]
    inpatient.paste(found[0], {"TENANT.eu.auth0.com": inpatient.world.servers.auth0.url})
    inpatient.well()


@pytest.mark.parametrize(("seconds", "severity"), [(5, "unknown"), (3600, "wrong")])
def test_a_rate_limit_is_wrong_where_it_outlasts_a_command(inpatient: Patient, seconds: int, severity: str) -> None:
    told = (("Retry-After", str(seconds)), ("Content-Type", "application/json"))

    def limit(_: str, __: Callable[[], Answer]) -> Answer:
        return Answer(429, "Too Many Requests", told, b"{}")

    right = inpatient.world.servers.auth0.url
    with Proxy(right, gate=limit) as proxy:
        inpatient.set("tenants.local", "domain", proxy.url)
        found = inpatient.sees("tenant-busy", severity=severity)
        assert f"asks to wait {seconds} s" in found["what"]
        assert f"after {seconds} s" in found["remedy"]
    inpatient.set("tenants.local", "domain", right)
    inpatient.well()


def test_a_domain_that_is_not_auth0s_is_found(inpatient: Patient) -> None:
    inpatient.set("tenants.local", "domain", inpatient.world.servers.bao.url)
    found = inpatient.sees("tenant-not-auth0")
    inpatient.paste(found, {"TENANT.eu.auth0.com": inpatient.world.servers.auth0.url})
    inpatient.well()


def test_a_credential_that_is_not_accepted_is_found(inpatient: Patient) -> None:
    right = os.environ["AUTH0_CLIENT_SECRET"]
    inpatient.patch.setenv("AUTH0_CLIENT_SECRET", "wrong")
    found = inpatient.sees("tenant-credentials", subject="tenant local")
    assert "copy it to where env:AUTH0_CLIENT_SECRET is" in found["remedy"]
    inpatient.patch.setenv("AUTH0_CLIENT_SECRET", right)
    inpatient.well()


def test_a_reference_that_leads_nowhere_is_found(inpatient: Patient) -> None:
    right = os.environ["AUTH0_CLIENT_SECRET"]
    inpatient.patch.delenv("AUTH0_CLIENT_SECRET")
    assert "env:AUTH0_CLIENT_SECRET: the variable is not set" in inpatient.sees("tenant-settings")["what"]
    inpatient.patch.setenv("AUTH0_CLIENT_SECRET", right)
    inpatient.well()


def test_an_application_without_a_grant_for_the_management_api_is_found(inpatient: Patient) -> None:
    granted = grants(inpatient).pop(inpatient.world.tenant.audience)
    found = inpatient.sees("tenant-grant")
    assert "APIs > Auth0 Management API > Machine to Machine Applications" in found["remedy"]
    grants(inpatient)[inpatient.world.tenant.audience] = granted
    inpatient.paste(found, {"https://TENANT.eu.auth0.com/api/v2/": inpatient.world.tenant.audience})
    inpatient.well()


@pytest.mark.parametrize("scope", SCOPES[Role.OPERATOR])
def test_exactly_the_listed_scopes_suffice_and_each_one_that_is_missing_is_named(
    inpatient: Patient, scope: str
) -> None:
    audience = inpatient.world.tenant.audience
    grants(inpatient)[audience] = tuple(each for each in SCOPES[Role.OPERATOR] if each != scope)
    found = inpatient.sees("tenant-scope", severity="wrong" if scope == "update:client_keys" else "note")
    assert found["what"] == f"the management token lacks the scope {scope}"
    assert f"grant it the permission {scope}" in found["remedy"]
    grants(inpatient)[audience] = SCOPES[Role.OPERATOR]
    inpatient.well()


def test_a_token_that_may_read_no_application_is_told_and_so_is_a_scope_that_a_strategy_needs(
    inpatient: Patient,
) -> None:
    grants(inpatient)[inpatient.world.tenant.audience] = ("update:client_keys",)
    wrong = [one["what"] for one in inpatient.found() if one["severity"] == "wrong"]
    assert set(wrong) == {"the management token lacks the scope read:clients"}
    inpatient.set("clients.billing", "strategy", "auth0-generated")
    wrong = [one["what"] for one in inpatient.found() if one["severity"] == "wrong"]
    assert set(wrong) >= {"the management token lacks the scope read:client_keys"}


def ready_made(patient: Patient, lifetime: timedelta) -> None:
    """Have the bridge act by a token that was copied from somewhere."""
    tenant = patient.world.tenant
    token = tenant.issue(patient.world.own.client_id, Api(tenant.audience, lifetime), " ".join(SCOPES[Role.OPERATOR]))
    patient.patch.setenv("AUTH0_API_TOKEN", token)
    patient.set("tenants.local", "client_id", None)
    patient.set("tenants.local", "client_secret", None)
    patient.set("tenants.local", "api_token", "env:AUTH0_API_TOKEN")


@pytest.mark.parametrize(("minutes", "severity"), [(30, "wrong"), (600, "note")])
def test_a_ready_made_token_that_ends_soon_is_found(inpatient: Patient, minutes: int, severity: str) -> None:
    ready_made(inpatient, timedelta(minutes=minutes))
    inpatient.paste(inpatient.sees("tenant-token-expires", severity=severity))
    assert "api_token" not in inpatient.file.read_text("utf-8")
    inpatient.well()


def test_a_ready_made_token_that_has_ended_is_found(inpatient: Patient) -> None:
    ready_made(inpatient, timedelta(minutes=-5))
    inpatient.paste(inpatient.sees("tenant-token-refused"))
    inpatient.well()


def test_a_token_that_does_not_tell_its_scopes_is_unknown(inpatient: Patient) -> None:
    ready_made(inpatient, timedelta(days=2))
    inpatient.world.tenant.add_api_token("opaque", SCOPES[Role.OPERATOR])
    inpatient.patch.setenv("AUTH0_API_TOKEN", "opaque")
    inpatient.paste(inpatient.sees("tenant-scopes-unknown", severity="unknown"))
    assert inpatient.found() == []


def test_a_certificate_of_an_unknown_authority_is_found(inpatient: Patient, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Behind(inpatient.world.servers.auth0.url, authority.context()) as server:
        inpatient.set("tenants.local", "domain", server.url)
        inpatient.set("tenants.local", "audience", inpatient.world.tenant.audience)
        inpatient.paste(inpatient.sees("tenant-tls"), {"/path/to/authority.pem": str(authority.file)})
        found = [one["id"] for one in inpatient.found() if one["severity"] == "wrong"]
        assert found == ["sink-other-client"]  # recorded by the tenant's other name
        server.context = authority.context(lasts=timedelta(days=3))
        kinds = {one["id"]: one["severity"] for one in inpatient.found()}
        assert kinds["tenant-certificate"] == "note"


@pytest.mark.parametrize(
    ("variable", "text"),
    [("HTTPS_PROXY", "http://"), ("ALL_PROXY", "socks://127.0.0.1:9"), ("SSL_CERT_FILE", "/none"),
     ("SSL_CERT_DIR", "/none")],
)  # fmt: skip
def test_a_variable_that_cannot_be_used_is_found(inpatient: Patient, variable: str, text: str) -> None:
    inpatient.set("tenants.local", "domain", "https://acme.invalid")
    inpatient.set("tenants.local", "propagation", None)
    for name in ("NO_PROXY", "no_proxy"):
        inpatient.patch.setenv(name, "::1/128,127.0.0.1,localhost")  # the vaults' own
    inpatient.patch.setenv(variable, text)
    found = inpatient.sees("tenant-settings")
    assert found["what"].startswith(f"{variable}: ")
    assert f"unset {variable}" in found["remedy"]


class Off(SystemClock):
    """A machine whose clock is wrong."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.mark.parametrize("seconds", [90, -90])
def test_a_clock_that_is_wrong_is_found_at_every_server(patient: Patient, seconds: int) -> None:
    def skewed(by: timedelta) -> list[str]:
        settings = load(patient.file, os.environ)
        chosen = [(settings, client) for client in settings.clients.values()]
        reports = Examination(chosen, Role.OPERATOR, os.environ, Off(by)).reports()
        return [one.what for report in reports for one in report.findings if one.id == "clock-skew"]

    told = skewed(timedelta(seconds=seconds))
    assert len(told) == 3
    assert all(("ahead of" if seconds > 0 else "behind") in what for what in told)
    assert skewed(timedelta(seconds=3)) == []  # what remedies do: the clock is right again
