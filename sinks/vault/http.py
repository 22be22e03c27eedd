"""The HTTP adapter under hvac: an end for each call, no redirects, the server's clock, retries of reads only.

hvac itself has no deadline for one call and repeats nothing. An adapter is the one point that every request passes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from sinks import request_ids, tls, wire
from sinks.clock import Clock
from sinks.errors import Denied, Expired, Unavailable
from sinks.vault.transport import POOLS, READ

LOG = logging.getLogger(__name__)
CONNECT = 3.05
"""Seconds to connect."""
ATTEMPTS = 4
BUDGET = 60.0
"""Seconds that all waits of one call may take together."""
FIRST_WAIT = 0.2  # seconds, doubled each time
LARGEST = 4 * 1024 * 1024
"""Bytes of an answer, decoded. A document has at most 1 MiB, and the metadata of a key some bytes for each version."""
CHUNK = 16_384  # bytes
# 412: a standby has not got the state yet that the request asks for. Without 503: a sealed server answers with it, and
# waiting does not unseal it.
BUSY = frozenset({412, 429, 502, 504})
DENIED, NOT_ALLOWED = 403, 405
TOKEN = "X-Vault-Token"
LEAST = "Vault 1.9 or newer, or OpenBao"  # the first with PATCH of metadata
ASKING = frozenset({429, 503})
"""The statuses with which a server, or what stands before it, asks to wait (`Retry-After`)."""


CONNECTIONS = 32
"""How many connections are kept for further requests. More threads than that would open new ones again and again."""
# A lease is one operation's, and the adapter is shared by all.
_DEADLINE: ContextVar[float | None] = ContextVar("sinks.vault.http", default=None)
_MOST: ContextVar[int] = ContextVar("sinks.vault.http.most", default=LARGEST)


class Adapter(HTTPAdapter):
    """The adapter that sends hvac's requests, by any number of threads.

    `context` is the TLS context of all connections. A client's certificate is loaded into it.

    Only GET is sent again. A write whose answer is lost may have been done, so the caller reads first.
    """

    def __init__(
        self, clock: Clock, server_name: str | None, another_token: Callable[[str], str | None] = lambda _: None
    ) -> None:
        self._clock = clock
        self._another_token = another_token
        self.context = tls.context()
        self._tls: dict[str, Any] = {"ssl_context": self.context}
        if server_name:
            self._tls |= {"server_hostname": server_name, "assert_hostname": server_name}
        self._seen: tuple[datetime, float] | None = None  # the latest answer's date, and when it came
        super().__init__(max_retries=0, pool_maxsize=CONNECTIONS)

    @contextmanager
    def within(self, deadline: float | None) -> Iterator[None]:
        """Set the monotonic end of this thread's calls. None: they have none but their own."""
        token = _DEADLINE.set(deadline)
        try:
            yield
        finally:
            _DEADLINE.reset(token)

    @contextmanager
    def taking(self, most: int) -> Iterator[None]:
        """Set how many bytes an answer to this thread may have."""
        token = _MOST.set(most)
        try:
            yield
        finally:
            _MOST.reset(token)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Set TLS with the configured server name, and connections that end.

        requests has no setting for either, so urllib3's pool is told directly.
        """
        kwargs.update(self._tls)
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Set the same for what goes through a proxy. SOCKS has connections of its own, whose heads have no end."""
        manager = super().proxy_manager_for(proxy, **kwargs, **self._tls)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request within the deadline, and a GET without one again where that may help.

        What is denied because the token has ended is sent again with another one, whatever the request is: it was not
        carried out.

        Raises:
            Expired: the deadline passed before the request was sent, or before it was answered.
            Denied: the server does not take such requests.
            Unavailable: the server redirects (the token is not sent to another address), it asks to wait for longer
                than `BUDGET`, or its answer is larger than `LARGEST`.
        """
        response = self._patiently(request, *args, **kwargs)
        used = str(request.headers.get(TOKEN) or "")
        if response.status_code == DENIED and (token := self._another_token(used)):
            request.headers[TOKEN] = token
            response = self._patiently(request, *args, **kwargs)
        return response

    def _patiently(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        # Under a deadline nothing is sent again, not even after a lost connection: it could end after the lease.
        attempts = ATTEMPTS if _DEADLINE.get() is None and request.method == "GET" else 1
        attempt, waited = 1, 0.0
        while True:
            wait = FIRST_WAIT * 2 ** (attempt - 1)
            try:
                response = self._once(request, *args, **kwargs)
            except requests.exceptions.SSLError:
                raise  # another try gets the same certificate
            except (requests.exceptions.ConnectionError, requests.exceptions.Timeout):
                if attempt == attempts:
                    raise
            else:
                asked = _wait_asked(response)
                wait = max(wait, asked)
                last = attempt == attempts or waited + wait > BUDGET
                if last and asked:
                    raise _asks_to_wait(response, asked)
                if last or not (asked or response.status_code in BUSY):
                    return response
            self._clock.sleep(wait)
            attempt, waited = attempt + 1, waited + wait

    def _once(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        deadline = _DEADLINE.get()

        def in_time() -> float:
            left = READ if deadline is None else deadline - self._clock.monotonic()
            if left <= 0:
                raise Expired("the call was not sent: its lease had ended")
            return left

        left = in_time()
        kwargs |= {"timeout": (min(CONNECT, left), min(READ, left)), "stream": True}
        with wire.checked(in_time):
            response = super().send(request, *args, **kwargs)
        came = self._clock.monotonic()  # the date is that of the head, and the body may take long
        # Method, path and status only: queries and bodies may hold secrets.
        LOG.debug("%s %s -> %d", request.method, request.path_url.partition("?")[0], response.status_code)
        try:
            # requests has no public way to take a body that was read before.
            response._content = self._body(response, deadline)  # noqa: SLF001
        except BaseException:
            response.close()  # what is left of the answer must not be taken for the next one
            raise
        if "Date" in response.headers:
            self._seen = _date(response.headers["Date"]), came
        if request_ids.wanted(changes=request_ids.changing(request.method), status=response.status_code):
            request_ids.note("vault", _request_id(response))
        return response

    def _body(self, response: requests.Response, deadline: float | None) -> bytes:
        """Read an answer's body, decoded, and check its size and its end."""
        if response.is_redirect:
            raise Unavailable(
                "this Vault server is a standby, or stands behind a redirect; the token was not sent on",
                f"set VAULT_ADDR to the active node ({response.headers.get('Location', '?').split('/v1/')[0]})",
            )
        if response.status_code == NOT_ALLOWED:
            raise Denied(
                f"the Vault server, or a gateway before it, does not take {response.request.method} (405)",
                f"secret-bridge needs {LEAST}; a gateway has to let PATCH through",
            )
        end = self._clock.monotonic() + READ if deadline is None else deadline
        body = bytearray()
        try:
            # By single reads from the socket: a server that sends a byte at a time lets none of them time out.
            while part := response.raw.read1(CHUNK, decode_content=True):
                body += part
                if len(body) > (most := _MOST.get()):
                    raise Unavailable(f"the answer has more than {most} bytes, which no answer of Vault's has")
                if self._clock.monotonic() > end:
                    break
        except ReadTimeoutError:
            raise requests.exceptions.ReadTimeout from None
        except HTTPError:
            raise requests.exceptions.ChunkedEncodingError from None
        if self._clock.monotonic() <= end:
            return bytes(body)
        if deadline is not None:
            raise Expired("the call was answered after its lease had ended")
        raise requests.exceptions.ReadTimeout

    def now(self) -> datetime:
        """Return the server's clock, from the Date of its latest answer (whole seconds, as in HTTP).

        Before the first answer this is the machine's own time.
        """
        if self._seen is None:
            return datetime.now(UTC)
        date, came = self._seen
        return date + timedelta(seconds=self._clock.monotonic() - came)


def _date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    # HTTP dates are in GMT (RFC 9110, section 5.6.7), even where they say that the zone is unknown.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wait_asked(response: requests.Response) -> float:
    """Return the seconds that a busy server asks to wait before the next request, or 0."""
    text = response.headers.get("Retry-After", "") if response.status_code in ASKING else ""
    if text.isdecimal():
        return float(text)
    with suppress(ValueError, KeyError):
        # A date is in the server's own time.
        return max(0.0, (_date(text) - _date(response.headers["Date"])).total_seconds())
    return 0.0


def _asks_to_wait(response: requests.Response, seconds: float) -> Unavailable:
    return Unavailable(
        f"the Vault server asks to wait {seconds:.0f} s before the next request ({response.status_code})",
        "nothing is lost; run the same command again after that",
    )


def _request_id(response: requests.Response) -> object:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):  # an answer without a body (204) has no id
        return None
    return body.get("request_id") if isinstance(body, dict) else None
