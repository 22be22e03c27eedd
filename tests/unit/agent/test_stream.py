"""Log streams: what Auth0 sends arrives, and what anybody else sends does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.agent import stream
from bridge.agent.stream import LARGEST_BATCH, entries, receiving
from bridge.config.watch import WatchSettings
from bridge.model.errors import BridgeError
from tests.e2e.sinks import NO_TRUST
from tests.unit.agent.running import free_port

TOKEN = "stream-" + "t" * 40
ENTRY = {"log_id": "90020", "data": {"date": "2026-11-29T12:00:00.000Z", "type": "sapi", "client_id": "x"}}


class Received:
    """Streams of the tenant `prod`, over a real server."""

    def __init__(self, url: str) -> None:
        self.batches: list[list[Any]] = []
        self.http = httpx.Client(base_url=url, verify=NO_TRUST, trust_env=False)

    def take(self, batch: list[Any]) -> int:
        self.batches.append(batch)
        return len(batch)

    def post(self, body: object, token: str = TOKEN, path: str = "/v1/logs/prod", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(path, content=content, headers={"Authorization": token, **headers})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Received]:
    port = free_port()
    file = tmp_path_factory.mktemp("stream") / "token"
    file.write_text(TOKEN, "utf-8")
    file.chmod(0o600)
    received = Received(f"http://127.0.0.1:{port}")
    streams = {"prod": f"file:{file}", "elsewhere": f"file:{file}"}
    with receiving(WatchSettings(("127.0.0.1", port), streams), {"prod": received.take}), received.http:
        yield received


@pytest.fixture
def received(running: Received) -> Received:
    running.batches.clear()
    return running


def test_a_batch_arrives(received: Received) -> None:
    for headers in ({}, {"Forwarded": "for=192.0.2.1", "X-Forwarded-For": "192.0.2.1", "Host": "logs.acme.example"}):
        assert received.post([ENTRY, ENTRY], **headers).status_code == 200
    assert received.post([ENTRY], f"Bearer {TOKEN}").status_code == 200
    assert [len(batch) for batch in received.batches] == [2, 2, 1]


@pytest.mark.parametrize(("token", "path"), [
    ("", "/v1/logs/prod"), ("x" * len(TOKEN), "/v1/logs/prod"), (TOKEN[:-1], "/v1/logs/prod"),
    (TOKEN, "/v1/logs/elsewhere"), (TOKEN, "/v1/logs/"), (TOKEN, "/v1/logs/prod/x"),
    ("Basic " + TOKEN, "/v1/logs/prod"), ("Bearer", "/v1/logs/prod"), ("Bearer x", "/v1/logs/prod"),
])  # fmt: skip
def test_without_its_token_nothing_is_taken_and_no_tenant_is_told_from_another(
    received: Received, token: str, path: str
) -> None:
    answer = received.post([ENTRY], token, path)
    assert (answer.status_code, received.batches) == (401, [])
    assert answer.text == received.post([ENTRY], "another", "/v1/logs/nobody").text
    assert TOKEN not in answer.text


def test_two_tokens_are_none(received: Received) -> None:
    twice = [("Authorization", TOKEN), ("Authorization", TOKEN)]
    assert received.http.post("/v1/logs/prod", content=b"[]", headers=twice).status_code == 401


@pytest.mark.parametrize(("method", "path", "headers", "status"), [
    ("GET", "/healthz", {}, 200), ("GET", "/v1/logs/prod", {}, 405), ("POST", "/healthz", {}, 405),
    ("POST", "/", {}, 404), ("GET", "/readyz", {}, 404), ("POST", "/v1/logs", {}, 404),
    ("POST", "/v1/logs/prod", {"Origin": "https://page.example"}, 403),
    ("POST", "/v1/logs/prod", {"Sec-Fetch-Site": "cross-site"}, 403),
])  # fmt: skip
def test_what_auth0_does_not_send_is_refused(
    received: Received, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = received.http.request(method, path, headers={"Authorization": TOKEN, **headers}, content=b"[]")
    assert (answer.status_code, received.batches) == (status, [])


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b" " * (LARGEST_BATCH + 1), 413)]
)
def test_what_is_no_batch_is_refused(received: Received, body: bytes, status: int) -> None:
    assert (received.post(body).status_code, received.batches) == (status, [])


def test_a_fault_shows_nothing_of_what_was_sent(received: Received, monkeypatch: pytest.MonkeyPatch,
                                                caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    def fail(_body: bytes) -> list[Any]:
        raise ValueError(TOKEN)

    monkeypatch.setattr(stream, "entries", fail)
    answer = received.post([ENTRY])
    assert (answer.status_code, answer.json()["error"]) == (500, "server_error")
    assert TOKEN not in answer.text + caplog.text
    assert "ValueError" in caplog.text


FLAT = {**ENTRY["data"], "log_id": "90020"}  # type: ignore[dict-item]


@pytest.mark.parametrize("body", [
    json.dumps([ENTRY, ENTRY]), json.dumps([FLAT, FLAT]), f"{json.dumps(ENTRY)}\n{json.dumps(ENTRY)}\n",
    f"{json.dumps(FLAT)}\r\n\r\n{json.dumps(ENTRY)}",
])  # fmt: skip
def test_the_forms_that_a_stream_may_have_mean_the_same(body: str) -> None:
    found = entries(body.encode())
    assert len(found) == 2
    for each in found:
        assert FLAT.items() <= each.items()


def test_what_is_no_entry_is_left_out() -> None:
    assert entries(b'["x", 7, null, [], {"data": "x"}]') == [{"data": "x"}]
    assert len(entries(json.dumps(ENTRY).encode())) == 1
    assert entries(b"") == []


@pytest.mark.parametrize(("content", "why"), [("short", "found less than 16 characters"), (None, "watch.streams.prod")])
def test_a_token_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content, "utf-8")
        file.chmod(0o600)
    settings = WatchSettings(("127.0.0.1", free_port()), {"prod": f"file:{file}"})
    with pytest.raises(BridgeError, match=why), receiving(settings, {}):
        pass


def test_a_port_that_is_taken_is_named(received: Received) -> None:
    port = received.http.base_url.port
    assert port
    with pytest.raises(BridgeError, match=rf"watch.address: 127.0.0.1:{port} cannot be listened on"), receiving(
        WatchSettings(("127.0.0.1", port), {}), {}
    ):  # fmt: skip
        pass
