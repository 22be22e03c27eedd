"""Validates the body of `PATCH /api/v2/clients/{id}`. Pure.

The messages are worded like those of Auth0's validator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.sandbox.auth0.answers import bad_body

# The properties of `UpdateClientRequestContent` in Auth0's OpenAPI document, by the type that is checked here.
_STRINGS = """client_secret name description custom_login_page custom_login_page_preview form_template
initiate_login_uri logo_uri app_type compliance_level organization_usage organization_require_behavior
redirection_policy third_party_security_mode"""
_BOOLEANS = """cross_origin_authentication custom_login_page_on is_first_party is_token_endpoint_ip_header_trusted
oidc_conformant require_proof_of_possession require_pushed_authorization_requests sso sso_disabled"""
_ARRAYS = "allowed_clients allowed_logout_urls allowed_origins callbacks client_aliases grant_types web_origins"
_OBJECTS = """addons client_authentication_methods client_metadata
default_organization encryption_key express_configuration jwt_configuration mobile my_organization_configuration
native_social_login oidc_backchannel_logout oidc_logout refresh_token session_transfer signed_request_object
token_exchange token_quota"""
TYPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_STRINGS.split(), ("string",)),
    **dict.fromkeys(_BOOLEANS.split(), ("boolean",)),
    **dict.fromkeys(_ARRAYS.split(), ("array",)),
    **dict.fromkeys(_OBJECTS.split(), ("object", "null")),
    "cross_origin_loc": ("string", "null"),
    "token_endpoint_auth_method": ("string", "null"),
    "skip_non_verifiable_callback_uri_confirmation_prompt": ("boolean", "null"),
    "par_request_expiry": ("integer", "null"),
    "organization_discovery_methods": ("array", "null"),
    "async_approval_notification_channels": ("array", "null"),
}
"""The JSON types that each property accepts."""
_APP_TYPES = """native spa regular_web non_interactive resource_server express_configuration rms box cloudbees concur
dropbox mscrm echosign egnyte newrelic office365 salesforce sentry sharepoint slack springcm zendesk zoom
sso_integration oag"""
APP_TYPES = frozenset(_APP_TYPES.split())
AUTH_METHODS = ("none", "client_secret_post", "client_secret_basic", None)
MAX_DESCRIPTION = 140


def validate(body: Any) -> dict[str, Any]:
    """Return the body if it is valid.

    The types of all properties are checked before any value.

    Raises:
        ApiError: 400 `invalid_body`, naming the property.
    """
    check(body, TYPES)
    if not body:
        raise bad_body("Too few properties defined (0), minimum 1")
    check_values(body)
    return dict(body)


def check(body: Any, types: Mapping[str, tuple[str, ...]]) -> None:
    """Check that a body is an object with some of these properties, each of one of its JSON types.

    Raises:
        ApiError: 400 `invalid_body`, naming the property.
    """
    if not isinstance(body, dict):
        raise bad_body(f"Expected type object but found type {_type_of(body)}")
    # `additionalProperties` is false in Auth0's document, so a mistyped property must not be ignored.
    if unknown := [name for name in body if name not in types]:
        raise bad_body(f"Additional properties not allowed: {','.join(unknown)}")
    for name, value in body.items():
        if _type_of(value) not in types[name]:
            raise bad_body(f"Expected type {types[name][0]} but found type {_type_of(value)}", name)


def check_values(body: dict[str, Any]) -> None:
    """Check the values of a client that have a rule beyond their type.

    Raises:
        ApiError: 400 `invalid_body`, naming the property.
    """
    if body.get("client_secret") == "":
        raise bad_body("String is too short (0 chars), minimum 1", "client_secret")
    if "name" in body and not re.fullmatch(r"[^<>]+", body["name"]):
        raise bad_body(f"String does not match pattern ^[^<>]+$: {body['name']}", "name")
    if len(body.get("description", "")) > MAX_DESCRIPTION:
        found = len(body["description"])
        raise bad_body(f"String is too long ({found} chars), maximum {MAX_DESCRIPTION}", "description")
    if (method := body.get("token_endpoint_auth_method")) not in AUTH_METHODS:
        raise bad_body(f"No enum match for: {method}", "token_endpoint_auth_method")
    if (app_type := body.get("app_type", "spa")) not in APP_TYPES:
        raise bad_body(f"No enum match for: {app_type}", "app_type")
    if any(not isinstance(grant, str) or not grant for grant in body.get("grant_types", [])):
        raise bad_body("Expected type string but found another", "grant_types")


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():  # before int, because a bool is one in Python
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
