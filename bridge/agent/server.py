"""The agent's server: uvicorn, with its own rules for connections and signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bridge.agent.callers import Caller
from bridge.agent.endpoint import Endpoint
from bridge.agent.http import CALLER, App
from bridge.config.agent import Listener

LOG = logging.getLogger("bridge.agent")
READ = 10.0
"""Seconds in which a request has to arrive as a whole, from its first byte or from the connection on."""
IDLE = 30
"""Seconds for which a connection without a request stays open."""
MOST = 1024
"""The most open connections of one listener. More are closed at once."""
HEAD = 16 * 1024
"""The most bytes of a request's head."""
DRAIN = 40
"""Seconds that requests have to end after SIGTERM: a token request may be tried again for 35."""
LATE = 1.0
"""Seconds in which a connection may still send a request after SIGTERM."""
ENDING = 10.0
"""Seconds in which a server in a thread has to end."""
CLOSE = (b"connection", b"close")


class Guarded(H11Protocol):
    """A connection whose requests arrive in time, and whose caller is known."""

    listeners: ClassVar[Mapping[object, Listener]]
    """The listeners by the names of their sockets."""
    opened: ClassVar[Counter[object]]
    """How many connections each of them has."""

    _place: object = None
    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Find out who connects, and close what is too much."""
        super().connection_made(transport)
        connected: socket.socket = transport.get_extra_info("socket")
        name = connected.getsockname()
        self._place = name if isinstance(name, str) else (name[0], name[1])
        self.opened[self._place] += 1
        self.app_state = {CALLER: Caller(self.listeners[self._place], _uid(connected))}
        if self.opened[self._place] > MOST:
            transport.abort()
            return
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Read a piece of a request. The clock runs until all of it is there."""
        self._begin()
        super().data_received(data)
        self._clock()

    def on_response_complete(self) -> None:
        """Go on with the next request, of which a piece may be here already."""
        super().on_response_complete()
        self._clock()

    def pause_writing(self) -> None:
        """End a connection that sends requests, and does not read their answers."""
        super().pause_writing()
        self._writing = self.loop.call_later(READ, self.transport.abort)

    def resume_writing(self) -> None:
        """Let a connection be that reads again."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._end()
        self.resume_writing()
        self.opened[self._place] -= 1

    def shutdown(self) -> None:
        """End the connection with its next answer, which says so, or soon if it asks for nothing."""
        # A caller whose request is already on its way would lose it if the connection were closed at once.
        self.server_state.default_headers = [CLOSE]
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None:
            cycle.default_headers = [CLOSE]
        self.loop.call_later(LATE, self._shut)

    def _shut(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP. Behind a request that is not answered yet, it just ends the connection."""
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _should_upgrade(self) -> bool:
        return False

    def _clock(self) -> None:
        """Let the clock run while a request has begun to arrive, and is not whole."""
        state = self.conn.their_state
        if state is h11.SEND_BODY or (state is h11.IDLE and self.conn.trailing_data[0]):
            self._begin()
        elif self.cycle is not None:  # before the first request it runs from the connection on
            self._end()

    def _begin(self) -> None:
        if self._reading is None:
            self._reading = self.loop.call_later(READ, self.transport.abort)

    def _end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None


class Server(uvicorn.Server):
    """Uvicorn, ended by SIGTERM with status 0, and reloaded by SIGHUP."""

    def __init__(self, config: uvicorn.Config, reload: Callable[[], object], stopping: Callable[[], object]) -> None:
        super().__init__(config)
        self._reload = reload
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while the server runs."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        yield
        self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and end those that there are."""
        self._stopping()
        await super().shutdown(sockets)


def server(
    endpoint: Endpoint, listeners: Sequence[Listener], reload: Callable[[], object], stopping: Callable[[], object]
) -> Server:
    """Return a server for an endpoint. `listeners` are those whose sockets it will get.

    `reload` is called at SIGHUP, and `stopping` when it begins to end.
    """
    opened: Counter[object] = Counter()
    endpoint.connections = opened.total
    return Server(_configured(endpoint, listeners, opened), reload, stopping)


@contextlib.contextmanager
def serving(app: App, listener: Listener, opened: socket.socket) -> Iterator[None]:
    """Serve another application on a socket, in a thread of its own, while the context is open."""
    made = uvicorn.Server(_configured(app, [listener], Counter()))  # in a thread it takes no signals
    thread = threading.Thread(target=asyncio.run, args=(made.serve([opened]),), daemon=True)
    thread.start()
    try:
        yield
    finally:
        made.should_exit = True
        thread.join(ENDING)


def _configured(app: App, listeners: Sequence[Listener], opened: Counter[object]) -> uvicorn.Config:
    """Return how an ASGI application is served. `opened` will count the connections."""
    places: dict[object, Listener] = {each.socket or each.address: each for each in listeners}
    protocol = type("Connection", (Guarded,), {"listeners": places, "opened": opened})
    return uvicorn.Config(
        cast("Any", app), http=protocol, ws="none", lifespan="off", interface="asgi3", log_config=None,
        access_log=False, log_level="error", server_header=False, date_header=False, proxy_headers=False,
        timeout_keep_alive=IDLE, timeout_graceful_shutdown=DRAIN, h11_max_incomplete_event_size=HEAD,
    )  # fmt: skip


def _uid(connected: socket.socket) -> int | None:
    """Return the number of the user at the other end of a Unix socket (unix(7), SO_PEERCRED)."""
    if connected.family != socket.AF_UNIX:
        return None
    _pid, uid, _gid = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)
