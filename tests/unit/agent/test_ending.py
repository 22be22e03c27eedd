"""What a caller meets whose connection is open while the agent ends."""

from __future__ import annotations

import asyncio

import pytest

from bridge.agent import server
from bridge.agent.endpoint import Endpoint, Serving
from bridge.agent.sockets import opened
from bridge.config.agent import Listener
from tests.bench.agent_process import free_port


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> bytes:
    """Return the head of an answer, empty if the connection was closed instead."""
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    await reader.readexactly(len(b"ok\n"))
    return head


async def ask_an_ending_agent() -> list[bytes]:
    """Return the answers to a request before the end begins, and to one on the same connection after that."""
    listener = Listener(address=("127.0.0.1", free_port()))
    endpoint = Endpoint(Serving({str(listener): listener}, {}, {}))
    serves = server.server(endpoint, [listener], lambda: None, lambda: None)
    running = asyncio.create_task(serves.serve(sockets=opened([listener], {})))
    while not serves.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*listener.address)
    answers = [await ask(reader, writer, str(listener))]
    serves.should_exit = True
    await asyncio.sleep(0.3)  # it looks every 0.1 s
    answers.append(await ask(reader, writer, str(listener)))
    writer.close()
    await running
    return answers


def test_a_request_that_meets_the_end_is_answered_and_the_answer_closes_its_connection() -> None:
    before, after = asyncio.run(ask_an_ending_agent())
    assert b" 200 " in before
    assert b"connection: close" not in before.lower()
    assert b" 200 " in after
    assert b"connection: close" in after.lower()


def test_without_that_time_the_request_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LATE", 0.0)
    assert asyncio.run(ask_an_ending_agent())[1] == b""
