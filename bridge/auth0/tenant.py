"""A tenant, and the management token by which the bridge acts there.

The token is kept in memory only. Each process fetches its own.
"""

from __future__ import annotations

import copy
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.auth0.errors import Auth0Error, Unauthorised, Unreachable
from bridge.auth0.http import Http
from bridge.auth0.pace import Pacing
from bridge.model.errors import Usage
from bridge.model.tenant_address import base_url
from sinks.clock import Clock
from sinks.secret import Secret

if TYPE_CHECKING:
    import httpx

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = timedelta(seconds=60)
RENEW_EARLY_SECONDS = 60.0
LAST_EXPIRY = 32_503_680_000  # the year 3000: a later `exp` is not a plausible time


@dataclass(frozen=True)
class Credentials:
    """The bridge's own credentials at a tenant: a ready-made token, or an application with a secret or a key.

    `connect` fills in only what is used. Where several are given, `api_token` wins, and then `private_key`.
    """

    client_id: str | None = None
    client_secret: Secret | None = None
    api_token: Secret | None = None
    private_key: Secret | None = None


@dataclass(frozen=True)
class Token:
    """A management token.

    `scopes` is None if they are not known. `renew_at` is in monotonic seconds, and None for a ready-made token, which
    the bridge cannot renew. `expires` and `issued_to` are the end and the client id that a ready-made token names.
    """

    value: Secret
    scopes: frozenset[str] | None
    renew_at: float | None
    expires: datetime | None = None
    issued_to: str | None = None


class Tenant:
    """One Auth0 tenant: its address, its HTTP client, and a management token that is renewed in time.

    `audience` is the Management API's identifier. Its default is `/api/v2/` under the tenant's own URL.

    Raises:
        Usage: the domain or the credentials are invalid.
    """

    def __init__(
        self,
        domain: str,
        credentials: Credentials,
        clock: Clock,
        *,
        audience: str | None = None,
        transport: httpx.BaseTransport | None = None,
        pacing: Pacing = Pacing(),  # noqa: B008  # it is frozen
    ) -> None:
        try:
            self.base = base_url(domain)
        except ValueError as error:
            raise Usage(f"the tenant's domain: expected {error}") from None
        self.audience = audience or f"{self.base}/api/v2/"
        self.http = Http(self.base, clock, transport, pacing)
        self.name = self.http.tenant
        self.client_id = credentials.client_id
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._failed: tuple[float, Auth0Error | None] = (0.0, None)
        if credentials.api_token is not None:
            self._token = _ready_made(credentials.api_token)
            self.client_id = self.client_id or self._token.issued_to
        elif not credentials.client_id or not (credentials.client_secret or credentials.private_key):
            raise Usage(f"{self.name}: an api_token is needed, or a client_id with a client_secret or a private_key")

    def token(self) -> Token:
        """Return the management token, and fetch a new one if there is none or it ends within a minute.

        Raises:
            Auth0Error: Auth0 gave no token.
            Usage: the private key cannot sign.
        """
        asked = self._clock.monotonic()
        # Held while a token is fetched: the other threads need the same one, and each token costs quota.
        with self._lock:
            if self._token is None or (
                self._token.renew_at is not None and self._clock.monotonic() >= self._token.renew_at
            ):
                # Who has waited for another thread's attempt has its answer. Attempts one after the other take minutes.
                failed_at, error = self._failed
                if error is not None and failed_at > asked:
                    raise copy.copy(error)  # each client adds hints of its own
                try:
                    self._token = self._fetch()
                except Auth0Error as raised:
                    self._failed = self._clock.monotonic(), raised
                    raise
            return self._token

    def forget_token(self, used: Token) -> bool:
        """Drop a token that Auth0 did not accept. Return False if it is a ready-made one, which cannot be replaced.

        No request is sent. The next call of `token` fetches a new one, unless another thread has done so already.
        """
        if self._credentials.api_token is not None:
            return False
        with self._lock:
            if self._token is used:
                self._token = None
        return True

    def _fetch(self) -> Token:
        asked_at = self._clock.monotonic()  # before the request, because the token's lifetime begins during it
        try:
            answer = self.http.send(self._ask_token, doing="the request for a management token", safe=True, paced=False)
        except Unauthorised:
            # Auth0's answer speaks of a client. The user has to know that it is the bridge's own one.
            raise Unauthorised(
                f"{self.name} does not accept the bridge's own credentials (application {self.client_id})",
                "check the client id and secret, or the private key, of the application that the bridge acts as",
            ) from None
        text = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(text, str) or not _is_token(text):
            raise Unreachable(f"{self.name} answered the request for a management token without one")
        lifetime = answer.get("expires_in")
        # Without a plausible lifetime the token counts as ended at once, and is fetched anew for the next request.
        seconds = float(lifetime) if isinstance(lifetime, int | float) and 0 < lifetime < LAST_EXPIRY else 0.0
        return Token(Secret(text), _scopes(answer.get("scope")), asked_at + max(seconds - RENEW_EARLY_SECONDS, 0.0))

    def _ask_token(self, http: httpx.Client, extensions: dict[str, Any]) -> httpx.Response:
        """Ask for a token by client credentials (RFC 6749, section 4.4), with a secret or an assertion (RFC 7523)."""
        asked = {"grant_type": "client_credentials", "client_id": self.client_id, "audience": self.audience}
        key, secret = self._credentials.private_key, self._credentials.client_secret
        if key is not None:
            asked |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._assertion(key)}
        if key is not None or secret is None:  # the constructor demands one of the two
            return http.post("/oauth/token", json=asked, extensions=extensions)
        return http.post("/oauth/token", json={**asked, "client_secret": secret.reveal()}, extensions=extensions)

    def _assertion(self, key: Secret) -> str:
        import jwt

        now = self._clock.now()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            # Auth0 expects its own URL as the audience, with the slash at the end.
            "aud": f"{self.base}/",
            "iat": now,
            "exp": now + ASSERTION_LIFETIME,
            # A fresh id, so that a recorded assertion cannot be replayed (RFC 7523, section 3).
            "jti": str(uuid.uuid4()),
        }
        try:
            return jwt.encode(claims, key.reveal(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise Usage(
                f"{self.name}: the private_key is not an RSA private key in PEM form",
                hint="give the text of the PEM file, or file:PATH",
            ) from None


def _ready_made(token: Secret) -> Token:
    if not _is_token(token.reveal()):
        raise Usage("the api_token holds characters that no token has (a line break, a space?)")
    claims = _claims(token)
    ends, party = claims.get("exp"), claims.get("azp")
    expires = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) and 0 < ends < LAST_EXPIRY else None
    return Token(token, _scopes(claims.get("scope")), None, expires, party if isinstance(party, str) else None)


def _claims(token: Secret) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it. An opaque token has none.

    They only say early what Auth0 would say: whether a request is accepted is decided there.
    """
    import jwt

    try:
        return jwt.decode(token.reveal(), options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):  # RecursionError: lists in lists, thousands deep
        return {}


def _scopes(text: object) -> frozenset[str] | None:
    return frozenset(text.split()) if isinstance(text, str) else None


def _is_token(text: str) -> bool:
    # A line break would end the header that carries the token.
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
