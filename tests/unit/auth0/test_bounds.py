"""What an answer may cost: time in all, size as unpacked, depth. From a real server, by the real transport."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.auth0.api import Auth0
from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.auth0.http import Http, build_client
from bridge.auth0.probe import Verdict
from bridge.auth0.tenant import Credentials, Tenant
from bridge.auth0.transport import LARGEST, TooLarge, unpacked
from bridge.model.origin import Origin, Settable
from sinks.clock import SystemClock
from sinks.secret import Secret
from tests.support.bombs import MIB, bomb
from tests.unit.auth0.slow_server import SlowServer, drops, head, took

TOKEN = Credentials(api_token=Secret("ready-made"))
MACHINE = Credentials(client_id="me", client_secret=Secret("mine"))


def opened(server: SlowServer, credentials: Credentials = TOKEN) -> Auth0:
    return Auth0(Tenant(server.url, credentials, SystemClock()))


CALLS: dict[str, Callable[[Auth0], Any]] = {
    "read": lambda auth0: auth0.get_client("AbC123"),
    "logs": lambda auth0: auth0.get("/logs", {}, doing="the tenant's logs"),
    "set": lambda auth0: auth0.set_secret("AbC123", Settable(Secret("new"), Origin.GENERATED), before=None),
    "token": lambda auth0: auth0.tenant.token(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZip"])
def test_a_bomb_is_not_unpacked(call: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.auth0.http.ATTEMPTS", 1)
    body = bomb(400 * MIB)
    assert len(body) < 500_000
    with (
        SlowServer([head(body, f"Content-Encoding: {encoding}"), body]) as server,
        pytest.raises(Unreachable, match=r"answered .* with more than 16 MiB") as caught,
    ):
        CALLS[call](opened(server, MACHINE if call == "token" else TOKEN))
    assert caught.value.exit_status == 1


@settings(deadline=None, max_examples=50)
@given(
    st.binary(max_size=2000), st.sampled_from(["", "identity", "gzip", "deflate"]), st.integers(1, 700)
)  # fmt: skip
def test_whatever_is_sent_in_whatever_pieces_arrives(text: bytes, encoding: str, size: int) -> None:
    sent = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)(text)
    assert unpacked([sent[i : i + size] for i in range(0, len(sent), size)], encoding) == text


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_what_has_no_end_is_given_up(encoding: str) -> None:
    packing = zlib.compressobj(wbits=31)
    endless = iter(lambda: b"x" * 65536 if not encoding else packing.compress(bytes(2**20)), None)
    with pytest.raises(TooLarge):
        unpacked(endless, encoding)


def test_what_follows_a_packed_text_is_not_kept_for_ever() -> None:
    def endless() -> Any:
        yield gzip.compress(b"{}", mtime=0)
        while True:
            yield b"x" * 65536

    with pytest.raises(TooLarge):
        unpacked(endless(), "gzip")


@pytest.mark.parametrize(
    ("sent", "encoding"),
    [
        (b"{}", "gzip"),
        (b"{}", "br"),
        (b"{}", "zstd"),
        (b"{}", "gzip, gzip"),
        (gzip.compress(b"{}", mtime=0)[:-4], "gzip"),
    ],
)
def test_what_cannot_be_unpacked_is_no_answer(sent: bytes, encoding: str) -> None:
    with pytest.raises(httpx.DecodingError):
        unpacked([sent], encoding)
    with (
        SlowServer([head(sent, f"Content-Encoding: {encoding}"), sent]) as server,
        pytest.raises(Unreachable, match="DecodingError"),
    ):
        opened(server).set_secret("AbC123", Settable(Secret("new"), Origin.GENERATED), before=None)


def test_a_packed_answer_of_the_usual_size_is_read() -> None:
    body = gzip.compress(b'{"client_id": "AbC123", "name": "billing"}', mtime=0)
    with SlowServer([head(body, "Content-Encoding: gzip"), body]) as server:
        assert opened(server).get_client("AbC123").name == "billing"


def test_an_answer_may_be_as_large_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b'"' + b"x" * (LARGEST - 2) + b'"'
    assert unpacked([gzip.compress(text, mtime=0)], "gzip") == text
    with pytest.raises(TooLarge):
        unpacked([gzip.compress(text + b" ", mtime=0)], "gzip")


BODY = b'{"client_id": "AbC123", "name": "billing"}'
DROPS = {
    "headers": drops(head(BODY) + BODY),
    "body": [head(BODY), *drops(BODY)],
    "chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 500],
    "interim": [b"HTTP/1.1 102 Processing\r\n\r\n"] * 500,
}


@pytest.mark.parametrize("sent", DROPS)
def test_an_answer_in_drops_has_an_end(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read is answered long before its timeout. So only the time in all ends the request."""
    monkeypatch.setattr("bridge.auth0.http.ATTEMPTS", 1)
    with SlowServer(DROPS[sent], pause=0.1) as server:
        auth0, began = opened(server), time.monotonic()
        auth0.tenant.http.client = build_client(server.url)
        auth0.tenant.http.client._transport._total = 0.5  # type: ignore[attr-defined]
        with pytest.raises(Unreachable, match="ReadTimeout") as caught:
            auth0.get_client("AbC123")
        assert 0.4 < took(began) < 3
        auth0.tenant.http.client.close()
    assert caught.value.exit_status == 1


