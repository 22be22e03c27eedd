"""Checks of clients: whether their secrets can be rotated, and whether the settings fit them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from bridge.auth0.client import HS256, SELF, objections
from bridge.auth0.errors import Auth0Error, Forbidden, NotFound
from sinks import kinds, split
from sinks.diagnosis import Severity

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.auth0.client import Client
    from bridge.config.settings import ClientSettings
    from bridge.doctor.report import Report

TOKEN_LIFETIME = timedelta(hours=24)
"""The default lifetime of an access token (Auth0's documentation)."""


def settings(report: Report, client: ClientSettings) -> None:
    """Judge what the configuration says about a client. No server is asked.

    The default lifetime of a token is assumed, because reading the API's own one would need another scope.
    """
    # A consumer with a cached token shows only when it asks for the next one that it still has
    # the old secret. Until then its silence proves nothing.
    if client.fallback_min_age < TOKEN_LIFETIME:
        told = "fallback_min_age is shorter than an access token's default lifetime"
        report.note("client-fallback-age", told, client=client.name)


def check(report: Report, auth0: Auth0, client: ClientSettings) -> Client | None:
    """Examine a client at Auth0 and return it, or None if it cannot be read.

    Every objection against rotating the client becomes a finding, with the setting that would accept it if there is
    one.

    One request is sent, which does not ask for the secret.
    """
    try:
        found = auth0.get_client(client.client_id)
    except NotFound:
        told = f"there is no application {client.client_id} in {auth0.name}"
        report.wrong("client-unknown", told, client=client.name)
        return None
    except Forbidden as error:
        _lacking(report, auth0, error)
        return None
    except Auth0Error as error:
        report.unknown("doctor-stopped", error.message, hint=error.hint or "run doctor again")
        return None
    names = {"client": client.name, "name": found.name, "tenant": client.tenant}
    sinks = next((uri for uri in client.sinks if split(uri)[0] in kinds.names()), "vault://MOUNT/PATH")
    against = objections(found, accept=client.accept, own_client_id=auth0.own_client_id, strategy=client.strategy)
    for objection in against:
        # The remedy is text to paste, so it has to keep what the client accepts already.
        accept = client.accept | ({objection.kind} & {HS256, SELF})
        more = {"accept": json.dumps(sorted(accept)), "sink": sinks}
        report.add(Severity.WRONG, f"client-{objection.kind}", objection.message, **names, **more)
    if not against:
        report.ok(f"{found.name} ({found.app_type or 'of no type'}) can be rotated")
    return found


def _lacking(report: Report, auth0: Auth0, error: Forbidden) -> None:
    for scope in error.scopes[:1]:
        names = {"application": auth0.own_client_id or "the bridge's application", "need": "it cannot be looked at"}
        report.wrong("tenant-scope", f"the management token lacks the scope {scope}", scope=scope, **names)
    if not error.scopes:
        report.unknown("doctor-stopped", error.message, hint=error.hint or "run doctor again")
