"""The edges: where httpx, requests and botocore would open a socket, what they send passes the present command's line.

The libraries' own code runs up to there, and so does ours. Auth0 and AWS answer in this process, OpenBao by a socket.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.exceptions
import botocore.httpsession
import httpx
import requests
import requests.adapters
import urllib3

from bridge.sandbox.auth0.transport import answer
from tests.resilience.deaths.line import Line, Lost
from tests.resilience.deaths.times import Times

SendVault = Callable[..., requests.Response]


class Edges:
    """One process's edges. `present` is the line of the command that runs; looking from outside passes none."""

    def __init__(self, auth0_app: Any, tenant: Any, aws_app: Any, times: Times) -> None:
        self.present: Line | None = None
        self._auth0, self._tenant, self._aws, self._times = auth0_app, tenant, aws_app, times

    @contextmanager
    def open(self) -> Iterator[None]:
        """Stand at the libraries' edges."""
        adapter, session = requests.adapters.HTTPAdapter, botocore.httpsession.URLLib3Session
        vault, aws = adapter.send, session.send
        edges = self

        @functools.wraps(vault)
        def send_vault(self: Any, request: Any, *args: Any, **more: Any) -> requests.Response:
            return edges._vault(request, lambda: vault(self, request, *args, **more))

        @functools.wraps(aws)
        def send_aws(self: Any, request: Any) -> Any:
            return edges._to_aws(request)

        adapter.send, session.send = send_vault, send_aws  # type: ignore[method-assign]  # the edge
        try:
            yield
        finally:
            adapter.send, session.send = vault, aws  # type: ignore[method-assign]  # as it was

    @contextmanager
    def passing(self, line: Line | None) -> Iterator[None]:
        """Let everything that is sent pass a line; inside of it another one may be used for a while."""
        before, self.present = self.present, line
        try:
            yield
        finally:
            self.present = before

    def carry(self, end: str, what: str, ask: Callable[[], Any], broken: Callable[[], NoReturn]) -> Any:
        if self.present is None:
            return ask()
        try:
            return self.present.carry(end, what, ask)
        except Lost:
            broken()

    def _vault(self, request: requests.PreparedRequest, send: Callable[[], requests.Response]) -> requests.Response:
        def ask() -> requests.Response:
            response = send()
            asked = request.body.encode() if isinstance(request.body, str) else request.body
            body = self._times.body(str(request.method), request.path_url, asked, response.content)
            # Nobody has read it yet, as far as the product sees.
            response.raw = urllib3.HTTPResponse(io.BytesIO(body), status=response.status_code, preload_content=False)
            response._content, response._content_consumed = False, False  # type: ignore[assignment]
            if "Date" in response.headers:
                response.headers["Date"] = self._times.date(response.headers["Date"])
            return response

        def broken() -> NoReturn:
            raise requests.ConnectionError("made up: the connection broke", request=request)

        found: requests.Response = self.carry("vault", f"{request.method} {request.path_url}", ask, broken)
        return found

    def _to_aws(self, request: Any) -> Any:
        action = str(request.headers.get("X-Amz-Target", b""), "ascii") if isinstance(
            request.headers.get("X-Amz-Target"), bytes) else str(request.headers.get("X-Amz-Target", ""))  # fmt: skip

        def broken() -> NoReturn:
            raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)

        what = f"{request.method} {action.rpartition('.')[2]}"
        return self.carry("aws", what, lambda: _ask_moto(self._aws, request), broken)

    @property
    def auth0(self) -> httpx.BaseTransport:
        """A transport for a tenant's client."""
        return _Auth0(self)

    def ask_auth0(self, request: httpx.Request) -> httpx.Response:
        """Have the local Auth0 answer."""
        told = answer(self._auth0, self._tenant, _environ(request.method, str(request.url), request.headers.raw,
                                                          request.read()))  # fmt: skip
        return httpx.Response(int(told.status.split()[0]), headers=told.headers, content=told.body)


class _Auth0(httpx.BaseTransport):
    def __init__(self, edges: Edges) -> None:
        self._edges = edges

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def broken() -> NoReturn:
            raise httpx.ReadError("made up: the connection broke", request=request)

        what = f"{request.method} {request.url.raw_path.decode()}"
        found: httpx.Response = self._edges.carry("auth0", what, lambda: self._edges.ask_auth0(request), broken)
        return found


def _environ(method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> dict[str, Any]:
    parts = urlsplit(url)
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname, "SERVER_PORT": str(parts.port or 80), "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }  # fmt: skip
    for raw, value in headers:
        name = raw.decode().upper().replace("-", "_")
        environ[name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"] = value.decode()
    return environ


def _ask_moto(app: Any, request: Any) -> Any:
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    headers = [
        (str(name).encode(), value if isinstance(value, bytes) else str(value).encode())
        for name, value in request.headers.items()
    ]
    told: list[Any] = []

    def start(status: str, heads: list[tuple[str, str]], _error: object = None) -> None:
        told[:] = [int(status.split(maxsplit=1)[0]), heads]

    environ = _environ(request.method, request.url, headers, body)
    environ.setdefault("HTTP_HOST", urlsplit(request.url).netloc)
    content = b"".join(app(environ, start))
    raw = _Raw(content, dict(told[1]))
    return botocore.awsrequest.AWSResponse(request.url, told[0], raw.headers, raw)


class _Raw(io.BytesIO):
    """An answer's body as botocore reads it."""

    def __init__(self, content: bytes, headers: dict[str, str]) -> None:
        super().__init__(content)
        self.headers = botocore.awsrequest.HeadersDict(headers)

    def stream(self, *_amount: Any, **_more: Any) -> Iterator[bytes]:
        while part := self.read(1 << 16):
            yield part
