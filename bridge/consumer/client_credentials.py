"""Access tokens by the client-credentials flow: an `httpx.Auth` that obtains, caches and renews them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from dataclasses import replace
from typing import Literal
from urllib.parse import quote

import httpx

from bridge.auth0.egress import egress
from bridge.auth0.transport import Transport
from bridge.consumer.client_secret import Candidate, ClientSecret
from bridge.consumer.errors import AllRefused, ConsumerError, TokenError
from bridge.consumer.tokens import Token, token_in
from bridge.model.errors import Usage
from bridge.model.tenant_address import base_url

UNAUTHORISED = 401
AGAIN = 10.0  # seconds until a failed renewal is tried again while the token is still valid
TIMEOUT = 10.0  # seconds for one token request


class ClientCredentials(httpx.Auth):
    """An `httpx.Auth` that puts an access token for `audience` on every request.

    Pass it as `httpx.Client(auth=ClientCredentials(...))`, or to an `AsyncClient`.

    After a refusal of the secret (401) the next candidate is tried. Any other answer (403, 429, 5xx) is raised. If many
    threads and tasks need a token at once, only one request is sent. The token is renewed in the background before it
    ends. If the API itself answers 401, the token is renewed once and the request is repeated.

    Args:
        domain: the tenant's domain, such as `acme.eu.auth0.com`, or a whole URL.
        secret: the source of the client's secret.
        audience: the API's identifier. None means the tenant's default audience.
        scope: the scopes to ask for, separated by spaces. None means all that are granted.
        organization: the organization to ask for, by its id or name.
        method: how the application authenticates (its `token_endpoint_auth_method`).
        http: a client for the token requests, for a proxy or a CA. Any thread may use it, and `close` leaves it open.
        clock: a source of monotonic seconds, for tests.

    Raises:
        ValueError: `domain` is neither a domain nor a base URL.
    """

    def __init__(
        self,
        domain: str,
        secret: ClientSecret,
        *,
        audience: str | None = None,
        scope: str | None = None,
        organization: str | None = None,
        method: Literal["client_secret_post", "client_secret_basic"] = "client_secret_post",
        http: httpx.Client | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{base_url(domain)}/oauth/token"
        self._secret = secret
        asked = {"audience": audience, "scope": scope, "organization": organization}
        self._asked = {name: text for name, text in asked.items() if text}
        self._basic = method == "client_secret_basic"
        self._http = http
        self._now = clock
        self._token: Token | None = None
        self._flying: Future[Token] | None = None
        self._process = os.getpid()
        self._guard = threading.Lock()

    def token(self) -> str:
        """Return a valid token, without a request while one is cached.

        Raises:
            SecretUnavailable: the secret cannot be read.
            AllRefused: Auth0 refuses every candidate.
            TokenError: the token endpoint gave no token for another reason.
        """
        return (self._cached() or self._flight().result()).text

    async def token_async(self) -> str:
        """Return a valid token like `token`, for a coroutine.

        Raises:
            SecretUnavailable: the secret cannot be read.
            AllRefused: Auth0 refuses every candidate.
            TokenError: the token endpoint gave no token for another reason.
        """
        return (await self.grant_async()).text

    async def grant_async(self) -> Token:
        """Return a valid token with what Auth0 said about it, for a coroutine.

        The event loop is not blocked. A cancelled coroutine does not cancel the request, which
        other callers may wait for.

        Raises:
            SecretUnavailable: the secret cannot be read.
            AllRefused: Auth0 refuses every candidate.
            TokenError: the token endpoint gave no token for another reason.
        """
        token = self._cached()
        if token is None:
            import asyncio

            token = await asyncio.wrap_future(self._flight())
        return token

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorise one request (`httpx.Auth`).

        It blocks while a token has to be obtained. After a 401 by the API, the request is repeated once with a new
        token.
        """
        text = self.token()
        response = yield _authorised(request, text)
        # The token may have been revoked, or the API's key replaced. Once only: a second 401 is about the API's own
        # rules, and a loop would hammer both servers.
        if response.status_code == UNAUTHORISED:
            self._drop(text)
            yield _authorised(request, self.token())

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Authorise one request (`httpx.Auth`).

        It waits for a token without blocking the event loop. After a 401 by the API, the request is repeated once with
        a new token.
        """
        text = await self.token_async()
        response = yield _authorised(request, text)
        if response.status_code == UNAUTHORISED:
            self._drop(text)
            yield _authorised(request, await self.token_async())

    def close(self) -> None:
        """Close the connections to the token endpoint.

        A client that was passed as `http` stays open. Other connections are opened again when needed.
        """
        if isinstance(self._http, _Own):
            self._http.close()
            self._http = None

    def _cached(self) -> Token | None:
        """Return the cached token if it is still valid, and start renewing it when that is due.

        None means that the caller has to wait for a new one.
        """
        token, now = self._token, self._now()
        if token is None:
            return None
        if now >= token.renew_at:
            if now >= token.ends_at:
                return None
            self._flight()  # in the background: the caller does not wait for it
        return token

    def _drop(self, text: str) -> None:
        """Forget a token that the API refused, unless another thread has replaced it already.

        Without that check, many threads with the same refused token would each discard the new one and ask for another.
        """
        with self._guard:
            if self._token is not None and self._token.text == text:
                self._token = None

    def _flight(self) -> Future[Token]:
        """Return the token request that is on its way, or start one.

        All callers of that time share its result, or its error.
        """
        if self._process != os.getpid():  # after a fork the parent's threads are gone
            self._process, self._guard, self._flying = os.getpid(), threading.Lock(), None
            # Nor may its connections be used. A client that was passed as `http` is kept.
            self._http = None if isinstance(self._http, _Own) else self._http
        with self._guard:
            if self._flying is None:
                if self._token is not None and self._now() < self._token.renew_at:  # arrived meanwhile
                    come: Future[Token] = Future()
                    come.set_result(self._token)
                    return come
                self._flying = Future()
                self._flying.set_running_or_notify_cancel()  # one waiter cannot cancel it for the others
                threading.Thread(
                    target=self._fly, args=(self._flying,), name="secret-bridge-token", daemon=True
                ).start()
            return self._flying

    def _fly(self, flight: Future[Token]) -> None:
        """Obtain a token and hand it to every caller that waits for this request."""
        try:
            token, error = self._obtain(), None
        except ConsumerError as raised:
            token, error = None, raised
        except Usage as raised:  # of `egress`: its message names the variable
            token, error = None, TokenError(f"{raised.message}; {raised.hint}", 0)
        except BaseException as raised:  # noqa: BLE001  # else the waiting callers would wait forever
            token, error = None, TokenError(f"no token could be had ({type(raised).__name__})", 0)
        with self._guard:
            # Cleared before the waiting callers wake up, so that one that asks again at once starts a new request.
            self._flying = None
            if token is not None:
                self._token = token
            elif self._token is not None:
                # The next try comes a little later. Each call would start one otherwise while
                # the token endpoint is down.
                self._token = replace(self._token, renew_at=self._now() + AGAIN)
        if token is not None:
            flight.set_result(token)
        else:
            flight.set_exception(error)

    def _obtain(self) -> Token:
        """Ask for a token with each candidate until one is not refused.

        Raises:
            AllRefused: Auth0 answered 401 to every candidate.
            TokenError: there was no answer, or another error.
        """
        # The iteration reads the sink again and waits where that makes sense. Only a 401 may go on to the next value:
        # any other answer does not say that the secret is wrong.
        for candidate in self._secret.candidates():
            # Before the request, because the token's life begins when Auth0 makes it. Counted from the answer
            # it would be used for too long.
            began = self._now()
            answer = self._ask(candidate)
            if answer.status_code == UNAUTHORISED:
                continue
            if answer.status_code < 500 and answer.status_code != 429:
                candidate.accepted()  # 403 too: the secret was right, something else is not allowed
            return token_in(answer, began)
        raise AllRefused(
            f"Auth0 refuses every value of {self._secret.uri} for {self._secret.client_id}",
            "see secret-bridge verify, and secret-bridge sync if it was changed in the dashboard",
        )

    def _ask(self, candidate: Candidate) -> httpx.Response:
        if self._http is None:
            self._http = _Own(self._url)
        body = {"grant_type": "client_credentials", **self._asked}
        try:
            if self._basic:
                # RFC 6749 section 2.3.1: both parts are form-encoded before they go into the header.
                name = quote(self._secret.client_id, safe="")
                return self._http.post(self._url, json=body, auth=(name, quote(candidate.reveal(), safe="")))
            # `from None` below: httpx's exceptions keep the request, and the request holds the secret.
            return self._http.post(
                self._url, json={**body, "client_id": self._secret.client_id, "client_secret": candidate.reveal()}
            )
        except httpx.HTTPError as error:
            raise TokenError(f"no answer from {self._url} ({type(error).__name__})", 0) from None


class TokenClient(httpx.Client):
    """An HTTP client for token requests to one tenant, each of which ends within `TIMEOUT` seconds.

    Raises:
        Usage: a variable for proxies or authorities cannot be used. The message names it.
    """

    def __init__(self, url: str) -> None:
        super().__init__(timeout=TIMEOUT, transport=Transport(egress(url), TIMEOUT), trust_env=False)
        self.headers["User-Agent"] = "secret-bridge-consumer"


class _Own(TokenClient):
    """An HTTP client that this module opened, so it may also close it."""


def _authorised(request: httpx.Request, text: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {text}"
    return request
