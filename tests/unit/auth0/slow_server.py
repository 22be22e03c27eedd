"""A server on loopback that answers with the bytes that it is given, at the pace that it is given."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self


def head(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return an answer whose body is JSON, unless `headers` say something else."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode()


class SlowServer:
    """Use it as a context manager. Every request gets `pieces`, with a pause of `pause` seconds after each."""

    def __init__(self, pieces: Iterable[bytes], pause: float = 0.0) -> None:
        self._pieces = list(pieces)
        self._pause = pause
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked = 0
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: object, *given: object) -> None:
        self._threads.append(threading.Thread(target=work, args=given, daemon=True))  # type: ignore[arg-type]
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._start(self._serve, self._socket.accept()[0])

    def _serve(self, connection: socket.socket) -> None:
        self._connections.append(connection)
        with suppress(OSError), connection, connection.makefile("rb") as asked:
            while asked.readline():
                size = 0
                while (line := asked.readline()).strip():
                    size = int(line.split(b":")[1]) if line.lower().startswith(b"content-length:") else size
                asked.read(size)
                self.asked += 1
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._over.wait(self._pause):
                        return


def drops(text: bytes) -> list[bytes]:
    """Return a text byte by byte."""
    return [bytes([byte]) for byte in text]


def took(began: float) -> float:
    return time.monotonic() - began
