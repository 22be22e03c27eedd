"""HTTP to Auth0: the client, the translation of httpx's exceptions, and the retries within rate limits and leases."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge import __version__
from bridge.auth0.answers import judge
from bridge.auth0.egress import Egress, egress
from bridge.auth0.errors import Auth0Error, Limited, Unreachable
from bridge.auth0.limits import ATTEMPTS, BUDGET_SECONDS, is_used_up, wait_asked, wait_before_retry
from bridge.auth0.pace import TOKENS, Pace, Pacing
from bridge.model.tenant_address import display_name
from sinks import request_ids, wire
from sinks.clock import Clock
from sinks.errors import Expired

if TYPE_CHECKING:
    import httpx

    Ask = Callable[[httpx.Client, dict[str, Any]], httpx.Response]
    """A request to make with a client and with these extensions (the lease's)."""

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL, TOTAL_SECONDS = "total", 20.0
"""The extension that says how many seconds a request may take in all, and its default."""
USER_AGENT = f"secret-bridge/{__version__}"
"""The User-Agent by which the bridge's requests are found in the tenant's logs."""
TOKEN_PATH = "/oauth/token"  # every probe goes there by POST, although it changes nothing and is meant to fail
REQUEST_IDS = ("x-auth0-requestid", "x-request-id", "x-correlation-id")
"""The headers that may hold the request's id. The first one that is present counts."""
LOG = logging.getLogger(__name__)


def build_client(base: str, transport: httpx.BaseTransport | None = None, way: Egress | None = None) -> httpx.Client:
    """Return the HTTP client for the tenant at the URL `base`.

    Redirects are not followed, because they could take a secret to another server. `transport` stands in for the
    network, and `way` is how to get there.

    Raises:
        Usage: an environment variable that matters for the way cannot be used.
    """
    import httpx

    from bridge.auth0.transport import Transport

    return httpx.Client(
        base_url=base,
        transport=transport or Transport(way or egress(base)),
        # Without a timeout, a server that stays silent would keep the sinks locked.
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        event_hooks={"request": [_correlate], "response": [_log]},
        trust_env=False,  # `egress` has read the environment
    )


def _log(response: httpx.Response) -> None:
    method, path = response.request.method, response.request.url.path
    # Method, path and status only. Headers and bodies hold secrets, and queries may.
    LOG.debug("%s %s -> %d", method, path, response.status_code)
    changes = request_ids.changing(method)
    if not path.endswith(TOKEN_PATH) and request_ids.wanted(changes=changes, status=response.status_code):
        request_ids.note("auth0", next((text for name in REQUEST_IDS if (text := response.headers.get(name))), None))


def _correlate(request: httpx.Request) -> None:
    """Send our own id with each change, which Auth0 writes into its log.

    Unlike the id that Auth0 returns, it is known even if the answer is lost.
    """
    own = request_ids.correlation()
    if own and request_ids.changing(request.method) and not request.url.path.endswith(TOKEN_PATH):
        request.headers["X-Correlation-ID"] = own


@contextmanager
def translated(tenant: str, doing: str, variable: str = "") -> Iterator[None]:
    """Turn the exceptions of httpx into `Unreachable`.

    The message names the exception's class only, because its text may hold anything. `maybe_done` is False if no
    request was sent. `variable` names where the proxy comes from, if there is one.
    """
    import httpx

    from bridge.auth0.transport import LARGEST, TooLarge

    # In all of these the request was not sent, so another try cannot act twice.
    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
    try:
        yield
    except unsent as error:
        raise Unreachable(
            f"{tenant} cannot be reached{f' through the proxy of {variable}' * bool(variable)} for {doing} "
            f"({type(error).__name__})",
            f"check the domain, the network, {variable or 'the proxy'} and the certificates",
            maybe_done=False,
        ) from None
    except TooLarge:
        raise Unreachable(f"{tenant} answered {doing} with more than {LARGEST >> 20} MiB") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, UnicodeError) as error:
        raise Unreachable(f"{tenant} gave no usable answer to {doing} ({type(error).__name__})") from None


