"""Validates query parameters as Auth0 does, and identifies the caller."""

from __future__ import annotations

from flask import request

from bridge.sandbox.auth0.answers import bad_query, insufficient_scope, unauthorized
from bridge.sandbox.auth0.settings import Caller
from bridge.sandbox.auth0.tenant import Tenant

MAX_PAGE = 100
DEFAULT_PAGE = 50


def authorize(tenant: Tenant, *scopes: str) -> Caller:
    """Return the caller of the request, who must have at least one of the scopes.

    Raises:
        ApiError: 401, there is no valid bearer token, or 403, it has none of the scopes.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Missing authentication")
    caller = tenant.caller(token.strip())
    # One of them is enough. What a scope shows or changes is decided per field.
    if not caller.scopes & frozenset(scopes):
        raise insufficient_scope(*scopes)
    return caller


def integer(name: str, default: int, *, low: int, high: int | None = None) -> int:
    """Return a parameter that is a whole number, or `default` if it is absent.

    Raises:
        ApiError: 400, it is not a whole number, or it is out of range.
    """
    text = request.args.get(name)
    if text is None:
        return default
    # `int` alone would also accept spaces and underscores.
    if not text.removeprefix("-").isdecimal():
        raise bad_query("Expected type integer but found type string", name)
    value = int(text)
    if value < low:
        raise bad_query(f"Value {value} is less than minimum {low}", name)
    if high is not None and value > high:
        raise bad_query(f"Value {value} is greater than maximum {high}", name)
    return value


def boolean(name: str, *, default: bool | None = None) -> bool | None:
    """Return a parameter that is `true` or `false`, or `default` if it is absent.

    Raises:
        ApiError: 400, it is neither.
    """
    text = request.args.get(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise bad_query("Expected type boolean but found type string", name)
    return text == "true"
