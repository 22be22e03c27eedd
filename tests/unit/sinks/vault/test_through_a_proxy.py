"""A server behind a proxy: what holds without a proxy holds with one."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from typing import Any

import pytest
import requests

from sinks.document import Document
from sinks.errors import Expired, Unavailable
from sinks.vault.api import Kv
from tests.unit.doctor.certificates import Authority
from tests.unit.sinks.vault.test_answers import CONFIG, answer, clean, client, dripping

NAME, OTHER = "vault.example", "other.example"
READ = b'{"data": {"data": {"client_secret": "x"}, "metadata": {"version": 1, "created_time": "2026-01-01T00:00:00Z"}}}'


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up."""


@contextmanager
def serving(server: TCPServer) -> Iterator[int]:
    """Serve until the end, and yield the port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kv]]:
    """A client of a server with a certificate for `OTHER`, which only a proxy reaches. Writes are answered slowly."""
    authority = Authority(tmp_path)

    class Vault(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(200, CONFIG if self.path.endswith("/config") else READ)(self)

        def do_POST(self) -> None:
            dripping(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)(self)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = Server(("127.0.0.1", 0), Vault)
    server.socket = authority.context(OTHER).wrap_socket(server.socket, server_side=True)

    class Connect(BaseRequestHandler):
        def handle(self) -> None:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):
                asked += self.request.recv(4096)
            assert asked.startswith(f"CONNECT {NAME}:".encode())
            with socket.create_connection(server.server_address[:2]) as there:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pump(self.request, there)

    clean(monkeypatch)
    monkeypatch.setattr(ThreadingTCPServer, "daemon_threads", True)
    with serving(server), serving(ThreadingTCPServer(("127.0.0.1", 0), Connect)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        yield lambda **more: client(f"https://{NAME}:8200", ca_file=str(authority.file), **more)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass on what both say, until one of them ends."""
    ends = {one: other, other: one}
    while True:
        for readable in select.select(list(ends), (), ())[0]:
            try:
                found = readable.recv(65_536)
                ends[readable].sendall(found)
            except OSError:
                return
            if not found:
                return


def test_the_certificate_is_checked_for_the_name_that_is_configured(behind: Callable[..., Kv]) -> None:
    with pytest.raises(Unavailable, match="the server's certificate was not accepted"):
        behind().read("secret/a")
    assert behind(tls_server_name=OTHER).read("secret/a")


def test_a_byte_at_a_time_does_not_outlive_a_lease(behind: Callable[..., Kv]) -> None:
    kv = behind(tls_server_name=OTHER)
    assert kv.read("secret/a")
    began = time.monotonic()
    with pytest.raises((Expired, Unavailable)):
        kv.write("secret/a", Document({}), cas=0, before=time.monotonic() + 0.5)
    assert time.monotonic() - began < 2


def test_the_environment_is_read_once_for_all_requests(
    behind: Callable[..., Kv], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = requests.utils.getproxies
    monkeypatch.setattr(requests.utils, "getproxies", lambda: read.append(1) or plain())
    kv = behind(tls_server_name=OTHER)
    assert all(kv.read("secret/a") for _ in range(3))
    assert len(read) == 1
