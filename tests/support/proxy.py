"""An HTTP proxy on loopback before one server: it delays, holds or loses what rules say, and shows what passes.

For what a network does to a process; what a process does to itself is done inside of it (`tests/e2e/taps.py`).
A gate stands before all that: it sees each request, and decides whether and when the server does.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LONGEST_HOLD = 60.0  # seconds
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass
class Rule:
    """What happens to requests whose method and path match (regular expressions; the path's may match any part).

    `delay` seconds pass before a request is sent on. `hold` keeps the request back (`answer`: the answer instead) until
    `release` is called; `met` is set when there is one. `lose`: the answer is thrown away, the connection closed.
    The first `skip` requests are not meant; `count` is how many after them are, None for all.
    """

    method: str
    path: str
    delay: float = 0.0
    hold: bool = False
    answer: bool = False
    lose: bool = False
    skip: int = 0
    count: int | None = None
    met: threading.Event = field(default_factory=threading.Event)
    _free: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let everything go that is held."""
        self._free.set()

    def takes(self, method: str, path: str) -> bool:
        """Tell whether a request is meant, and count it."""
        if self.count == 0 or not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.count = None if self.count is None else self.count - 1
        return True

    def before(self) -> None:
        time.sleep(self.delay)
        if self.hold and not self.answer:
            self._wait()

    def after(self) -> None:
        if self.hold and self.answer:
            self._wait()

    def _wait(self) -> None:
        self.met.set()
        self._free.wait(LONGEST_HOLD)


Watch = Callable[[bytes, bytes], None]
"""Shown each request's and answer's body."""


class Dropped(Exception):
    """What a gate raises to have the connection closed without an answer."""


class Reset(Dropped):
    """The same, by a TCP reset."""


@dataclass(frozen=True)
class Answer:
    """What the server answered. `cut`: only half of the body is sent, then the connection is closed."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    cut: bool = False


Gate = Callable[[str, Callable[[], Answer]], Answer]
"""Given what is asked (method and path; for AWS its action) and how to ask, returns the answer or raises `Dropped`."""


def open_gate(what: str, ask: Callable[[], Answer]) -> Answer:
    """Let everything pass."""
    return ask()


class Proxy:
    """Use it as a context manager; `url` stands for the server's."""

    def __init__(
        self,
        upstream: str,
        *rules: Rule,
        watch: Watch = lambda _asked, _answered: None,
        gate: Gate = open_gate,
    ) -> None:
        parts = urlsplit(upstream)
        self.rules = list(rules)
        self.watch = watch
        self.gate = gate
        self.guard = threading.Lock()
        self.upstream = (str(parts.hostname), parts.port or 80)
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def connections(self) -> int:
        """How many connections were opened to it, since it began."""
        return self._server.connections

    def rule(self, method: str, path: str) -> Rule | None:
        with self.guard:
            return next((rule for rule in self.rules if rule.takes(method, path)), None)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        for rule in self.rules:
            rule.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections
    request_queue_size = 128

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.connections = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> Any:
        self.connections += 1  # by the one thread that accepts
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of either end going away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=LONGEST_HOLD)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        rule = proxy.rule(self.command, self.path) or Rule("", "")
        rule.before()
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        try:
            answer = proxy.gate(f"{self.command} {action or self.path}", lambda: self._ask(body))
        except Dropped as error:
            if isinstance(error, Reset):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        proxy.watch(body, answer.body)
        rule.after()
        if rule.lose:
            self.close_connection = True
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        self.close_connection = self.close_connection or answer.cut

    def _ask(self, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        self._upstream.request(self.command, self.path, body or None, headers)
        if self._upstream.sock:
            self._upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = self._upstream.getresponse()
        told = tuple((name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP)
        return Answer(response.status, response.reason, told, response.read())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_LIST = pass_on  # noqa: N815  # the library's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        """Stay silent: what passes holds secrets."""
