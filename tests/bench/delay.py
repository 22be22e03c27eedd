"""A network between a command and its servers: TCP proxies on loopback that delay what passes.

`Network` is the parent's side. The child gets the servers' URLs as arguments, prints its own as JSON, and takes the
round trip in seconds, one a line. Half of it passes in each direction, and a whole one before the first byte of a
connection, as a handshake takes. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.bench.world import ROOT

LOOPBACK = "127.0.0.1"
CHUNK = 65_536


class Proxies:
    """One proxy for each server. `trip` is the round trip in seconds."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.trip = 0.0
        self._urls = urls

    async def start(self) -> list[str]:
        """Begin to listen, and return the URLs."""
        return [await self._listen(url) for url in self._urls]

    async def _listen(self, url: str) -> str:
        parts = urlsplit(url)

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(self.trip)
            with contextlib.suppress(ConnectionError):
                onward, outward = await asyncio.open_connection(parts.hostname, parts.port)
                await asyncio.gather(self._pump(reader, outward), self._pump(onward, writer))
            writer.close()

        server = await asyncio.start_server(connect, LOOPBACK, 0, backlog=512)
        return f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send on what arrives, each piece half a round trip later. The pieces do not wait for each other."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def send() -> None:
            while True:
                due, piece = await pieces.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                if not piece:
                    writer.close()
                    return
                writer.write(piece)

        sending = asyncio.create_task(send())
        piece = b"-"
        while piece:
            try:
                piece = await reader.read(CHUNK)
            except ConnectionError:
                piece = b""
            pieces.put_nowait((loop.time() + self.trip / 2, piece))
        await sending


class Network:
    """The proxies in a process of their own. Use it as a context manager."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._near = list(urls)
        self._far: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.delay", *self._near]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout
        self._far = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        if self._process:
            self._process.communicate()

    def at(self, trip: float) -> list[str]:
        """Return the URLs of the servers behind a round trip of so many seconds.

        The first one, Auth0, is always behind its proxy: a tenant's address is part of what the sinks say.
        """
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(f"{trip}\n")
        return self._far if trip else [self._far[0], *self._near[1:]]


async def main() -> None:
    """Serve until standard input ends."""
    proxies = Proxies(sys.argv[1:])
    print(json.dumps(await proxies.start()), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        proxies.trip = float(line)


if __name__ == "__main__":
    asyncio.run(main())
