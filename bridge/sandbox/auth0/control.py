"""The endpoints under `/_sandbox/`, by which other processes control the tenant.

They show secrets, so they answer on loopback only.
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from bridge.sandbox.auth0.clients import Client
from bridge.sandbox.auth0.directory import DASHBOARD
from bridge.sandbox.auth0.tenant import Tenant

PREFIX = "/_sandbox"


def blueprint(tenant: Tenant) -> Blueprint:
    """Return the control endpoints for a tenant.

    Durations in requests and answers are in seconds. A request that makes no sense is answered 400.
    """
    routes = Blueprint("control", __name__, url_prefix=PREFIX)

    @routes.before_request
    def loopback_only() -> None:
        # In addition to the socket, which listens on loopback only: the application may be served by another server.
        if not ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback:
            abort(403)

    # Arguments are passed on as they come, so a mistake in a test's request raises one of these.
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    @routes.errorhandler(KeyError)
    def nonsense(error: Exception) -> tuple[Response, int]:
        return jsonify({"error": type(error).__name__}), 400

    @routes.get("/state")
    def state() -> Response:
        return jsonify({
            "url": tenant.base_url,
            "propagation": tenant.settings.propagation.total_seconds(),
            "clients": [_told(client) for client in tenant.clients()],
            "requests": [[one.method, one.path] for one in tenant.requests],
        })  # fmt: skip

    _changes(routes, tenant)
    return routes


def _changes(routes: Blueprint, tenant: Tenant) -> None:
    @routes.post("/clients")
    def add_client() -> tuple[Response, int]:
        added = tenant.add_client(**_body())
        return jsonify(added._asdict()), 201

    @routes.post("/clients/<client_id>/secret")
    def set_in_dashboard(client_id: str) -> Response:
        value = tenant.set_in_dashboard(client_id, _body().get("client_secret"))
        # The dashboard uses the Management API, too. So the log tells of it, and `watch` finds it there.
        called = {"method": "post", "path": f"/api/v2/clients/{client_id}/rotate-secret"}
        tenant.write_log("sapi", description="Rotate a Client Secret", client_id=DASHBOARD, details={"request": called})
        return jsonify({"client_secret": value})

    @routes.put("/propagation")
    def set_propagation() -> Response:
        tenant.settings.propagation = timedelta(seconds=_body()["seconds"])
        return jsonify({})

    @routes.put("/plan")
    def set_plan() -> Response:
        tenant.set_plan(_body()["plan"])
        return jsonify({})

    @routes.post("/faults")
    def add_fault() -> tuple[Response, int]:
        rule = _body()
        for name in {"delay", "retry_after"} & rule.keys():
            rule[name] = timedelta(seconds=rule[name])
        tenant.fault(**rule)
        return jsonify({}), 201


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _told(client: Client) -> dict[str, Any]:
    history = [{"value": one.value, "by": one.by, "at": one.at.isoformat()} for one in client.live.changes]
    return {**client.document(), "grants": client.grants, "history": history}
