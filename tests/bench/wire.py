"""A tap on the wire: forwards HTTP to a server and notes each request, whoever sends it."""

from __future__ import annotations

import http.client
import re
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Wire:
    """Listens on loopback and forwards to `target`; `requests` is what passed, oldest first."""

    def __init__(self, target: str) -> None:
        self._server = _Server((LOOPBACK, 0), _Handler)
        self._server.target = urlsplit(target).netloc
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    @property
    def requests(self) -> list[str]:
        return self._server.requests

    def taken(self) -> list[str]:
        """Return what has passed since the last time."""
        found, self._server.requests = self._server.requests, []
        return found

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections open
    target: str

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.requests: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay silent: what passes holds secrets."""

    def forward(self) -> None:
        """Pass one request on, and its answer back."""
        self.server.requests.append(_named(self.command, self.path, self.headers))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(self.server.target, timeout=30)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = forward  # noqa: N815  # looked up by these names


def _named(method: str, path: str, headers: Message) -> str:
    """Name a request as its server's documentation does."""
    if action := headers.get("X-Amz-Target"):
        return action.partition(".")[2]
    path, _, query = path.partition("?")
    path = re.sub(r"(clients)/[^/]+", r"\1/ID", path.removeprefix("/v1"))  # Vault's paths all begin so
    return f"{method} {re.sub('(bridge|script)-calls', 'NAME', path)}{'?version' if 'version=' in query else ''}"
