"""Validates the bodies of `POST /api/v2/clients` and `POST /api/v2/client-grants`. Pure.

The properties and their types are those of Auth0's OpenAPI document.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bridge.sandbox.auth0 import patch
from bridge.sandbox.auth0.answers import bad_body
from bridge.sandbox.auth0.keys import ASSERTION_ALGORITHMS

METHODS = "client_authentication_methods"
_NULLABLE = "compliance_level default_organization encryption_key par_request_expiry refresh_token session_transfer"
CLIENT: dict[str, tuple[str, ...]] = {
    **{name: (*types[:1], "null") if name in _NULLABLE.split() else types[:1] for name, types in patch.TYPES.items()},
    "resource_server_identifier": ("string",),
}
"""The JSON types of a new client's properties. Auth0 makes the secret, so `client_secret` is not among them."""
del CLIENT["client_secret"]
CREDENTIAL: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("credential_type", "pem", "alg", "kid", "name", "expires_at"), ("string",)),
    "parse_expiry_from_cert": ("boolean",),
}
"""The JSON types of a credential's properties."""
GRANT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("client_id", "audience", "organization_usage", "subject_type", "default_for"), ("string",)),
    **dict.fromkeys(("scope", "authorization_details_types"), ("array",)),
    **dict.fromkeys(("allow_any_organization", "allow_all_scopes"), ("boolean",)),
}
"""The JSON types of a new client grant's properties."""


def client(body: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the properties of a new client, and the public keys (PEM) that it authenticates with.

    Raises:
        ApiError: 400 `invalid_body`, naming the property.
    """
    patch.check(body, CLIENT)
    if "name" not in body:
        raise bad_body("Missing required property: name")
    patch.check_values(body)
    keys = _keys(body[METHODS]) if METHODS in body else ()
    # A client has one way to authenticate.
    if keys and "token_endpoint_auth_method" in body:
        raise bad_body(f"Not allowed together with {METHODS}", "token_endpoint_auth_method")
    return body, keys


def grant(body: Any) -> tuple[str, str, tuple[str, ...]]:
    """Return the client, the audience and the scopes of a new client grant.

    Raises:
        ApiError: 400 `invalid_body`, naming the property.
    """
    patch.check(body, GRANT)
    for name in ("audience", "client_id"):  # `client_id` may be absent at Auth0 for a default of all third parties
        if not body.get(name):
            raise bad_body(f"Missing required property: {name}")
    scopes = body.get("scope", [])
    if any(not isinstance(scope, str) or not scope for scope in scopes):
        raise bad_body("Expected type string but found another", "scope")
    return body["client_id"], body["audience"], tuple(scopes)


def _keys(methods: dict[str, Any]) -> tuple[str, ...]:
    # The other methods are for mTLS, which the sandbox has not.
    if list(methods) != ["private_key_jwt"] or not isinstance(methods["private_key_jwt"], dict):
        raise bad_body("The sandbox knows private_key_jwt only", METHODS)
    credentials = methods["private_key_jwt"].get("credentials")
    if not isinstance(credentials, list) or not credentials:
        raise bad_body("Missing required property: credentials", METHODS)
    return tuple(_key(credential) for credential in credentials)


def _key(credential: Any) -> str:
    patch.check(credential, CREDENTIAL)
    if credential.get("credential_type") != "public_key":
        raise bad_body(f"No enum match for: {credential.get('credential_type')}", "credential_type")
    if credential.get("alg", "RS256") not in ASSERTION_ALGORITHMS:
        raise bad_body(f"No enum match for: {credential['alg']}", "alg")
    pem = str(credential.get("pem", ""))
    try:
        found = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, rsa.RSAPublicKey):
        raise bad_body("Expected an RSA public key in PEM form", "pem")
    return pem
