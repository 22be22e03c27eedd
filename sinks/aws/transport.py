"""Bounds what one exchange over HTTP may take: its time as a whole, and the size of its answer.

botocore bounds the wait for each piece of an answer, and neither of these. A server that sends a byte each second
would hold a call for hours.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import AWSConnection, AWSHTTPConnectionPool, AWSHTTPSConnectionPool, AWSResponse
from botocore.exceptions import BotoCoreError, ConnectionClosedError, HTTPClientError, ReadTimeoutError
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sinks import alarm, tls
from sinks.errors import Expired
from sinks.wire import Timed

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer, at most. A secret has 64 KiB, and a page of a listing not much more."""
PIECE = 64 * 1024


class TooLarge(BotoCoreError):  # type: ignore[misc]  # botocore publishes no types
    """An answer is larger than any answer of Secrets Manager."""

    fmt = "The answer is too large"


class _Exchange:
    """One request and its answer. `over` says whether its time ended before the answer was complete."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._alarm = alarm.after(seconds, self._end)

    def uses(self, made: socket.socket) -> None:
        """Note a socket, to be shut down when the time is over."""
        # A second handle of it: TLS takes the first one away, and a connection may close its own before the end.
        with self._lock:
            self._lines.append(socket.fromfd(made.fileno(), made.family, made.type))
        if self.over:
            self._end()

    def done(self) -> None:
        """Stop the time."""
        self._alarm.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    def _end(self) -> None:
        with self._lock:
            self.over = True
            for line in self._lines:
                with suppress(OSError):  # it has ended by itself
                    line.shutdown(socket.SHUT_RDWR)


_EXCHANGE: ContextVar[_Exchange | None] = ContextVar("sinks.aws.transport", default=None)


class _Shuttable:
    """A connection whose socket an exchange can shut down. That ends a read that waits for the server."""

    sock: Any

    def _new_conn(self) -> Any:
        made = super()._new_conn()  # type: ignore[misc]  # of urllib3's connection
        _noted(made)
        return made

    def request(self, *args: Any, **more: Any) -> Any:
        """Send a request, perhaps over a connection that is open already."""
        if self.sock is not None:
            _noted(self.sock)
        return super().request(*args, **more)  # type: ignore[misc]  # of urllib3's connection


def _noted(made: socket.socket) -> None:
    exchange = _EXCHANGE.get()
    if exchange is not None:
        exchange.uses(made)


class _Http(_Shuttable, AWSConnection, Timed, HTTPConnection):  # type: ignore[misc]  # botocore publishes no types
    pass


class _Https(_Shuttable, AWSConnection, Timed, HTTPSConnection):  # type: ignore[misc]  # botocore publishes no types
    pass


class _HttpPool(AWSHTTPConnectionPool):  # type: ignore[misc]  # botocore publishes no types
    ConnectionCls = _Http


class _HttpsPool(AWSHTTPSConnectionPool):  # type: ignore[misc]  # botocore publishes no types
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _Body:
    """An answer's body that was read already (the interface of urllib3's response)."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> list[bytes]:
        """Return the body in pieces."""
        return self._pieces


def bounded(client: Any) -> Any:
    """Bound every exchange of a client, and return it.

    An exchange takes as long as the client's two timeouts together, at most.
    """
    http = client._endpoint.http_session  # noqa: SLF001  # botocore has no setting for any of this
    http._pool_classes_by_scheme = http._manager.pool_classes_by_scheme = POOLS  # noqa: SLF001
    http._get_ssl_context = tls.context  # noqa: SLF001  # for proxies, whose connections are made later
    http._manager.connection_pool_kw["ssl_context"] = tls.context()  # noqa: SLF001
    seconds = client.meta.config.connect_timeout + client.meta.config.read_timeout
    plain = type(http).send.__get__(http)

    def send(request: Any) -> Any:
        exchange = _Exchange(seconds)
        token = _EXCHANGE.set(exchange)
        try:
            request.stream_output = True  # so that the body is left to be read here
            answer = plain(request)
            body = _read(answer.raw, request.url)
        except BotoCoreError as error:
            late = error.kwargs.get("error") if isinstance(error, HTTPClientError) else None
            if isinstance(late, Expired):
                raise late from None
            if not exchange.over:
                raise
        finally:
            exchange.done()
            _EXCHANGE.reset(token)
        if exchange.over:  # an answer that was cut off can look like a whole one
            raise ReadTimeoutError(endpoint_url=request.url)
        return AWSResponse(answer.url, answer.status_code, answer.headers, body)

    http.send = send
    return client


def _read(raw: Any, url: str) -> _Body:
    pieces, size = list[bytes](), 0
    try:
        for piece in raw.stream(PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raw.close()
                raise TooLarge
    except HTTPError as error:
        raise ConnectionClosedError(endpoint_url=url, error=error) from None
    return _Body(pieces)
