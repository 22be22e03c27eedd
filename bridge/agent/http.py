"""Requests and answers of an ASGI application, with bounds on what is read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bridge.agent.answers import Answer, Refusal
from bridge.agent.asked import Headers

LARGEST = 16 * 1024
"""The most bytes of a request's headers. A token request has a few hundred, and its body as well."""
CALLER = "caller"
"""Where the server keeps the `Caller` of a connection, in the `state` of each request."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def answered(answering: Awaitable[Answer], scope: Scope, send: Send, log: logging.Logger) -> None:
    """Send an answer when it is there, or the refusal. Of any other error only its kind is logged."""
    try:
        answer = await answering
    except Refusal as refusal:
        answer = refusal.answer
    except Exception as error:  # noqa: BLE001  # its text may hold what the caller sent
        log.error("a request failed: %s", type(error).__name__)  # noqa: TRY400  # no traceback: as above
        answer = Refusal(500, "server_error", "this request failed here: see the log").answer
    await _sent(answer, scope, send)


async def _sent(answer: Answer, scope: Scope, send: Send) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, length]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def only(method: str, *allowed: str) -> None:
    """Refuse other methods.

    Raises:
        Refusal: it is another one.
    """
    if method not in allowed:
        raise Refusal(405, "invalid_request", f"method: expected {' or '.join(allowed)}", allow=", ".join(allowed))


def headers_of(scope: Scope) -> dict[str, list[str]]:
    """Return a request's headers.

    Raises:
        Refusal: they are larger than `LARGEST`. The server lets some more through.
    """
    if sum(len(name) + len(text) for name, text in scope["headers"]) > LARGEST:
        raise Refusal(431, "invalid_request", f"the headers have more than {LARGEST} bytes")
    found: dict[str, list[str]] = {}
    for name, text in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(text.decode("latin-1"))
    return found


async def body_of(headers: Headers, receive: Receive, most: int, expected: str) -> bytes:
    """Return a request's body. `expected` says in words what it should be.

    Raises:
        Refusal: it has more than `most` bytes, its length is said twice, or the caller went away.
    """
    large = Refusal(413, "invalid_request", f"the body has more than {most} bytes, expected {expected}")
    if "transfer-encoding" in headers and "content-length" in headers:  # RFC 9112 section 6.1: it may be an attack
        raise Refusal(400, "invalid_request", "found Content-Length and Transfer-Encoding, expected one of them")
    length = headers.get("content-length", ("0",))[0]
    if length.isdigit() and int(length[:9]) > most:
        raise large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "invalid_request", "the caller went away")
        body += message.get("body", b"")
        if len(body) > most:
            raise large
        if not message.get("more_body", False):
            return bytes(body)
