"""Clients as Auth0 describes them, and what stands against rotating their secrets."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.auth0.client import Client, objections

RS256 = {"jwt_configuration": {"alg": "RS256"}}


def told(
    data: dict[str, Any], *, accept: set[str] | None = None, own: str | None = None, strategy: str = "staged"
) -> str:
    client = Client.from_api({"client_id": "AbC123", "name": "billing", **data}, "AbC123")
    found = objections(client, accept=frozenset(accept or ()), own_client_id=own, strategy=strategy)
    return "\n".join(f"{one.message} [{one.hint}]" for one in found)


def test_absent_fields_mean_a_confidential_client_with_hs256() -> None:
    client = Client.from_api({}, "AbC123")
    assert client == Client("AbC123", "AbC123")
    assert (client.auth_method, client.alg, client.grant_types) == ("client_secret_post", "HS256", None)
    assert not client.is_global
    assert client.is_first_party
    assert client.can_get_id_tokens


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}])
def test_fields_of_another_type_are_taken_as_absent(odd: Any) -> None:
    fields = ("name", "app_type", "token_endpoint_auth_method", "jwt_configuration", "client_authentication_methods")
    client = Client.from_api({field: odd for field in fields if not isinstance(odd, str)}, "AbC123")
    assert client == Client("AbC123", "AbC123")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (RS256, ""),
        ({"grant_types": ["client_credentials"]}, ""),
        ({"grant_types": []}, ""),
        ({**RS256, "token_endpoint_auth_method": "none"}, "public client"),
        ({**RS256, "app_type": "spa"}, "spa application"),
        ({**RS256, "app_type": "native"}, "native application"),
        ({**RS256, "client_authentication_methods": {"private_key_jwt": {}}}, "private_key_jwt, not by a secret"),
        ({**RS256, "client_authentication_methods": {"tls_client_auth": {}}}, "tls_client_auth, not by a secret"),
        ({**RS256, "global": True}, "global client"),
        ({}, "HS256"),
        ({"jwt_configuration": {"secret_encoded": False}}, "HS256"),
        ({"jwt_configuration": {"alg": "HS256"}, "grant_types": ["client_credentials", "password"]}, "HS256"),
    ],
)
def test_what_is_refused_and_why(data: dict[str, Any], words: str) -> None:
    found = told(data)
    assert (words in found) if words else (found == "")


def test_consent_lifts_what_may_be_consented_to_and_nothing_else() -> None:
    assert told({}, accept={"hs256"}) == ""
    assert "acts as" in told(RS256, own="AbC123")
    assert told(RS256, own="AbC123", accept={"self"}) == ""
    assert "global" in told({**RS256, "global": True}, accept={"hs256", "self"})


def test_a_base64_secret_is_staged_and_never_left_to_auth0() -> None:
    encoded = {"jwt_configuration": {"alg": "RS256", "secret_encoded": True}}
    assert told(encoded) == ""
    assert "secret_encoded" in told(encoded, strategy="auth0-generated")


def test_every_objection_is_made_at_once() -> None:
    data = {"global": True, "app_type": "spa", "client_authentication_methods": {"private_key_jwt": {}}}
    assert len(told(data, own="AbC123").splitlines()) == 5
