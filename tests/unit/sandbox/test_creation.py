"""Clients and grants are created as Auth0's OpenAPI document says, and what is created works."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.sandbox.auth0 import creation
from tests.unit.sandbox.conftest import SPECIFICATION

SCHEMAS = SPECIFICATION["components"]["schemas"]
ECHO = {"name": "one", "app_type": "non_interactive", "grant_types": ["client_credentials"]}
FORM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def public_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key().public_bytes(*FORM).decode()


@pytest.fixture
def maker(api_with):
    return api_with("create:clients", "create:client_grants")


def types_of(schema):
    """Return the JSON types that a schema names for each property."""
    found = {name: resolved(inner)["type"] for name, inner in SCHEMAS[schema]["properties"].items()}
    return {name: {types} if isinstance(types, str) else set(types) for name, types in found.items()}


def resolved(schema):
    return resolved(SCHEMAS[schema["$ref"].rpartition("/")[2]]) if "$ref" in schema else schema


@pytest.mark.parametrize(
    ("known", "schema"),
    [
        (creation.CLIENT, "CreateClientRequestContent"),
        (creation.CREDENTIAL, "PublicKeyCredential"),
        (creation.GRANT, "CreateClientGrantRequestContent"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_properties_and_their_types_are_those_of_auth0s_document(known, schema):
    assert {name: set(types) for name, types in known.items()} == types_of(schema)


def credential(pem, **more):
    return {"private_key_jwt": {"credentials": [{"credential_type": "public_key", "pem": pem, **more}]}}


def test_a_client_that_is_created_gets_an_id_and_a_secret_that_works_once_it_is_granted(maker, auth0, ask):
    made = maker.post("/clients", json=ECHO)
    assert made.status_code == 201
    shown = made.json()
    assert ECHO.items() <= shown.items()
    assert ask(shown["client_id"], shown["client_secret"]).status_code == 403
    body = {"client_id": shown["client_id"], "audience": auth0.tenant.audience, "scope": ["read:clients"]}
    granted = maker.post("/client-grants", json=body)
    assert granted.status_code == 201
    assert body.items() <= granted.json().items()
    assert ask(shown["client_id"], shown["client_secret"]).json()["scope"] == "read:clients"
    assert maker.post("/client-grants", json=body).status_code == 409


def test_a_client_with_a_public_key_shows_ids_and_takes_no_secret(maker, ask, public_key):
    made = maker.post("/clients", json={**ECHO, "client_authentication_methods": credential(public_key)}).json()
    (shown,) = made["client_authentication_methods"]["private_key_jwt"]["credentials"]
    assert list(shown) == ["id"]
    assert ask(made["client_id"], made["client_secret"]).status_code == 401


@pytest.mark.parametrize(
    ("body", "property_"),
    [
        ({}, "name"), ([], "object"), ({"name": "<b>"}, "name"), ({"name": 1}, "name"),
        ({"name": "x", "client_secret": "mine"}, "client_secret"), ({"name": "x", "naem": "y"}, "naem"),
        ({"name": "x", "app_type": "machine"}, "app_type"),
        ({"name": "x", "client_authentication_methods": {}}, "client_authentication_methods"),
        ({"name": "x", "client_authentication_methods": {"private_key_jwt": {}}}, "credentials"),
        ({"name": "x", "client_authentication_methods": credential("not a key")}, "pem"),
        ({"name": "x", "client_authentication_methods": credential("x", alg="none")}, "alg"),
        ({"name": "x", "client_authentication_methods": credential("x", public="y")}, "public"),
    ],
)  # fmt: skip
def test_a_client_that_does_not_fit_its_schema_is_400_and_not_created(maker, auth0, body, property_):
    refused = maker.post("/clients", json=body)
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "invalid_body")
    assert property_ in refused.json()["message"]
    assert auth0.tenant.clients() == []


def test_a_key_that_is_not_rsa_is_refused_and_so_is_a_second_way_to_authenticate(maker, auth0, public_key):
    curve = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*FORM).decode()
    for body in (
        {**ECHO, "client_authentication_methods": credential(curve)},
        {**ECHO, "client_authentication_methods": credential(public_key), "token_endpoint_auth_method": "none"},
    ):
        assert maker.post("/clients", json=body).status_code == 400
    assert auth0.tenant.clients() == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_id": "nobody"}, 404), ({"audience": "https://no.such.api"}, 404), ({"audience": None}, 400),
        ({"client_id": None}, 400), ({"scope": "read:clients"}, 400), ({"scope": [1]}, 400), ({"scopes": []}, 400),
    ],
)  # fmt: skip
def test_a_grant_that_does_not_fit_is_refused(maker, auth0, changes, status):
    made = maker.post("/clients", json=ECHO).json()
    body = {"client_id": made["client_id"], "audience": auth0.tenant.audience, "scope": ["read:clients"], **changes}
    body = {name: value for name, value in body.items() if value is not None}
    assert maker.post("/client-grants", json=body).status_code == status
    assert auth0.tenant.client(made["client_id"]).grants == {}


def test_creating_takes_a_scope_of_its_own(api, auth0):
    assert api.post("/clients", json=ECHO).status_code == 403
    assert api.post("/client-grants", json={}).status_code == 403
    assert auth0.tenant.clients() == []
