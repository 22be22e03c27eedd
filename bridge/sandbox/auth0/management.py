"""The HTTP endpoints under `/api/v2/clients`, and the one that grants a client an API."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from bridge.sandbox.auth0 import creation
from bridge.sandbox.auth0.answers import ApiError, bad_body, bad_path, bad_query, insufficient_scope
from bridge.sandbox.auth0.clients import Client
from bridge.sandbox.auth0.fields import READ_SCOPES, SECRET, guard, names_of, readable, select
from bridge.sandbox.auth0.parameters import DEFAULT_PAGE, MAX_PAGE, authorize, boolean, integer
from bridge.sandbox.auth0.patch import APP_TYPES, validate
from bridge.sandbox.auth0.settings import Caller
from bridge.sandbox.auth0.tenant import Tenant

UPDATE_KEYS = "update:client_keys"
UPDATE_SCOPES = ("update:clients", UPDATE_KEYS, "update:client_credentials",
                 "update:client_token_vault_privileged_access")  # fmt: skip
MAX_OFFSET = 1000
# Recorded from live tenants.
TOO_FAR = (
    "Requesting page {page} exceeds the allowed maximum of {most} records. "
    "To fetch results beyond {most}, use the checkpoint pagination method."
)
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def blueprint(tenant: Tenant) -> Blueprint:
    """Return the client endpoints for a tenant: list, get, create, grant, update, and rotate the secret."""
    routes = Blueprint("management", __name__, url_prefix="/api/v2")

    @routes.get("/clients")
    def list_clients() -> Response:
        caller = authorize(tenant, *READ_SCOPES)
        return jsonify(_listing(tenant, caller, _filtered(tenant.clients())))

    @routes.get("/clients/<client_id>")
    def get_client(client_id: str) -> Response:
        caller = authorize(tenant, *READ_SCOPES)
        return jsonify(_shown(tenant, caller, [tenant.client(_checked(client_id))])[0])

    @routes.patch("/clients/<client_id>")
    def update_client(client_id: str) -> Response:
        caller = authorize(tenant, *UPDATE_SCOPES)
        _checked(client_id)
        changes = validate(_json())
        _may_change(caller, changes)
        _changeable(tenant.client(client_id))
        # After all checks: a request that is refused changes nothing, and a PATCH takes effect as a whole.
        tenant.update(client_id, changes, caller.name)
        _log(tenant, caller, "sapi", "Update a Client")
        # The answer shows the client even to a caller without `read:clients`, but the secret only with its scope.
        return jsonify(readable(tenant.client(client_id).document(), caller.scopes | {"read:clients"}))

    @routes.post("/clients/<client_id>/rotate-secret")
    def rotate_secret(client_id: str) -> Response:
        caller = authorize(tenant, UPDATE_KEYS)
        client = tenant.client(_checked(client_id))
        _changeable(client)
        if client.keyed:
            raise ApiError(400, "The client has no secret to rotate: it authenticates with a key")
        value = tenant.rotate(client_id, caller.name)
        _log(tenant, caller, "sapi", "Rotate a Client Secret")
        document = {**client.document(), SECRET: value}
        return jsonify(document if tenant.settings.rotate_shows_secret else select(document, (SECRET,), include=False))

    return _creating(routes, tenant)


def _creating(routes: Blueprint, tenant: Tenant) -> Blueprint:
    @routes.post("/clients")
    def create_client() -> tuple[Response, int]:
        caller = authorize(tenant, "create:clients")
        properties, keys = creation.client(_json())
        client_id = tenant.create(properties, keys)
        _log(tenant, caller, "sapi", "Create a Client")
        # Whoever creates a client sees its secret, also without the scope that reads those of others.
        return jsonify(tenant.client(client_id).document()), 201

    @routes.post("/client-grants")
    def create_grant() -> tuple[Response, int]:
        caller = authorize(tenant, "create:client_grants")
        client_id, audience, scopes = creation.grant(_json())
        client = tenant.client(client_id)
        if tenant.api(audience) is None:
            raise ApiError(404, f"The resource server does not exist: {audience}")
        if audience in client.grants:
            raise ApiError(409, f"Grant for client '{client_id}' and audience '{audience}' already exists")
        tenant.grant(client_id, audience, scopes)
        _log(tenant, caller, "sapi", "Create client grant")
        return jsonify({"id": f"cgr_{tenant.new_id()}", "client_id": client_id, "audience": audience,
                        "scope": list(scopes)}), 201  # fmt: skip

    return routes


def _filtered(clients: list[Client]) -> list[Client]:
    """Return the clients that the parameters `is_global`, `is_first_party` and `app_type` select.

    A filter that is absent selects every client.
    """
    wanted = {"global": boolean("is_global"), "is_first_party": boolean("is_first_party")}
    kinds = frozenset(request.args["app_type"].split(",")) if "app_type" in request.args else None
    if kinds is not None and not kinds <= APP_TYPES:
        raise bad_query(f"String does not match pattern: {request.args['app_type']}", "app_type")
    return [
        client
        for client in clients
        if all(value is None or client.properties.get(name, False) is value for name, value in wanted.items())
        and (kinds is None or client.properties.get("app_type") in kinds)
    ]


def _listing(tenant: Tenant, caller: Caller, clients: list[Client]) -> Any:
    if "take" in request.args or "from" in request.args:
        return _checkpoint(tenant, caller, clients)
    page = integer("page", 0, low=0)
    per_page = integer("per_page", DEFAULT_PAGE, low=0, high=MAX_PAGE)
    if (page + 1) * per_page > MAX_OFFSET:
        raise ApiError(400, TOO_FAR.format(page=page, most=MAX_OFFSET), "invalid_paging")
    shown = _shown(tenant, caller, clients[page * per_page : (page + 1) * per_page])
    if not boolean("include_totals"):
        return shown
    return {"total": len(clients), "start": page * per_page, "limit": per_page, "clients": shown}


def _checkpoint(tenant: Tenant, caller: Caller, clients: list[Client]) -> Any:
    take = integer("take", DEFAULT_PAGE, low=1, high=MAX_PAGE)
    ids = [client.client_id for client in clients]
    start = 0
    if checkpoint := request.args.get("from"):
        if checkpoint not in ids:
            raise bad_query("Invalid checkpoint", "from")
        # The page begins behind the client that the checkpoint names.
        start = ids.index(checkpoint) + 1
    page = clients[start : start + take]
    shown = {"clients": _shown(tenant, caller, page)}
    return {**shown, "next": page[-1].client_id} if start + take < len(clients) else shown


def _shown(tenant: Tenant, caller: Caller, clients: Iterable[Client]) -> list[dict[str, Any]]:
    """Return what the caller's scopes and `fields` leave of clients.

    Reading a secret is logged, as `mgmt_api_read`.
    """
    names, include = names_of(request.args.get("fields")), bool(boolean("include_fields", default=True))
    guard(names, caller.scopes, include=include)
    shown = [select(readable(client.document(), caller.scopes), names, include=include) for client in clients]
    if any(SECRET in document for document in shown):
        _log(tenant, caller, "mgmt_api_read", "Read Client Secrets")
    return shown


def _json() -> Any:
    body = request.get_json(silent=True)
    if body is None:
        raise bad_body("Expected type object but found type null")
    return body


def _checked(client_id: str) -> str:
    if not CLIENT_ID.fullmatch(client_id):
        raise bad_path(f"Object didn't pass validation for format client-id: {client_id}", "id")
    return client_id


def _may_change(caller: Caller, changes: dict[str, Any]) -> None:
    # The secret has a scope of its own, so that a caller who may edit a client cannot take it over.
    if SECRET in changes and UPDATE_KEYS not in caller.scopes:
        raise insufficient_scope(UPDATE_KEYS)
    if changes.keys() - {SECRET} and "update:clients" not in caller.scopes:
        raise insufficient_scope("update:clients")


def _changeable(client: Client) -> None:
    if client.fixed:
        raise ApiError(403, "The global client cannot be modified")


def _log(tenant: Tenant, caller: Caller, type_: str, description: str) -> None:
    """Write an entry about a call.

    The entry's client is the caller. The client that the call was about only appears in the path in `details`.
    """
    told = {"client_id": caller.name, "ip": request.remote_addr, "user_agent": request.user_agent.string}
    details = {"request": {"method": request.method.lower(), "path": request.path}}
    tenant.write_log(type_, description=description, details=details, **told)
