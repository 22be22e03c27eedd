"""The HTTP endpoints `/oauth/token` and `/.well-known/jwks.json`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, request

from bridge.sandbox.auth0.answers import OAuthError
from bridge.sandbox.auth0.keys import subject_of
from bridge.sandbox.auth0.tenant import Tenant
from bridge.sandbox.auth0.token_endpoint import Method, TokenRequest, exchange

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def blueprint(tenant: Tenant) -> Blueprint:
    """Return the token endpoint and the key set for a tenant.

    They need no bearer token. The decisions are in `token_endpoint`.
    """
    routes = Blueprint("oauth", __name__)

    @routes.post("/oauth/token")
    def token() -> Response:
        answer = jsonify(exchange(tenant, _parse(_parameters())))
        # RFC 6749 section 5.1.
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @routes.get("/.well-known/jwks.json")
    def key_set() -> Response:
        return jsonify(tenant.key.key_set())

    return routes


def _parameters() -> Mapping[str, Any]:
    """Return the parameters in the body, which is JSON or a form.

    null means that a parameter is absent, because Auth0's own libraries send it so.

    Raises:
        OAuthError: 400, the body is no object or holds anything but texts.
    """
    body = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    given = {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else None
    if given is None or not all(isinstance(value, str) for value in given.values()):
        raise OAuthError(400, "invalid_request", "Bad Request")
    return given


def _parse(given: Mapping[str, Any]) -> TokenRequest:
    if not given.get("grant_type"):
        raise OAuthError(400, "invalid_request", "Missing required parameter: grant_type")
    client_id, method, secrets = _credentials(given)
    return TokenRequest(
        grant_type=given["grant_type"],
        client_id=client_id,
        method=method,
        secrets=secrets,
        audience=given.get("audience"),
        scope=given.get("scope"),
        ip=request.remote_addr or "",
        user_agent=request.user_agent.string,
    )


def _credentials(given: Mapping[str, Any]) -> tuple[str | None, Method, tuple[str, ...]]:
    """Return the client id, the authentication method, and what was sent as proof.

    A Basic header wins over the body. Nothing is verified yet.
    """
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("basic "):
        return _basic(header[6:])
    if given.get("client_assertion_type") == ASSERTION_TYPE and (assertion := given.get("client_assertion")):
        return given.get("client_id") or subject_of(assertion), "assertion", (assertion,)
    if secret := given.get("client_secret"):
        return given.get("client_id"), "post", (secret,)
    return given.get("client_id"), "none", ()


def _basic(encoded: str) -> tuple[str | None, Method, tuple[str, ...]]:
    """Return the credentials in a Basic header.

    The secret is returned in both readings, as it was sent and percent-decoded.
    """
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, "basic", ()
    # RFC 6749 section 2.3.1 requires that both parts are form-encoded, but most clients do not encode them.
    return unquote_plus(name), "basic", (secret, unquote_plus(secret))