class Http:
    """The HTTP client of one tenant, which obeys rate limits and leases.

    `close` may be called. Otherwise the connections are closed when the object is collected as garbage.
    """

    def __init__(
        self,
        base: str,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        pacing: Pacing = Pacing(),  # noqa: B008  # it is frozen
    ) -> None:
        self.tenant = display_name(base)
        way = egress(base) if transport is None else Egress()
        self.proxy_variable = way.variable
        """Where the proxy comes from, or an empty text without a proxy."""
        self.client = build_client(base, transport, way)
        # Sessions have no end of their own, so the connections are closed with the object.
        self.close = weakref.finalize(self, self.client.close)
        self._clock = clock
        self.pace = Pace(clock, pacing)
        """The pace of the requests that the Management API's limit counts."""
        self.token_pace = Pace(clock, sustained=TOKENS)
        """The pace of the requests to the token endpoint: those for a token, and probes."""

    def send(self, ask: Ask, *, doing: str, safe: bool, before: float | None = None, paced: bool = True) -> Any:
        """Send a request, retry it where that is allowed, and return the JSON answer.

        A 429 is always retried, because Auth0 did not carry the request out. A request without a usable answer is
        retried only if it is `safe` to send twice. `before` is the end of the lease in monotonic seconds: no attempt
        begins after it, and none may take longer than the time that is left. `paced` requests count towards the
        Management API's rate limit. The token endpoint has a limit of its own.

        Raises:
            Auth0Error: the last attempt failed. `Unreachable.maybe_done` says whether an attempt may have been
                carried out.
            Expired: the request was not carried out, because the lease was too short for it.
        """
        doubtful = False

        def once() -> Any:
            nonlocal doubtful
            pace = self.pace if paced else self.token_pace
            pace.take(urgent=before is not None)
            try:
                return self._once(ask, doing, before, pace)
            except Unreachable as error:
                doubtful = doubtful or error.maybe_done
                raise

        try:
            return self._patiently(once, safe=safe, before=before)
        except (Auth0Error, Expired) as error:
            known = isinstance(error, Unreachable) and error.maybe_done
            # An earlier attempt may have been carried out, so the last error must not say that nothing was done.
            if before is not None and doubtful and not known:
                raise Unreachable(f"{error.message}; an earlier attempt at {doing} gave no usable answer") from None
            if before is None or not isinstance(error, Limited) or not 0 < (error.wait or 0) <= BUDGET_SECONDS:
                raise
            # The wait does not fit into the lease. It is spent here, because the caller looks again after `Expired`.
            self._clock.sleep(error.wait or 0)
            raise Expired(f"{self.tenant} limits the rate of requests; {doing} did not fit into the lease") from None

    def _patiently(self, once: Callable[[], Any], *, safe: bool, before: float | None) -> Any:
        """Call `once`, up to `ATTEMPTS` times, and return its answer.

        A call without a usable answer is repeated only if that is `safe`. A wait that would not end within
        `BUDGET_SECONDS` of the first attempt, or before `before` (monotonic seconds), is not begun.

        Raises:
            Limited: the rate limit outlasts the attempts, the budget or the time until `before`.
            Unreachable: an attempt gave no usable answer, and no other is allowed or in time.
        """
        attempt, began = 1, self._clock.monotonic()
        while True:
            try:
                return once()
            except (Limited, Unreachable) as error:
                wait = wait_before_retry(attempt, error.wait)
                # A 429 promises that the request was not carried out. Any other failure leaves that open.
                allowed = attempt < ATTEMPTS and (safe or isinstance(error, Limited))
                in_time = before is None or self._clock.monotonic() + wait < before
                # A server that answers in drops uses up the budget, too.
                spent = self._clock.monotonic() - began
                if not allowed or not in_time or spent + wait > BUDGET_SECONDS:
                    raise
            self._clock.sleep(wait)
            attempt += 1

    def _once(self, ask: Ask, doing: str, before: float | None, pace: Pace) -> Any:
        self._check(doing, before)
        in_time = partial(self._check, doing, before)
        with translated(self.tenant, doing, self.proxy_variable), wire.checked(in_time):
            response = ask(self.client, self._extensions(doing, before, pace))
        self.heard(response, pace)
        return judge(response, tenant=self.tenant, doing=doing, now=self._clock.now())

    def heard(self, response: httpx.Response, pace: Pace) -> None:
        """Learn from an answer how fast the next requests may come."""
        pace.heard(response.headers, good=response.is_success)
        if is_used_up(response.headers):
            # A reset far in the future must not stall an operation that holds its sinks. If it is meant, the next
            # request gets a 429, whose error names the wait.
            wait = wait_asked(response.headers, self._clock.now()) or 0.0
            pace.hold(wait if wait <= BUDGET_SECONDS / ATTEMPTS else 0.0)

    def _check(self, doing: str, before: float | None) -> None:
        # A process that was suspended wakes up here. By now another one may hold the sinks (ADR 5).
        if before is not None and self._clock.monotonic() >= before:
            raise Expired(f"{doing} at {self.tenant} did not fit into the lease; nothing was sent")

    def _extensions(self, doing: str, before: float | None, pace: Pace) -> dict[str, Any]:
        """Return the extensions that make httpx end a request by its deadline, and tell `pace` when it is sent.

        The time that connecting takes is not known in advance. httpcore calls `trace` at each step, and reads the
        timeout of a step from the same mapping when that step begins. So `trace` can check the deadline once more, and
        shorten the read timeout, just before the request is sent.
        """
        timeouts: dict[str, float] = {}

        def trace(step: str, _info: dict[str, Any]) -> None:
            if step.endswith("send_request_headers.started"):
                self._check(doing, before)
                if before is not None:
                    timeouts["read"] = max(0.001, min(before - self._clock.monotonic(), READ_SECONDS))
                pace.sending()

        if before is None:
            return {"trace": trace}
        left = max(0.001, before - self._clock.monotonic())
        timeouts |= {
            "connect": min(left, CONNECT_SECONDS),
            "pool": left,
            "write": left,
            "read": min(left, READ_SECONDS),
        }
        # A server could send a byte before each timeout. So all steps together have an end, too.
        return {"timeout": timeouts, "trace": trace, TOTAL: min(left, TOTAL_SECONDS)}
