"""The HTTP endpoints under `/api/v2/logs`."""

from __future__ import annotations

import re

from flask import Blueprint, Response, jsonify, request

from bridge.sandbox.auth0.answers import ApiError, bad_query
from bridge.sandbox.auth0.fields import select
from bridge.sandbox.auth0.logs import OverCap, after, search
from bridge.sandbox.auth0.parameters import DEFAULT_PAGE, MAX_PAGE, authorize, boolean, integer
from bridge.sandbox.auth0.query import BadQuery
from bridge.sandbox.auth0.tenant import Tenant

READ_SCOPES = ("read:logs", "read:logs_users")
_SORT = re.compile(
    r"(date|connection|client_id|client_name|ip|user_id|user_name|description|user_agent|type|details|strategy"
    r"|strategy_type):(1|-1)"
)


def blueprint(tenant: Tenant) -> Blueprint:
    """Return the log endpoints for a tenant: list entries, and get one.

    `from` or `take` selects a checkpoint instead of a search. Entries appear after `log_delay`, and
    disappear after `log_retention`.
    """
    routes = Blueprint("logs", __name__, url_prefix="/api/v2/logs")

    @routes.get("")
    def list_logs() -> Response:
        authorize(tenant, *READ_SCOPES)
        return _checkpoint(tenant) if {"from", "take"} & request.args.keys() else _search(tenant)

    @routes.get("/<log_id>")
    def get_log(log_id: str) -> Response:
        authorize(tenant, *READ_SCOPES)
        for entry in tenant.logs():
            if entry["log_id"] == log_id:
                return jsonify(entry)
        raise ApiError(404, "The log does not exist", "inexistent_log")

    return routes


def _search(tenant: Tenant) -> Response:
    page = integer("page", 0, low=0)
    per_page = integer("per_page", DEFAULT_PAGE, low=0, high=MAX_PAGE)
    sort = request.args.get("sort")
    if sort is not None and not _SORT.fullmatch(sort):
        raise bad_query(f"String does not match pattern: {sort}", "sort")
    # The documentation calls it `q`. The OpenAPI document, and so the official libraries, call it `search`.
    query = request.args.get("q", request.args.get("search", ""))
    try:
        entries, total = search(tenant.logs(), query, sort, page, per_page)
    except BadQuery:
        raise bad_query(f"Invalid search: {query}", "q") from None
    except OverCap:
        raise ApiError(400, "You can only page through the first 1000 records.", "invalid_paging") from None
    # Unknown names are ignored here, other than for clients.
    names = tuple(name for name in request.args.get("fields", "").split(",") if name)
    shown = [select(entry, names, include=bool(boolean("include_fields", default=True))) for entry in entries]
    if not boolean("include_totals"):
        return jsonify(shown)
    totals = {"start": page * per_page, "limit": per_page, "length": len(shown), "total": total}
    return jsonify({**totals, "logs": shown})


def _checkpoint(tenant: Tenant) -> Response:
    """Answer with the entries that follow a checkpoint.

    All parameters but `from` and `take` are ignored. At the end of the log, the link to the next page repeats itself.
    """
    take = integer("take", DEFAULT_PAGE, low=1, high=MAX_PAGE)
    start = request.args.get("from")
    entries = after(tenant.logs(), start, take)
    answer = jsonify(entries)
    # Auth0 gives the next page by this header only.
    if reached := entries[-1]["log_id"] if entries else start:
        answer.headers["Link"] = f'<{tenant.base_url}/api/v2/logs?from={reached}&take={take}>; rel="next"'
    return answer
