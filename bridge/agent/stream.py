"""Where Auth0's log streams arrive: an ASGI application, and its server in a thread.

Auth0 sends batches of new log entries by POST, as an array, as one object, or as lines of JSON, each
`{"log_id": …, "data": {…}}`, and the stream's token as the whole `Authorization` header
(https://auth0.com/docs/customize/log-streams/custom-log-streams). It repeats a batch that is not answered by a 2xx, and
after days of failures it switches the stream off.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.agent.answers import Answer, Refusal, text_answer
from bridge.agent.asked import Headers
from bridge.agent.callers import BROWSERS, FORBIDDEN, token_of
from bridge.agent.http import Receive, Scope, Send, answered, body_of, headers_of, only
from bridge.agent.server import serving
from bridge.agent.sockets import on_address
from bridge.config.agent import Listener
from bridge.config.references import resolve
from bridge.config.watch import WatchSettings
from sinks.secret import Secret

LOG = logging.getLogger("bridge.watch")
PATH = "/v1/logs/"
LARGEST_BATCH = 4 * 1024 * 1024
"""The most bytes of a batch. Auth0 sends up to a hundred entries, each of some kilobytes."""


@dataclass(frozen=True)
class Stream:
    """One tenant's stream."""

    token: Secret
    """What Auth0 sends as `Authorization`."""
    take: Callable[[list[Any]], int]
    """Takes entries, and returns how many of them matter. It is called in the server's thread, and returns at once."""


@dataclass(frozen=True)
class Streams:
    """The ASGI application: `POST /v1/logs/TENANT`, and `GET /healthz`."""

    tenants: Mapping[str, Stream]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        await answered(self._answer(scope, receive), scope, send, LOG)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers, method, path = headers_of(scope), scope["method"], scope["path"]
        if any(name in headers for name in BROWSERS):
            raise Refusal(FORBIDDEN, "access_denied", "browsers are not served here")
        if path == "/healthz":
            only(method, "GET", "HEAD")
            return text_answer("ok\n")
        if not path.startswith(PATH):
            raise Refusal(404, "invalid_request", f"no such path: expected {PATH}TENANT or /healthz")
        only(method, "POST")
        stream = self._known(path.removeprefix(PATH), headers)
        told = entries(await body_of(headers, receive, LARGEST_BATCH, "a batch of log entries"))
        LOG.debug("a log stream sent %d entries, %d of them about managed clients", len(told), stream.take(told))
        return text_answer("ok\n")

    def _known(self, tenant: str, headers: Headers) -> Stream:
        """Return the stream of a tenant, if the request has its token. Nothing is read of any other."""
        shown = headers.get("authorization", ())
        text = shown[0].strip() if len(shown) == 1 else ""
        scheme, _, rest = text.partition(" ")
        given = rest.strip() if scheme.lower() == "bearer" else text
        stream = self.tenants.get(tenant)
        # `Secret` compares in constant time. Without a stream of that name, the answer is the same.
        if stream is None or not given or stream.token != Secret(given):
            raise Refusal(401, "access_denied", "expected the token of watch.streams.TENANT in Authorization")
        return stream


def entries(body: bytes) -> list[Any]:
    """Return the entries of a batch, in the form that `GET /api/v2/logs` has.

    Raises:
        Refusal: it is no JSON.
    """
    try:
        text = body.decode()
        try:
            told = json.loads(text)
        except ValueError:
            told = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid_request", "the body is neither JSON nor lines of JSON") from None
    found = [each for each in (told if isinstance(told, list) else [told]) if isinstance(each, dict)]
    return [{**each, **data} if isinstance(data := each.get("data"), dict) else each for each in found]


@contextlib.contextmanager
def receiving(settings: WatchSettings, takers: Mapping[str, Callable[[list[Any]], int]]) -> Iterator[Listener]:
    """Serve the streams of the tenants that have a taker, in a thread, until the end of the `with`.

    Raises:
        BridgeError: a token cannot be read, or the address cannot be listened on.
    """
    listener, streams = Listener(address=settings.address), {}
    for tenant, reference in settings.streams.items():
        token = token_of(reference, f"watch.streams.{tenant}", lambda each: resolve(each, os.environ))
        if token is not None and tenant in takers:
            streams[tenant] = Stream(token, takers[tenant])
    with serving(Streams(streams), listener, on_address(listener, "watch.address")):
        yield listener
