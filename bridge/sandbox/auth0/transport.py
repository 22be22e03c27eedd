"""Runs the application for one request, and injects the fault that a rule demands.

It works below HTTP's meaning and above the socket: it sees whole requests and answers.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from bridge.sandbox.auth0.answers import EXPIRED, limited, unauthorized
from bridge.sandbox.auth0.control import PREFIX
from bridge.sandbox.auth0.faults import Fault, FaultKind
from bridge.sandbox.auth0.tenant import Tenant

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

HTML_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class ConnectionLost(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    With `cut`, only half of the body is sent, and then the connection is closed.
    """

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool = False


def answer(app: WsgiApp, tenant: Tenant, environ: Environ) -> Answer:
    """Answer one request, with the fault that applies to it, if any.

    The control endpoints are neither recorded nor subject to faults.

    Raises:
        ConnectionLost: no answer is to be sent.
    """
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    # The body is always read to its end, so that the connection can serve another request.
    body = environ["wsgi.input"].read(*_length(environ))
    environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    if path.startswith(PREFIX):
        return _run(app, environ)
    tenant.record(method, path, environ.get("HTTP_USER_AGENT", ""))
    # Recorded before the fault, because a request whose connection is dropped has arrived, too.
    fault = tenant.next_fault(method, path)
    if fault is None:
        return _run(app, environ)
    if (instead := _before(fault, tenant, path)) is not None:
        return instead
    return _after(fault, tenant, _run(app, environ))


def _before(fault: Fault, tenant: Tenant, path: str) -> Answer | None:
    """Return the answer of a fault that prevents the effect. None lets the request through.

    Raises:
        ConnectionLost: the connection is to be closed without an answer.
    """
    match fault.kind:
        case FaultKind.DROPPED:
            raise ConnectionLost
        case FaultKind.SLOW_BEFORE:
            tenant.clock.sleep(fault.delay.total_seconds())
        case FaultKind.ERROR_BEFORE:
            return _error(fault.status)
        case FaultKind.HTML:
            return _page()
        case FaultKind.REDIRECT:
            location = fault.location or f"{tenant.base_url}/elsewhere"
            return Answer(_line(301), (("Location", location), ("Content-Length", "0")), b"")
        case FaultKind.LIMITED:
            return _limited(fault, tenant, path)
        case FaultKind.EXPIRED:
            return _json(401, unauthorized(EXPIRED).body())
    return None


def _after(fault: Fault, tenant: Tenant, done: Answer) -> Answer:
    """Return the answer of a fault that leaves the effect, which has happened by now.

    This is the lost answer that a rotation must survive: Auth0 has the new value, and the caller does not know it.

    Raises:
        ConnectionLost: the connection is to be closed without an answer.
    """
    match fault.kind:
        case FaultKind.LOST:
            raise ConnectionLost
        case FaultKind.SLOW_AFTER:
            tenant.clock.sleep(fault.delay.total_seconds())
        case FaultKind.ERROR_AFTER:
            return _error(fault.status)
        case FaultKind.HTML_AFTER:
            return _page()
        case FaultKind.TRUNCATED:
            return replace(done, cut=True)
    return done


def _limited(fault: Fault, tenant: Tenant, path: str) -> Answer:
    # The clients under test have to wait by this header if there is no `Retry-After`.
    reset = math.ceil(tenant.clock.now().timestamp()) + 1
    headers = [("x-ratelimit-limit", "10"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", str(reset))]
    if fault.retry_after is not None:
        headers.append(("Retry-After", str(math.ceil(fault.retry_after.total_seconds()))))
    return _json(429, limited(path).body(), *headers)


def _error(status: int) -> Answer:
    phrase = HTTPStatus(status).phrase
    return _json(status, {"statusCode": status, "error": phrase, "message": phrase})


def _page() -> Answer:
    """Return a 502 with an HTML page, as a proxy sends it.

    Callers that expect JSON must not fail on it.
    """
    return Answer(_line(502), (("Content-Type", "text/html"), ("Content-Length", str(len(HTML_PAGE)))), HTML_PAGE)


def _json(status: int, body: dict[str, object], *headers: tuple[str, str]) -> Answer:
    text = json.dumps(body).encode()
    fixed = (("Content-Type", "application/json"), ("Content-Length", str(len(text))))
    return Answer(_line(status), (*fixed, *headers), text)


def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _run(app: WsgiApp, environ: Environ) -> Answer:
    told: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[..., None]:
        told[:] = [status, tuple(headers)]
        return lambda _data: None

    # The whole answer is collected before anything is sent, because a fault may replace it.
    parts = app(environ, start_response)
    try:
        text = b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    return Answer(told[0], told[1], text)


def _length(environ: Environ) -> tuple[int, ...]:
    """Return the argument for reading the body: its length, or nothing if the stream ends by itself.

    werkzeug marks such a stream by `wsgi.input_terminated`.
    """
    return () if environ.get("wsgi.input_terminated") else (int(environ.get("CONTENT_LENGTH") or 0),)