@pytest.mark.parametrize("sent", DROPS)
def test_an_answer_in_drops_ends_with_the_lease_and_may_have_been_done(sent: str) -> None:
    with SlowServer(DROPS[sent], pause=0.1) as server:
        auth0, began = opened(server), time.monotonic()
        with pytest.raises(Unreachable) as caught:
            auth0.set_secret("AbC123", Settable(Secret("new"), Origin.GENERATED), before=began + 1)
        assert took(began) < 3
    assert caught.value.maybe_done


def test_a_probe_in_drops_is_unknown_in_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.auth0.probe.TIMEOUT_SECONDS", 0.2)
    with SlowServer(DROPS["headers"], pause=0.1) as server:
        began = time.monotonic()
        assert opened(server).probe(client, Secret("a-value")) is Verdict.UNKNOWN
        assert (server.asked, took(began) < 4) == (3, True)


def test_attempts_that_last_use_up_the_budget(connect: Any, wire: Any, clock: Any) -> None:
    def drips(_: httpx.Request) -> httpx.Response:
        clock.sleep(25)
        raise httpx.ReadTimeout("x")

    wire.answers = [drips]
    with pytest.raises(Unreachable):
        connect().get_client("AbC123")
    assert len(wire.requests) == 3


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "401 Unauthorized"])
def test_an_answer_nested_deeply_is_no_answer(text: bytes, status: str, client: Client) -> None:
    with SlowServer([head(text, status=status), text]) as server:
        auth0 = opened(server)
        with pytest.raises(Exception, match=r"not JSON|not as Auth0 does") as caught:
            auth0.set_secret("AbC123", Settable(Secret("new"), Origin.GENERATED), before=None)
        assert getattr(caught.value, "exit_status", None) == 1
        assert auth0.probe(client, Secret("a-value")) is Verdict.UNKNOWN


@pytest.mark.parametrize("lifetime", [10**400, -1, 0, True, "86400", None, 1e308, float("inf"), float("nan")])
def test_a_lifetime_that_is_none_does_not_stop_anything(connect: Any, wire: Any, clock: Any, lifetime: Any) -> None:
    import json

    body = json.dumps({"access_token": "t", "expires_in": lifetime}).encode()
    wire.tokens = [httpx.Response(200, content=body)]
    token = connect(MACHINE).tenant.token()
    assert token.renew_at == clock.monotonic()


def test_connections_are_used_again() -> None:
    with SlowServer([head(BODY), BODY]) as server:
        http = Http(server.url, SystemClock())
        for _ in range(3):
            assert http.client.get("/").json()["name"] == "billing"
        assert server.asked == 3
        assert len(server._connections) == 1
        http.close()
