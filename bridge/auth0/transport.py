"""The transport under httpx: a total time for each request, and a limit to the size of each answer.

httpx's own timeouts are for each read from the socket, and it unpacks an answer whole. So a server, or something in
between, that sends a byte each second would hold a request for hours, and a few kilobytes could fill the memory.
"""

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from bridge.auth0.http import TOTAL, TOTAL_SECONDS
from sinks import wire

if TYPE_CHECKING:
    from bridge.auth0.egress import Egress

LARGEST = 16 * 2**20
"""The most bytes of an answer, as sent and as unpacked. A page of a hundred log entries has less than one MiB."""
ENCODINGS = "gzip, deflate"
"""What answers may be packed with: only what `zlib` unpacks in bounded steps."""
_AUTOMATIC = 32 + zlib.MAX_WBITS  # zlib's own number for: gzip or zlib, whichever it is


class TooLarge(httpx.TransportError):
    """The answer has more than `LARGEST` bytes."""


class Transport(httpx.BaseTransport):
    """Sends requests by httpcore, on which httpx itself is built, and returns answers that are read and unpacked.

    `total` is how many seconds a request may take whose extensions do not say so (`TOTAL`).
    """

    def __init__(self, way: Egress, total: float = TOTAL_SECONDS) -> None:
        self._time = _Time()
        self._total = total
        proxy = None
        if way.proxy is not None:
            url = way.proxy.url
            address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
            proxy = httpcore.Proxy(address, auth=way.proxy.raw_auth, headers=way.proxy.headers.raw)
        # The numbers are those of httpx.
        self._pool = httpcore.ConnectionPool(
            way.context, proxy, 100, 20, keepalive_expiry=5.0, network_backend=_Backend(self._time)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its whole answer.

        Raises:
            httpx.TransportError: there was no answer, or not in time, or it is `TooLarge`.
            httpx.DecodingError: the answer cannot be unpacked.
        """
        request.headers["Accept-Encoding"] = ENCODINGS
        self._time.ends = time.monotonic() + request.extensions.get(TOTAL, self._total)
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
            try:
                body = unpacked(answer.iter_stream(), httpx.Headers(answer.headers).get("Content-Encoding", ""))
            finally:
                answer.close()
        # What described the body on its way does not describe the unpacked one.
        told = [(name, text) for name, text in answer.headers if name.lower() not in _ON_ITS_WAY]
        return httpx.Response(answer.status, headers=told, content=body)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


_ON_ITS_WAY = {b"content-encoding", b"content-length", b"transfer-encoding"}


def unpacked(pieces: Iterable[bytes], encoding: str) -> bytes:
    """Return an answer's body from its pieces, unpacked by its `Content-Encoding`.

    Raises:
        TooLarge: it has more than `LARGEST` bytes, packed or unpacked. No more than that is ever held.
        httpx.DecodingError: the encoding is not one of `ENCODINGS`, or the pieces are not in it.
    """
    named = encoding.strip().lower()
    if named not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError("an encoding that was not asked for")
    packed = zlib.decompressobj(_AUTOMATIC) if named not in ("", "identity") else None
    found, sent = bytearray(), 0
    for piece in pieces:
        sent += len(piece)
        try:
            found += packed.decompress(piece, LARGEST - len(found) + 1) if packed else piece
        except zlib.error:
            raise httpx.DecodingError("not in its encoding") from None
        if max(sent, len(found)) > LARGEST:
            raise TooLarge("")
    if packed and sent and not packed.eof:
        raise httpx.DecodingError("cut short")
    return bytes(found)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Turn the exceptions of httpcore into those of httpx, which have the same names."""
    kinds = (
        httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    )  # fmt: skip
    try:
        yield
    except kinds as error:
        raise getattr(httpx, type(error).__name__, httpx.TransportError)(str(error)) from error


class _Time(threading.local):
    """When the request of this thread has to end, in monotonic seconds."""

    ends = float("inf")

    def left(self, timeout: float | None, late: type[Exception]) -> float:
        """Return the seconds that a step may take: its own timeout, or what is left in all.

        Raises:
            Exception: `late`, where nothing is left.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            raise late
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends within the request's total time."""

    def __init__(self, inner: httpcore.NetworkStream, total: _Time) -> None:
        self._inner = inner
        self._total = total

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._total.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = partial(self._total.left, timeout, httpcore.WriteTimeout)
        if isinstance(self._inner.get_extra_info("ssl_object"), ssl.SSLObject):  # TLS within that of a proxy
            wire.check()
            self._inner.write(buffer, left())
            return
        try:
            wire.send(self._inner.get_extra_info("socket"), buffer, left)
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except OSError as error:
            raise httpcore.WriteError(f"{error}") from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._total.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._total)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Opens connections whose steps end within the total time of the request that uses them."""

    def __init__(self, total: _Time) -> None:
        self._total = total

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        left = self._total.left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, *args, **kwargs), self._total)
