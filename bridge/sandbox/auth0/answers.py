"""The bodies of Auth0's error responses, recorded from live tenants where that was possible."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

LIMIT_REACHED = "Global limit has been reached"
EXPIRED = "Expired token received for JSON Web Token validation"


class ApiError(Exception):
    """An error response of the Management API.

    `status` is the HTTP status. `code` is the body's `errorCode`, which Auth0 sometimes leaves out.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    def body(self) -> dict[str, object]:
        """Return the JSON body.

        Auth0 leaves out `errorCode` rather than setting it to null.
        """
        body: dict[str, object] = {
            "statusCode": self.status,
            "error": HTTPStatus(self.status).phrase,
            "message": self.message,
        }
        return {**body, "errorCode": self.code} if self.code else body


class OAuthError(Exception):
    """An error response of the token endpoint (RFC 6749 section 5.2, with Auth0's statuses)."""

    def __init__(self, status: int, error: str, description: str, retry_after: timedelta | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """Return the JSON body.

        Clients must decide by the status: `access_denied` comes with a wrong secret (401) and with a right one (403).
        """
        return {"error": self.error, "error_description": self.description}


def unauthorized(message: str) -> ApiError:
    """Return the 401 for a bearer token that is missing, expired or not valid.

    The texts are "Missing authentication", "Invalid token" and `EXPIRED`.
    """
    return ApiError(401, message)


def insufficient_scope(*wanted: str) -> ApiError:
    """Return the 403 for a token without any of these scopes.

    The scopes are named in the message only, so that is where the bridge finds them.
    """
    return ApiError(403, f"Insufficient scope, expected any of: {', '.join(wanted)}", "insufficient_scope")


def no_such_client() -> ApiError:
    """Return the 404 for an unknown client id.

    This form was recorded from a live tenant.
    """
    return ApiError(404, "The client does not exist", "inexistent_client")


def bad_body(problem: str, where: str | None = None) -> ApiError:
    """Return the 400 for a payload that does not fit its schema.

    `where` names the property. It is left out if the fault is about the payload as a whole.
    """
    return ApiError(400, f"Payload validation error: '{problem}'{_on(where)}.", "invalid_body")


def bad_query(problem: str, where: str | None = None) -> ApiError:
    """Return the 400 for a query parameter that does not fit its schema. `where` names the parameter."""
    return ApiError(400, f"Query validation error: '{problem}'{_on(where)}.", "invalid_query_string")


def bad_path(problem: str, where: str) -> ApiError:
    """Return the 400 for a path parameter that does not fit its schema. `where` names the parameter."""
    return ApiError(400, f"Path validation error: '{problem}'{_on(where)}.", "invalid_uri")


def limited(path: str, retry_after: timedelta | None = None) -> ApiError | OAuthError:
    """Return the 429 in the form of the endpoint at `path`.

    Only the token endpoint's form takes `retry_after`. For the Management API the caller sets the header.
    """
    if path.startswith("/oauth/"):
        return OAuthError(429, "too_many_requests", LIMIT_REACHED, retry_after)
    return ApiError(429, LIMIT_REACHED, "too_many_requests")


def _on(where: str | None) -> str:
    return f" on property {where}" if where else ""
