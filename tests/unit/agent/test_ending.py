"""What a caller meets whose connection is open while the agent ends or reads its configuration again."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import hvac
import pytest

from bridge.agent import run, server
from bridge.agent.answers import Refusal
from bridge.agent.asked import Asked
from bridge.agent.endpoint import Endpoint, Serving
from bridge.agent.metrics import Metrics
from bridge.agent.sockets import opened
from bridge.config.agent import Listener
from bridge.config.load import load
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.bench.agent_process import free_port

AUDIENCE = "https://api.acme"
CONFIG = """
[tenants.local]
domain = "{auth0}"
client_id = "env:VAULT_TOKEN"
client_secret = "env:VAULT_TOKEN"

[vaults.eu]
type = "vault"
url = "{vault}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[clients.billing]
tenant = "local"
client_id = "{client_id}"
sinks = ["eu://secret/{path}"]

[agent]
[[agent.listen]]
socket = "{directory}/agent.sock"
"""


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


async def ask_a_reloading_agent(auth0: LocalAuth0, config: Path, client_id: str, *, at_once: bool = False) -> str:
    """Return the token of a request that is under way at Auth0 while the configuration is read again."""
    endpoint = Endpoint(run.serving(load(config, os.environ), Metrics()))
    agent = run.configured(load(config, os.environ))
    auth0.tenant.fault("slow-before", delay=timedelta(seconds=1))
    wanted = Asked(client_id, "", audience=AUDIENCE, scope=None, organization=None)
    before = endpoint.serving.applications[client_id]
    asking = asyncio.create_task(before.grant(wanted))
    await asyncio.sleep(0.5)
    try:
        unused = await run._reload(endpoint, agent, lambda: load(config, os.environ))
        if at_once:
            run._close(unused)
        return (await asking).text
    finally:
        for each in (before, endpoint.serving.applications[client_id]):
            each.close()


@pytest.fixture
def configured(bao: OpenBao, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a local Auth0, a configuration and a client id."""
    monkeypatch.setenv("VAULT_TOKEN", bao.token)
    with LocalAuth0() as auth0:
        client_id, secret = auth0.tenant.add_client(grants={AUDIENCE: ()})
        vault = hvac.Client(url=bao.url, token=bao.token)
        vault.secrets.kv.v2.create_or_update_secret(unique, {"client_secret": secret})
        vault.adapter.close()
        config = tmp_path / "agent.toml"
        told = {"auth0": auth0.url, "vault": bao.url, "client_id": client_id, "path": unique, "directory": tmp_path}
        config.write_text(CONFIG.format(**told))
        yield auth0, config, client_id


def test_a_request_that_is_under_way_gets_its_token_although_the_configuration_is_read_again(configured: Any) -> None:
    assert asyncio.run(ask_a_reloading_agent(*configured))


def test_if_connections_were_closed_at_once_it_would_get_none(configured: Any) -> None:
    with pytest.raises(Refusal):
        asyncio.run(ask_a_reloading_agent(*configured, at_once=True))
