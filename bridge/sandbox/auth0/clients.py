"""The applications of a tenant, and the kinds of them that a rotation has to tell apart."""

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
"""What each kind of client says about itself. `absent` says nothing, which means confidential."""

# What a client that does not say may do; Auth0's list for clients from before grant types were configurable.
_LEGACY_GRANTS = ("authorization_code", "implicit", "refresh_token", "client_credentials")


@dataclass
class Client:
    """One application. `public_keys` (PEM) verify its assertions, `grants` maps audiences to scopes."""

    client_id: str
    properties: dict[str, Any]
    live: LiveSecret
    public_keys: tuple[str, ...] = ()
    grants: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return everything the Management API knows of the client, its secret included."""
        return {**copy.deepcopy(self.properties), "client_id": self.client_id, "client_secret": self.live.current}

    @property
    def keyed(self) -> bool:
        """Whether the client proves itself by a key, so that its secret is not in use."""
        return "client_authentication_methods" in self.properties

    @property
    def public(self) -> bool:
        """Whether the client has to prove nothing."""
        return self.properties.get("token_endpoint_auth_method") == "none"

    @property
    def fixed(self) -> bool:
        """Whether only Auth0's support can change the client."""
        return self.properties.get("global") is True

    def takes(self, method: str) -> bool:
        """Tell whether the client may send its secret by `basic` or `post`; one that does not say may do both."""
        declared = self.properties.get("token_endpoint_auth_method")
        return declared in (None, f"client_secret_{method}")

    def may_use(self, grant_type: str) -> bool:
        """Tell whether a grant type is enabled."""
        if grant_type == "client_credentials" and self.public:
            return False
        return grant_type in self.properties.get("grant_types", _LEGACY_GRANTS)


def properties_of(kind: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a new client says about itself; a change to None leaves the property out."""
    common = {"tenant": "sandbox", "global": False, "is_first_party": True, "oidc_conformant": True}
    merged = {**common, **copy.deepcopy(dict(KINDS[kind])), **changes}
    return {name: value for name, value in merged.items() if value is not None}


def generate_secret(random: Random) -> str:
    """Return a value as Auth0 generates them: 64 characters, never Base64 on purpose."""
    return "".join(random.choices(SECRET_ALPHABET, k=SECRET_LENGTH))


def generate_encoded_secret(random: Random) -> str:
    """Return the Base64 form that clients from before December 2016 have."""
    return base64.b64encode(random.randbytes(48)).decode()


def generate_id(random: Random) -> str:
    """Return a client id as Auth0 generates them."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=ID_LENGTH))
