"""Decides which of a client's fields an answer shows. Pure.

This depends on the caller's scopes and on the parameters `fields` and `include_fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.sandbox.auth0.answers import ApiError, bad_query

READ_SCOPES = ("read:clients", "read:client_keys", "read:client_credentials", "read:client_summary")
READ_KEYS = "read:client_keys"
SECRET = "client_secret"

# The fields that may be named, from the pattern of the parameter in Auth0's OpenAPI document.
_KNOWN = """name description callbacks oidc_backchannel_logout oidc_logout session_transfer allowed_origins web_origins
client_id tenant global config_route callback_url_template jwt_configuration jwt_configuration.lifetime_in_seconds
jwt_configuration.secret_encoded jwt_configuration.scopes jwt_configuration.alg api_type logo_uri allowed_clients
owners custom_login_page custom_login_page_on sso addons form_template custom_login_page_preview encryption_key
encryption_key.pub encryption_key.cert client_secret signing_keys mobile mobile.android mobile.ios
token_endpoint_auth_method allowed_logout_urls app_type is_first_party oidc_conformant client_metadata
is_token_endpoint_ip_header_trusted initiate_login_uri grant_types refresh_token refresh_token.rotation_type
refresh_token.expiration_type refresh_token.leeway refresh_token.policies refresh_token.token_lifetime
default_organization organization_usage organization_require_behavior organization_discovery_methods
client_authentication_methods client_authentication_methods.private_key_jwt require_pushed_authorization_requests
require_proof_of_possession id_token signed_request_object signed_request_object.required
signed_request_object.credentials compliance_level skip_non_verifiable_callback_uri_confirmation_prompt
token_exchange token_exchange.allow_any_profile_of_type token_quota identity_assertion_authorization_grant
third_party_security_mode subject_type_authorization resource_server_identifier express_configuration
my_organization_configuration async_approval_notification_channels token_vault_privileged_access
token_vault_privileged_access.credentials registration_type external_metadata_type external_metadata_created_by
external_client_id redirection_policy"""
KNOWN = frozenset(_KNOWN.split())

# All that a caller without `read:clients` and `read:client_keys` gets.
_SUMMARY = frozenset({"client_id", "name", "app_type", "is_first_party", "global", "tenant", "logo_uri"})


def readable(document: Mapping[str, Any], scopes: frozenset[str]) -> dict[str, Any]:
    """Return the fields that these scopes may read. The others are left out silently.

    So an answer without a secret does not prove that the client has none.
    """
    if not scopes & {"read:clients", READ_KEYS}:
        return {name: value for name, value in document.items() if name in _SUMMARY}
    return {name: value for name, value in document.items() if name != SECRET or READ_KEYS in scopes}


def names_of(fields: str | None) -> tuple[str, ...]:
    """Parse the parameter `fields` into names.

    Raises:
        ApiError: 400, a name that no client has.
    """
    names = tuple(fields.split(",")) if fields else ()
    for name in names:
        if name not in KNOWN:
            raise bad_query(f"String does not match pattern: {fields}", "fields")
    return names


def guard(names: tuple[str, ...], scopes: frozenset[str], *, include: bool) -> None:
    """Refuse a request that names fields which the caller may not read.

    Excluding such fields is allowed.

    Raises:
        ApiError: 403, naming the fields.
    """
    if not include:
        return
    if denied := [name for name in names if name.partition(".")[0] not in readable(dict.fromkeys(_roots()), scopes)]:
        raise ApiError(403, f"You cannot read the following fields: {', '.join(denied)}", "insufficient_scope")


def select(document: Mapping[str, Any], names: tuple[str, ...], *, include: bool) -> dict[str, Any]:
    """Return only the named fields, or all but them. Without names, return everything.

    A name with a dot means one part of an object.
    """
    if not names:
        return dict(document)
    parts = {name: frozenset(n.partition(".")[2] for n in names if n.partition(".")[0] == name) for name in document}
    chosen = {name: _part(value, parts[name], include=include) for name, value in document.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def _part(value: Any, inner: frozenset[str], *, include: bool) -> Any:
    """Return what `select` leaves of one field, or None if nothing is left.

    `inner` holds the parts of the field that were named, and "" if the field as a whole was named.
    """
    if not inner:
        return None if include else value
    if "" in inner:
        return value if include else None
    if not isinstance(value, dict):
        return None if include else value
    return {name: part for name, part in value.items() if (name in inner) is include} or None


def _roots() -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in KNOWN)
