"""The tenant as a WSGI application, with rate limits and error responses for all endpoints."""

from __future__ import annotations

import ipaddress
import math
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from bridge.sandbox.auth0 import control, log_views, management, oauth
from bridge.sandbox.auth0.answers import ApiError, OAuthError, limited
from bridge.sandbox.auth0.limits import Allowance
from bridge.sandbox.auth0.tenant import Tenant


def create_app(tenant: Tenant) -> Flask:
    """Return the WSGI application for a tenant.

    It answers only under a name of this machine, and counts each request against the tenant's limits before any
    endpoint sees it.
    """
    app = Flask("auth0", static_folder=None)
    for part in (oauth, management, log_views, control):
        app.register_blueprint(part.blueprint(tenant))

    @app.before_request
    def limit() -> None:
        # Before the limits, so that requests under foreign names cannot use them up.
        if not _ours(request.host):
            raise ApiError(404, "Not Found")
        allowance = tenant.allowance(request.method, request.path, request.remote_addr or "", request.user_agent.string)
        g.allowance = allowance
        if allowance and not allowance.allowed:
            wait = timedelta(seconds=math.ceil(allowance.wait)) if allowance.retry_after else None
            raise limited(request.path, wait)

    @app.after_request
    def tell_limits(response: Response) -> Response:
        allowance: Allowance | None = g.get("allowance")
        if allowance:
            # UNIX seconds, rounded up: a client that waits until then must be let in.
            reset = math.ceil(tenant.clock.now().timestamp() + allowance.wait)
            response.headers["x-ratelimit-limit"] = str(allowance.limit)
            response.headers["x-ratelimit-remaining"] = str(allowance.remaining)
            response.headers["x-ratelimit-reset"] = str(reset)
            # Auth0 does not document this header for the Management API, so a client has to do without it.
            if not allowance.allowed and allowance.retry_after:
                response.headers["Retry-After"] = str(max(1, math.ceil(allowance.wait)))
        return response

    _refusals(app)
    return app


def _refusals(app: Flask) -> None:
    @app.errorhandler(ApiError)
    def api_error(error: ApiError) -> tuple[Response, int]:
        return jsonify(error.body()), error.status

    @app.errorhandler(OAuthError)
    def oauth_error(error: OAuthError) -> tuple[Response, int]:
        response = jsonify(error.body())
        if error.retry_after:
            response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after.total_seconds())))
        return response, error.status

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> tuple[Response, int]:
        # hapi, which Auth0's API runs on, answers 404 for a method it does not know too.
        status = 404 if error.code == 405 else error.code or 500
        return jsonify(ApiError(status, "Not Found" if status == 404 else error.name).body()), status


def _ours(host: str) -> bool:
    """Return whether a Host header names this machine.

    A request under another name gets no answer from the tenant, which also prevents DNS rebinding.
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
