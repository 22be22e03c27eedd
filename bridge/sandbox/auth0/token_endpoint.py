"""The decisions of the token endpoint, in Auth0's order. No HTTP.

It checks the secret, then the grant type, the audience, and the client grant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from bridge.sandbox.auth0.answers import OAuthError
from bridge.sandbox.auth0.clients import Client
from bridge.sandbox.auth0.keys import verify_assertion
from bridge.sandbox.auth0.tenant import Tenant

Method = Literal["basic", "post", "assertion", "none"]
QUOTA_PERIOD = timedelta(hours=1)
"""After how long a client may ask again if the token quota is used up."""

_LOG_TYPES = {
    "client_credentials": ("seccft", "feccft"),
    "authorization_code": ("seacft", "feacft"),
    "refresh_token": ("sertft", "fertft"),
}
"""The log types of each known grant type, for success and failure."""
_INVENTED = {
    "authorization_code": "Invalid authorization code",
    "refresh_token": "Unknown or invalid refresh token.",
}
"""The refusals of grants that need a code or token of a user. The sandbox has issued none."""


@dataclass(frozen=True)
class TokenRequest:
    """One token request, parsed."""

    grant_type: str
    """The requested grant type. It may be unknown."""
    client_id: str | None
    """The client that asks, or None if the request names none."""
    method: Method
    """How the client authenticates."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The readings of what was sent as proof, of which one must be right.

    Basic credentials may be percent-encoded or not, which gives two readings.
    """
    audience: str | None = None
    """The requested API, if one is named."""
    scope: str | None = None
    """The requested scopes, separated by spaces. None means all that are granted."""
    ip: str = ""
    """The client's address, for the log."""
    user_agent: str = ""
    """The client's user agent, for the log."""


def exchange(tenant: Tenant, request: TokenRequest) -> dict[str, object]:
    """Answer a token request, and write the outcome to the tenant's log.

    Raises:
        OAuthError: the request is refused.
    """
    succeeded, failed = _LOG_TYPES.get(request.grant_type, (None, "f"))
    # The log never shows which secret was sent, so the bridge has to tell consumers apart by address and user agent.
    told = {"client_id": request.client_id, "ip": request.ip, "user_agent": request.user_agent}
    try:
        client = _authenticate(tenant, request)
        answer = _grant(tenant, client, request)
    except OAuthError as refusal:
        # Each failure is logged, also the bridge's own probes. Its user agent tells these apart.
        tenant.write_log(failed, description=refusal.description, audience=request.audience, **told)
        raise
    if succeeded:
        tenant.write_log(succeeded, description="", audience=request.audience, scope=answer.get("scope"), **told)
    return answer


def _authenticate(tenant: Tenant, request: TokenRequest) -> Client:
    """Return the client that the request proves to come from.

    Raises:
        OAuthError: 401, there is no such client, or the proof is wrong. The answer does not say which.
    """
    client = tenant.find(request.client_id)
    if client is None or not _proven(tenant, client, request):
        # Auth0's documentation and live tenants differ in this word.
        error = "invalid_client" if tenant.settings.documented_errors else "access_denied"
        raise OAuthError(401, error, "Unauthorized")
    return client


def _proven(tenant: Tenant, client: Client, request: TokenRequest) -> bool:
    """Return whether the request proves that it comes from the client, by the client's own method.

    A public client needs no proof. A secret that is sent in another way than declared counts as wrong.
    """
    if client.keyed:
        base = tenant.base_url
        # Auth0's own library always names an https URL, even if it connects by http.
        audiences = [base, f"{base}/", f"{base}/oauth/token", f"{base.replace('http:', 'https:', 1)}/"]
        now, keys = tenant.clock.now(), client.public_keys
        return request.method == "assertion" and any(
            verify_assertion(text, keys, client.client_id, audiences, now) for text in request.secrets
        )
    if client.public:
        return True
    if request.method not in ("basic", "post") or not client.takes(request.method):
        return False
    return tenant.meets(client, request.secrets)


def _grant(tenant: Tenant, client: Client, request: TokenRequest) -> dict[str, object]:
    """Return the answer for an authenticated client.

    Raises:
        OAuthError: 403, the grant type is unknown, not enabled for the client, or one that the sandbox cannot fulfil.
    """
    kind = request.grant_type
    if kind not in _LOG_TYPES:
        raise OAuthError(403, "unsupported_grant_type", f"Unsupported grant type: {kind}")
    if not client.may_use(kind):
        raise OAuthError(403, "unauthorized_client", f"Grant type '{kind}' not allowed for the client.")
    # After the secret was checked. The bridge relies on that order to probe a value without getting a token (ADR 15).
    if kind in _INVENTED:
        raise OAuthError(403, "invalid_grant", _INVENTED[kind])
    return _client_credentials(tenant, client, request)


def _client_credentials(tenant: Tenant, client: Client, request: TokenRequest) -> dict[str, object]:
    """Return a token for an audience that the client is granted.

    A token for the Management API does not count against the quota.

    Raises:
        OAuthError: 403, the audience or a scope is not granted, or 429, the quota is used up.
    """
    if not request.audience:
        text = "No audience parameter was provided, and no default audience has been configured"
        raise OAuthError(403, "access_denied", text)
    if (api := tenant.api(request.audience)) is None:
        raise OAuthError(403, "access_denied", f"Service not enabled within domain: {request.audience}")
    if (granted := client.grants.get(api.audience)) is None:
        text = f'Client is not authorized to access "{api.audience}". You need to create a "client-grant" for it.'
        raise OAuthError(403, "access_denied", text)
    wanted = (request.scope or "").split()
    if missing := [scope for scope in wanted if scope not in granted]:
        raise OAuthError(403, "access_denied", f"Client has not been granted scopes: {', '.join(missing)}")
    # Auth0 does not count tokens for its Management API.
    if api.audience != tenant.audience and not tenant.count_token():
        raise OAuthError(429, "too_many_requests", "Token quota has been reached", QUOTA_PERIOD)
    scope = " ".join(wanted or granted)
    lifetime = int(api.token_lifetime.total_seconds())
    answer = {"access_token": tenant.issue(client.client_id, api, scope), "scope": scope, "expires_in": lifetime}
    return {name: value for name, value in {**answer, "token_type": "Bearer"}.items() if value != ""}
