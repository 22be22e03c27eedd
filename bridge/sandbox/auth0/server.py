"""The local Auth0 as a server on loopback, in a thread of this process."""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
from datetime import timedelta
from random import Random
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from bridge.sandbox.auth0.app import create_app
from bridge.sandbox.auth0.settings import Settings
from bridge.sandbox.auth0.tenant import Tenant
from bridge.sandbox.auth0.transport import ConnectionLost, WsgiApp, answer
from sinks.clock import Clock

LOOPBACK = "127.0.0.1"


class LocalAuth0:
    """A running tenant. Use it as a context manager, or call `start` and `stop`.

    With `port` 0 it takes a free port. `propagation` is how long a changed secret takes to spread. The socket listens
    from the beginning, so `url` is known before `start`.
    """

    def __init__(self, propagation: timedelta = timedelta(seconds=30), *, port: int = 0, clock: Clock | None = None,
                 random: Random | None = None) -> None:  # fmt: skip
        self._listener = socket.create_server((LOOPBACK, port))
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.tenant = Tenant(self.url, Settings(propagation=propagation), clock=clock, random=random)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start serving, and return the server.

        Requests that arrived earlier are answered then.
        """
        self._server = _Server(self._listener, create_app(self.tenant), self.tenant)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="auth0", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving, and close every connection and the listening socket.

        A second call does nothing. A stopped server cannot be started again.
        """
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            # Before the socket: a client that keeps its connection alive would otherwise go on
            # using the stopped tenant.
            self._server.close_connections()
            self._server.server_close()
            self._server = self._thread = None
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self.stop()


class _Server(ThreadedWSGIServer):
    """werkzeug's threaded server on a socket that listens already.

    It keeps track of its connections, so that it can end those that clients keep open.
    """

    def __init__(self, listener: socket.socket, app: WsgiApp, tenant: Tenant) -> None:
        host, port = listener.getsockname()
        self.tenant = tenant
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(host, port, app, _Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._guard:
            # Closing a connection ends the thread that waits on it for the next request.
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client has closed it already
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that closed its connection before the answer came is no fault of the server. Tests do it on purpose.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    """Keeps connections alive, which werkzeug's own handler does not, and writes head and body at once.

    A client with a pool of connections behaves as it does with Auth0 only if they stay open.
    """

    server: _Server
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm would hold the rest of an answer back until the client has acknowledged its beginning.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        """Log nothing. Requests may hold secrets, and tests ask the tenant instead."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing.

        The tenant keeps a list of requests without secrets (`Tenant.requests`).
        """

    def run_wsgi(self) -> None:
        """Answer one request, or close the connection without an answer if a fault says so."""
        try:
            told = answer(self.server.app, self.server.tenant, self.make_environ())
        except ConnectionLost:
            self.close_connection = True
            return
        code, _, phrase = told.status.partition(" ")
        self.send_response(int(code), phrase)
        # The bridge notes this id in the audit record.
        self.send_header("x-auth0-requestid", secrets.token_hex(10))
        for name, value in told.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            # The head has the length of the whole body, so a client notices that half of it is missing.
            self.wfile.write(told.body[: len(told.body) // 2] if told.cut else told.body)
        self.close_connection = self.close_connection or told.cut
