"""A receiver of notifications on loopback that behaves as it is told, and remembers what it was sent."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK, ERROR, HANG, TRICKLE, RESET, GARBAGE, REDIRECT = "ok", "error", "hang", "trickle", "reset", "garbage", "redirect"


@dataclass(frozen=True)
class Got:
    """One request."""

    method: str
    path: str
    body: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """`behaviours` are used up one by one; the last one stays."""

    port: int = 0
    behaviours: list[str] = field(default_factory=lambda: [OK])
    got: list[Got] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "hook", scheme: str = "json") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [got.json for got in self.got]

    def _next(self) -> str:
        return self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run one."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            behaviour = told._next()
            told.got.append(Got(self.command, self.path, body))
            _behave(self, behaviour, told)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        told.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield told
        finally:
            told.ended.set()
            server.shutdown()
            thread.join()


def _behave(handler: BaseHTTPRequestHandler, behaviour: str, told: Receiver) -> None:
    if behaviour == HANG:
        told.ended.wait(30)
    elif behaviour == RESET:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
    elif behaviour == GARBAGE:
        handler.wfile.write(b"\x00\xff not HTTP at all\r\n")
    elif behaviour == TRICKLE:  # every piece comes in time, and the answer never ends
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not told.ended.wait(0.5):
            handler.wfile.write(b".")
            handler.wfile.flush()
    else:
        handler.send_response({OK: 200, ERROR: 500, REDIRECT: 307}[behaviour])
        if behaviour == REDIRECT:
            handler.send_header("Location", f"http://127.0.0.1:{told.port}/elsewhere")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")
    handler.close_connection = True
