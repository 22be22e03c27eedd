"""The applications of a tenant, and the kinds of application that a rotation must tell apart."""

from __future__ import annotations

import base64
import copy
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bridge.sandbox.auth0.propagation import LiveSecret

SECRET_ALPHABET = string.ascii_letters + string.digits + "_-"
SECRET_LENGTH = 64
ID_LENGTH = 32

_RS256 = {"alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": False}
_HS256 = {**_RS256, "alg": "HS256"}
_NO_ALG = {"lifetime_in_seconds": 36000, "secret_encoded": False}
_WEB = {
    "app_type": "regular_web",
    "token_endpoint_auth_method": "client_secret_post",
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "jwt_configuration": _RS256,
}
_MACHINE = {
    "app_type": "non_interactive",
    "token_endpoint_auth_method": "client_secret_post",
    "grant_types": ["client_credentials"],
    "jwt_configuration": _RS256,
}
_BROWSER = {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]}

KINDS: Mapping[str, Mapping[str, Any]] = {
    "machine": _MACHINE,
    # Recorded from live tenants: old clients lack these properties.
    "absent": {},
    "web": _WEB,
    "basic": {**_MACHINE, "token_endpoint_auth_method": "client_secret_basic"},
    "none": {**_WEB, "token_endpoint_auth_method": "none"},
    "spa": {**_BROWSER, "app_type": "spa", "jwt_configuration": _RS256},
    "native": {**_BROWSER, "app_type": "native", "jwt_configuration": _RS256},
    "private_key_jwt": {
        **{name: value for name, value in _MACHINE.items() if name != "token_endpoint_auth_method"},
        "client_authentication_methods": {"private_key_jwt": {"credentials": [{"id": "cred_sandbox"}]}},
    },
    "global": {"global": True, "name": "All Applications"},
    "rs256": _WEB,
    "hs256": {**_WEB, "jwt_configuration": _HS256},
    "no_alg": {**_WEB, "jwt_configuration": _NO_ALG},
    "secret_encoded": {**_WEB, "jwt_configuration": {**_RS256, "secret_encoded": True}},
    "third_party": {**_WEB, "is_first_party": False},
}
"""The properties of each kind of client. `absent` has none, which means a confidential client."""

# The grant types of a client that declares none: Auth0's list for clients from before they were configurable.
_LEGACY_GRANTS = ("authorization_code", "implicit", "refresh_token", "client_credentials")


@dataclass
class Client:
    """One application.

    `public_keys` (PEM) verify its assertions. `grants` maps audiences to scopes.
    """

    client_id: str
    properties: dict[str, Any]
    live: LiveSecret
    public_keys: tuple[str, ...] = ()
    grants: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return everything that the Management API knows about the client, including its secret.

        It is a copy, so changing it does not change the client.
        """
        return {**copy.deepcopy(self.properties), "client_id": self.client_id, "client_secret": self.live.current}

    @property
    def keyed(self) -> bool:
        """Whether the client authenticates with a key, so that its secret is not used.

        `rotate-secret` is refused for it.
        """
        return "client_authentication_methods" in self.properties

    @property
    def public(self) -> bool:
        """Whether the client needs no authentication.

        A client without the property is confidential.
        """
        return self.properties.get("token_endpoint_auth_method") == "none"

    @property
    def fixed(self) -> bool:
        """Whether only Auth0's support can change the client."""
        return self.properties.get("global") is True

    def takes(self, method: str) -> bool:
        """Return whether the client may send its secret by this method: `basic` or `post`.

        A client that declares no method may use both.
        """
        declared = self.properties.get("token_endpoint_auth_method")
        return declared in (None, f"client_secret_{method}")

    def may_use(self, grant_type: str) -> bool:
        """Return whether a grant type is enabled. A public client may not use client credentials."""
        if grant_type == "client_credentials" and self.public:
            return False
        return grant_type in self.properties.get("grant_types", _LEGACY_GRANTS)


def properties_of(kind: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a new client. A change to None removes a property.

    It is a copy, so that clients of the same kind do not share lists.
    """
    common = {"tenant": "sandbox", "global": False, "is_first_party": True, "oidc_conformant": True}
    merged = {**common, **copy.deepcopy(dict(KINDS[kind])), **changes}
    return {name: value for name, value in merged.items() if value is not None}


def generate_secret(random: Random) -> str:
    """Return a secret like the ones that Auth0 generates: 64 characters.

    Its alphabet is that of URL-safe Base64, but it is not an encoding of anything.
    """
    return "".join(random.choices(SECRET_ALPHABET, k=SECRET_LENGTH))


def generate_encoded_secret(random: Random) -> str:
    """Return a secret in Base64, as clients from before December 2016 have it.

    Verifiers of such clients decode the secret, so a value that is not Base64 breaks them.
    """
    return base64.b64encode(random.randbytes(48)).decode()


def generate_id(random: Random) -> str:
    """Return a client id like the ones that Auth0 generates.

    They are 32 letters and digits.
    """
    return "".join(random.choices(string.ascii_letters + string.digits, k=ID_LENGTH))
