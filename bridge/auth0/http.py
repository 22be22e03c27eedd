"""HTTP to Auth0: one client, one translation of httpx's exceptions, and the only place where calls are repeated."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bridge import __version__
from bridge.auth0.answers import judge
from bridge.auth0.errors import Auth0Error, Limited, Unreachable
from bridge.auth0.limits import ATTEMPTS, BUDGET_SECONDS, Patience, is_used_up, wait_asked
from bridge.model.tenant_address import display_name
from sinks import request_ids
from sinks.clock import Clock
from sinks.errors import Expired

if TYPE_CHECKING:
    import httpx

    Ask = Callable[[httpx.Client, dict[str, Any]], httpx.Response]
    """A request to make with a client and with these extensions (the lease's)."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
USER_AGENT = f"secret-bridge/{__version__}"
"""The name by which the bridge's requests are found in the tenant's logs."""
TOKEN_PATH = "/oauth/token"  # where every probe goes: neither a change nor a failure
REQUEST_IDS = ("x-auth0-requestid", "x-request-id", "x-correlation-id")
"""The headers of an answer that may name the request, the first one that is there counts."""
LOG = logging.getLogger(__name__)


def build_client(base: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return the HTTP client for a tenant. Redirects are not followed: they would take a secret elsewhere."""
    import httpx

    return httpx.Client(
        base_url=base,
        transport=transport,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        event_hooks={"request": [_correlate], "response": [_log]},
        trust_env=base.startswith("https://"),  # loopback has no use for a proxy
    )


def _log(response: httpx.Response) -> None:
    method, path = response.request.method, response.request.url.path
    LOG.debug("%s %s -> %d", method, path, response.status_code)
    changes = request_ids.changing(method)
    if not path.endswith(TOKEN_PATH) and request_ids.wanted(changes=changes, status=response.status_code):
        request_ids.note("auth0", next((text for name in REQUEST_IDS if (text := response.headers.get(name))), None))


def _correlate(request: httpx.Request) -> None:
    """Have Auth0 write our own id into its log of a change: it is known even where the answer is lost."""
    own = request_ids.correlation()
    if own and request_ids.changing(request.method) and not request.url.path.endswith(TOKEN_PATH):
        request.headers["X-Correlation-ID"] = own


@contextmanager
def translated(tenant: str, doing: str) -> Iterator[None]:
    """Turn whatever httpx raises into `Unreachable`, naming only the exception's class."""
    import httpx

    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
    try:
        yield
    except unsent as error:
        raise Unreachable(
            f"{tenant} cannot be reached for {doing} ({type(error).__name__})",
            "check the domain, the network, the proxy and the certificates",
            maybe_done=False,
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, UnicodeError) as error:
        raise Unreachable(f"{tenant} gave no usable answer to {doing} ({type(error).__name__})") from None


class Http:
    """A tenant's HTTP client that obeys rate limits and leases. `close` it, or leave it to the garbage collector."""

    def __init__(self, base: str, clock: Clock, transport: httpx.BaseTransport | None = None) -> None:
        self.tenant = display_name(base)
        self.client = build_client(base, transport)
        self.close = weakref.finalize(self, self.client.close)
        self._clock = clock
        self._free_at = clock.monotonic()

    def send(self, ask: Ask, *, doing: str, safe: bool, before: float | None = None, paced: bool = True) -> Any:
        """Ask and return the JSON answer; wait where Auth0 says so, repeat what is certainly or harmlessly repeatable.

        429 is repeated (it was not carried out); other failures only when `safe`. No attempt begins after `before`
        (monotonic seconds), and none may take longer than what is left until then. `paced`: counts towards the
        Management API's rate limit (the token endpoint has its own).

        Raises:
            Auth0Error: by kind. `Unreachable.maybe_done` tells whether the request may have been carried out.
            Expired: not carried out, because it could not be `before`.
        """
        patience = Patience(self._clock, safe=safe, before=before)
        doubtful = False

        def once() -> Any:
            nonlocal doubtful
            if paced:
                self._pace()
            try:
                return self._once(ask, doing, before)
            except Unreachable as error:
                doubtful = doubtful or error.maybe_done
                raise

        try:
            return _with_patience(once, patience)
        except (Auth0Error, Expired) as error:
            known = isinstance(error, Unreachable) and error.maybe_done
            if before is not None and doubtful and not known:  # an earlier attempt may have been carried out
                raise Unreachable(f"{error.message}; an earlier attempt at {doing} gave no usable answer") from None
            if before is None or not isinstance(error, Limited) or not 0 < (error.wait or 0) <= BUDGET_SECONDS:
                raise
            self._clock.sleep(error.wait or 0)
            raise Expired(f"{self.tenant} limits the rate of requests; {doing} did not fit into the lease") from None

    def _once(self, ask: Ask, doing: str, before: float | None) -> Any:
        self._check(doing, before)
        with translated(self.tenant, doing):
            response = ask(self.client, self._lease(doing, before))
        if is_used_up(response.headers):
            wait = wait_asked(response.headers, self._clock.now()) or 0.0
            self._free_at = self._clock.monotonic() + min(wait, BUDGET_SECONDS / ATTEMPTS)
        return judge(response, tenant=self.tenant, doing=doing, now=self._clock.now())

    def _pace(self) -> None:
        """Wait until a request is free again, where the last answer said that none is."""
        wait = self._free_at - self._clock.monotonic()
        if wait > 0:
            self._clock.sleep(wait)

    def _check(self, doing: str, before: float | None) -> None:
        if before is not None and self._clock.monotonic() >= before:
            raise Expired(f"{doing} at {self.tenant} did not fit into the lease; nothing was sent")

    def _lease(self, doing: str, before: float | None) -> dict[str, Any]:
        """Return the request's extensions that hold it to its deadline, whatever connecting took.

        httpcore calls `trace` at each step, and reads the timeout of a step from the same mapping when it begins.
        """
        if before is None:
            return {}
        left = max(0.001, before - self._clock.monotonic())
        timeouts = {"connect": min(left, CONNECT_SECONDS), "pool": left, "write": left, "read": min(left, READ_SECONDS)}

        def trace(step: str, _info: dict[str, Any]) -> None:
            if step.endswith("send_request_headers.started"):
                self._check(doing, before)
                timeouts["read"] = max(0.001, min(before - self._clock.monotonic(), READ_SECONDS))

        return {"timeout": timeouts, "trace": trace}


def _with_patience(once: Callable[[], Any], patience: Patience) -> Any:
    """Ask once, and again as the patience goes; stamina is loaded only then, because it costs 60 ms."""
    try:
        return once()
    except Auth0Error as error:
        if not patience.covers(error):
            raise
        failed = [error]  # it counts as stamina's first attempt
    import stamina

    for attempt in stamina.retry_context(on=patience, attempts=ATTEMPTS, timeout=None):
        with attempt:
            if failed:
                raise failed.pop()
            return once()
    raise AssertionError("stamina ends with an answer or an exception")
