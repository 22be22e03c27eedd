from __future__ import annotations

import base64

import pytest

from bridge.sandbox.auth0.clients import KINDS, SECRET_ALPHABET


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_client_is_read_back_as_auth0_shows_it(auth0, api, kind):
    auth0.tenant.add_client("Client", kind=kind)
    shown = api.get("/clients/Client").json()
    assert KINDS[kind].items() <= {**shown, **KINDS[kind]}.items()
    for name, value in KINDS[kind].items():
        assert shown[name] == (value if name != "name" else "Client")


def test_an_absent_client_says_nothing_about_its_authentication(auth0, api, ask):
    client = auth0.tenant.add_client("Absent", kind="absent", grants={"https://api.acme": ()})
    shown = api.get("/clients/Absent").json()
    assert not {"app_type", "token_endpoint_auth_method", "grant_types", "jwt_configuration"} & shown.keys()
    assert ask(*client, audience="https://api.acme").status_code == 200


@pytest.mark.parametrize("kind", ["none", "spa", "native"])
def test_a_public_client_proves_nothing_and_gets_no_token_of_its_own(auth0, http, ask, kind):
    client = auth0.tenant.add_client("Public", kind=kind, grants={"https://api.acme": ()})
    code = {"grant_type": "authorization_code", "code": "x", "client_id": "Public"}
    assert http.post("/oauth/token", json=code).json()["error"] == "invalid_grant"
    assert http.post("/oauth/token", json={**code, "client_secret": "any"}).status_code == 403
    assert ask(*client, audience="https://api.acme").json()["error"] == "unauthorized_client"


def test_a_client_with_a_key_refuses_rotate_secret(auth0, api):
    auth0.tenant.add_client("Keyed", kind="private_key_jwt")
    assert api.post("/clients/Keyed/rotate-secret").status_code == 400
    assert len(auth0.tenant.secret_history("Keyed")) == 1


def test_the_global_client_cannot_be_changed(auth0, api):
    auth0.tenant.add_client("Global", kind="global")
    assert api.patch("/clients/Global", json={"client_secret": "x"}).status_code == 403
    assert api.post("/clients/Global/rotate-secret").status_code == 403
    assert len(auth0.tenant.secret_history("Global")) == 1


def test_an_encoded_secret_is_base64_and_is_compared_as_text(auth0, api, ask):
    client = auth0.tenant.add_client("Old", kind="secret_encoded", grants={"https://api.acme": ()})
    assert len(base64.b64decode(client.client_secret, validate=True)) == 48
    assert ask(*client, audience="https://api.acme").status_code == 200
    rotated = api.post("/clients/Old/rotate-secret").json()
    assert rotated["jwt_configuration"]["secret_encoded"] is True
    assert set(rotated["client_secret"]) <= set(SECRET_ALPHABET)


def test_properties_are_given_changed_and_left_out_at_will(auth0, api):
    auth0.tenant.add_client("C", kind="web", app_type=None, client_metadata={"team": "billing"}, name="mine")
    shown = api.get("/clients/C").json()
    assert "app_type" not in shown
    assert (shown["client_metadata"], shown["name"]) == ({"team": "billing"}, "mine")
