"""What is wrong with an application at Auth0, or with what is said of it: with the remedy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.sandbox.auth0.clients import KINDS
from tests.unit.doctor.patient import Patient


def become(patient: Patient, kind: str) -> None:
    """Change the application to another kind, as in the dashboard."""
    absent = dict.fromkeys(("client_authentication_methods", "token_endpoint_auth_method", "global"))
    changes: dict[str, Any] = {**absent, **KINDS[kind]}
    patient.world.tenant.update(patient.world.client_id, changes, "dashboard")


@pytest.mark.parametrize(
    ("kind", "finding"),
    [
        ("spa", "client-public"),
        ("none", "client-public"),
        ("private_key_jwt", "client-keyed"),
        ("global", "client-global"),
    ],
)
def test_a_client_without_a_secret_to_rotate_is_found(inpatient: Patient, kind: str, finding: str) -> None:
    become(inpatient, kind)
    found = inpatient.sees(finding, subject="client billing")
    assert found["remedy"].startswith("# ")  # in the dashboard; or it goes out of the configuration
    become(inpatient, "machine")
    inpatient.well()


def test_a_client_id_that_is_not_there_is_found(inpatient: Patient) -> None:
    inpatient.set("clients.billing", "client_id", "NoSuchClient")
    found = inpatient.found()
    assert [one["id"] for one in found] == ["client-unknown", "sink-other-client"]
    inpatient.paste(found[0], {"CLIENT_ID": inpatient.world.client_id})
    inpatient.well()


def test_an_application_that_signs_with_its_secret_is_found_until_it_is_accepted(inpatient: Patient) -> None:
    become(inpatient, "hs256")
    inpatient.paste(inpatient.sees("client-hs256"))
    inpatient.well()
    assert 'accept = ["hs256"]' in inpatient.file.read_text("utf-8")


def test_the_bridges_own_application_is_found_until_it_is_accepted(inpatient: Patient) -> None:
    world = inpatient.world
    world.tenant.update(world.client_id, {"grant_types": ["client_credentials"]}, "dashboard")
    world.tenant.grant(
        world.client_id, world.tenant.audience, ("read:clients", "update:client_keys", "read:client_keys")
    )
    inpatient.patch.setenv("AUTH0_CLIENT_ID", world.client_id)
    inpatient.patch.setenv("AUTH0_CLIENT_SECRET", world.s0)
    found = next(one for one in inpatient.found() if one["severity"] == "wrong")
    assert found["id"] == "client-self"
    inpatient.paste(found, {"vault://MOUNT/PATH": world.vault.uri})
    assert not [one for one in inpatient.found() if one["severity"] == "wrong"]


def test_a_strategy_that_breaks_base64_is_found(inpatient: Patient) -> None:
    world = inpatient.world
    encoded = {"jwt_configuration": {"alg": "RS256", "secret_encoded": True}}
    world.tenant.update(world.client_id, encoded, "dashboard")
    inpatient.set("clients.billing", "strategy", "auth0-generated")
    found = {one["id"]: one for one in inpatient.found() if one["severity"] == "wrong"}
    inpatient.paste(found["client-base64"])
    assert "client-base64" not in {one["id"] for one in inpatient.found()}


def test_a_value_that_is_not_base64_although_its_client_says_so_is_found_and_never_shown(inpatient: Patient) -> None:
    world = inpatient.world
    encoded = {"jwt_configuration": {"alg": "RS256", "secret_encoded": True}}
    world.tenant.settings.propagation = timedelta(seconds=1)
    inpatient.set("tenants.local", "propagation", "1s")
    value = world.tenant.set_in_dashboard(world.client_id, "a_value-that.is=not+Base64" * 2)
    world.spread()
    world.vault.edit("client_secret", value)
    assert inpatient.run("sync", "billing").status == 0
    world.tenant.update(world.client_id, encoded, "dashboard")
    found = inpatient.sees("client-base64-value", subject=f"eu://{world.vault.uri.partition('://')[2]}")
    assert value not in inpatient.run("doctor", "billing", "-v").told
    inpatient.paste(found)
    inpatient.well()


def test_a_fallback_that_ends_before_tokens_do_is_worth_a_note(inpatient: Patient) -> None:
    inpatient.set("clients.billing", "fallback_min_age", "1h")
    inpatient.paste(inpatient.sees("client-fallback-age", severity="note"))
    inpatient.well()


def test_companions_whose_readers_get_no_time_are_found(inpatient: Patient) -> None:
    inpatient.set("clients.billing", "sibling_keys", True)
    inpatient.set("clients.billing", "consumer_refresh", "1s")
    assert inpatient.run("adopt", "billing", "--yes").status == 0
    inpatient.set("clients.billing", "sibling_keys", None)
    inpatient.set("clients.billing", "consumer_refresh", None)
    inpatient.paste(inpatient.sees("client-refresh"))
    inpatient.well()


def test_several_faults_are_told_together(inpatient: Patient) -> None:
    world = inpatient.world
    become(inpatient, "hs256")
    world.vault.tag("managed-by", "terraform")
    world.vault.kv.update_metadata(world.vault.path, max_versions=2, delete_version_after="24h")
    told = [one["id"] for one in inpatient.found() if one["severity"] == "wrong"]
    assert sorted(told) == ["client-hs256", "sink-other-manager", "vault-delete-after", "vault-max-versions"]
