"""What an application on a kept connection waits for."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bridge.agent import sockets
from bridge.config.agent import Listener
from tests.bench.agent_process import free_port


async def sends_at_once(listening: socket.socket) -> bool:
    """Return whether a connection that asyncio accepts there sends small pieces without waiting for the other end."""
    found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        found.set_result(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    async with await asyncio.start_server(connected, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        told = await found
        writer.close()
    return told


@pytest.mark.parametrize("handed_over", [False, True], ids=["its own", "handed over"])
def test_an_answer_is_sent_without_waiting_for_the_caller(handed_over: bool) -> None:
    listening = sockets._bound(Listener(address=("127.0.0.1", free_port())))
    if handed_over:
        listening = socket.socket(fileno=listening.detach())  # as `inherited` takes it
    assert asyncio.run(sends_at_once(listening))


def test_a_socket_without_its_protocol_would_wait() -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    assert not asyncio.run(sends_at_once(listening))
