"""The probe: a request that shows whether Auth0 accepts a secret, without obtaining a token.

It works for every client with a secret, whatever its grants are. No token is made that could leak, and none counts
towards the tenant's quota (ADR 15).
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bridge.auth0.answers import read_json
from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.auth0.http import TOTAL, USER_AGENT, Http, translated
from sinks.secret import Secret

if TYPE_CHECKING:
    import httpx

PROBE_MARK = "probe"
PROBE_USER_AGENT = f"{USER_AGENT} {PROBE_MARK}"
"""The User-Agent of probes, which distinguishes their failed exchanges (`feacft`) in the logs from consumers'."""

ATTEMPTS = 3
TIMEOUT_SECONDS = 5.0
# `.invalid` never resolves (RFC 2606), so Auth0 cannot redirect an answer to another server.
REDIRECT_URI = "https://secret-bridge.invalid/probe"


LIMITED = 429


class Verdict(StrEnum):
    """Auth0's answer about a secret, as one request saw it.

    While a change spreads, the next request may get another verdict.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def probe(http: Http, client: Client, secret: Secret, mark: str = "") -> Verdict:
    """Return whether Auth0 accepts a secret, by a token request with an invented authorization code.

    Auth0 checks the secret before the code: 401 means that the secret was refused, 403 that only the code was. The HTTP
    status decides, never the field `error`, because `access_denied` comes with either. An answer that is not JSON comes
    from a proxy and proves nothing. A request without an answer is retried, up to `ATTEMPTS` in all, and then the
    verdict is UNKNOWN. `mark` is a word of the User-Agent by which this probe is found in the logs.
    """
    # A probe changes nothing, so it may be repeated without harm.
    for _ in range(ATTEMPTS):
        try:
            with translated(http.tenant, "the probe", http.proxy_variable):
                http.token_pace.take()
                response = _ask(http.client, client, secret, mark)
        except Unreachable:
            continue
        http.heard(response, http.token_pace)
        # A limit says nothing about the secret. The next one waits until it is free, if that is soon.
        if response.status_code != LIMITED:
            return _verdict(response)
    return Verdict.UNKNOWN


def _ask(http: httpx.Client, client: Client, secret: Secret, mark: str) -> httpx.Response:
    import httpx as library

    asked = {
        "grant_type": "authorization_code",
        # Invented each time, so that it can never be a real code and yield a token.
        "code": secrets.token_urlsafe(16),
        "redirect_uri": REDIRECT_URI,
    }
    more: dict[str, Any] = {
        "headers": {"User-Agent": f"{PROBE_USER_AGENT} {mark}".strip()},
        "timeout": TIMEOUT_SECONDS,
        # Connecting and answering have a timeout each. An answer in drops ends with their sum.
        "extensions": {TOTAL: 2 * TIMEOUT_SECONDS},
    }
    # Auth0 takes the secret only in the way that the client is set up for.
    if client.auth_method == "client_secret_basic":
        auth = library.BasicAuth(client.client_id, secret.reveal())
        return http.post("/oauth/token", json=asked, auth=auth, **more)
    own = {"client_id": client.client_id, "client_secret": secret.reveal()}
    return http.post("/oauth/token", json={**asked, **own}, **more)


def _verdict(response: httpx.Response) -> Verdict:
    if not isinstance(read_json(response), dict):
        return Verdict.UNKNOWN
    # Anything else, such as 429 or 5xx, is no answer about the secret, and unknown never means yes.
    verdicts = {200: Verdict.ACCEPTED, 403: Verdict.ACCEPTED, 401: Verdict.REFUSED}
    return verdicts.get(response.status_code, Verdict.UNKNOWN)
