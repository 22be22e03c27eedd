"""What a broken, slow, busy or hostile server answers, and what the environment does to requests."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sinks.clock import SystemClock
from sinks.document import Document
from sinks.errors import BadAddress, Denied, Expired, Unavailable
from sinks.secret import Secret
from sinks.vault import Auth, Settings, http
from sinks.vault.api import Kv
from sinks.vault.connection import Connection
from tests.support.bombs import bomb

CONFIG = b'{"data": {"max_versions": 0, "cas_required": false}}'
WRITTEN = b'{"data": {"version": 1, "created_time": "2026-01-01T00:00:00Z", "deletion_time": ""}}'
Reply = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def dripping(text: bytes) -> Reply:
    """Send a byte each 50 ms, for as long as somebody listens."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        for byte in text:
            handler.wfile.write(bytes((byte,)))
            handler.wfile.flush()
            time.sleep(0.05)

    return reply


@contextmanager
def vault(*replies: Reply, seen: list[dict[str, str]] | None = None) -> Iterator[Kv]:
    """Yield a client of a server that gives these replies, the last one again and again."""
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if seen is not None:
                seen.append(dict(self.headers))
            if self.path.endswith("/config"):
                answer(200, CONFIG)(self)
                return
            try:
                (left.pop(0) if len(left) > 1 else left[0])(self)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_PUT = _reply  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    kv = client(f"http://127.0.0.1:{server.server_port}")
    try:
        yield kv
    finally:
        kv.close()
        server.shutdown()
        thread.join()
        server.server_close()


def client(url: str, **settings: Any) -> Kv:
    given = Settings(url=url, auth=Auth(token="env:VAULT_TOKEN"), **settings)
    return Kv(Connection(given, lambda _: Secret("the-token"), SystemClock()))


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    for status in (429, 503):
        with vault(answer(status, Retry_After="3600")) as kv:
            began = time.monotonic()
            with pytest.raises(Unavailable, match=f"asks to wait 3600 s .*{status}"):
                kv.read("secret/a")
            with pytest.raises(Unavailable, match="asks to wait 3600 s"):
                kv.write("secret/a", Document({}), cas=0)
            assert time.monotonic() - began < 5


@pytest.mark.parametrize("status", [412, 429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    body = json.dumps({"data": {"data": {"k": "v"}, "metadata": json.loads(WRITTEN)["data"]}}).encode()
    again = {"Retry_After": "0.0"} if status != 503 else {"Retry_After": "1"}
    with vault(answer(status, **again), answer(200, body)) as kv:
        entry = kv.read("secret/a")
    assert entry is not None
    assert entry.document == Document({"k": "v"})


def test_a_date_says_when_to_ask_again() -> None:
    dates = {"Retry_After": "Thu, 01 Jan 2026 01:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 -0000"}
    with (
        vault(answer(429, Retry_After=dates["Retry_After"])) as kv,
        pytest.raises(Unavailable, match=r"asks to wait|rate limit"),
    ):
        kv.read("secret/a")


@pytest.mark.parametrize(
    ("text", "head"),
    [(b"x" * 1000, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000, b"")],
    ids=["body", "head"],
)
def test_a_byte_at_a_time_does_not_outlive_a_lease(text: bytes, head: bytes) -> None:
    with vault(lambda handler: (handler.wfile.write(head), dripping(text)(handler))[-1]) as kv:
        began = time.monotonic()
        with pytest.raises((Expired, Unavailable)):
            kv.write("secret/a", Document({}), cas=0, before=time.monotonic() + 0.5)
        assert time.monotonic() - began < 2


def test_nor_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ", 0.2)
    for reply in (dripping(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000), dripping(b"x")):
        with vault(reply) as kv:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                kv.read("secret/a")
        assert time.monotonic() - began < 6


@pytest.mark.parametrize("size", [http.LARGEST + 1, 1 << 30])
def test_an_answer_that_unpacks_to_more_than_there_can_be_is_refused(size: int) -> None:
    packed = bomb(size)
    assert len(packed) < 2_000_000
    with (
        vault(answer(200, packed, Content_Encoding="gzip")) as kv,
        pytest.raises(Unavailable, match=f"more than {http.LARGEST} bytes"),
    ):
        kv.read("secret/a")


def test_packed_answers_are_read() -> None:
    body = json.dumps({"data": {"data": {"k": "v"}, "metadata": json.loads(WRITTEN)["data"]}}).encode()
    with vault(answer(200, gzip.compress(body), Content_Encoding="gzip")) as kv:
        assert kv.read("secret/a")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"data":' * 100_000,
        b'{"data": {"data": ' + b"[" * 100_000 + b"]" * 100_000 + b', "metadata": {}}}',
        b"[]",
        b"null",
        b"<html>",
        b'{"data": []}',
        b'{"data": {"data": {}, "metadata": {"version": "x", "created_time": 7}}}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("call", ["read", "metadata", "write"])
def test_an_answer_that_makes_no_sense_is_named_so(call: str, body: bytes) -> None:
    with vault(answer(200, body)) as kv, pytest.raises(Unavailable, match="made no sense"):
        _ = kv.write("secret/a", Document({}), cas=0) if call == "write" else getattr(kv, call)("secret/a")


def test_a_server_without_patch_is_named() -> None:
    with vault(answer(405)) as kv, pytest.raises(Denied, match="405") as caught:
        kv.tag("secret/a", {})
    assert "1.9" in str(caught.value.hint)


def test_no_credentials_of_a_netrc_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password their-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    seen: list[dict[str, str]] = []
    with vault(answer(404, b'{"errors": []}'), seen=seen) as kv:
        assert kv.read("secret/a") is None
    assert seen
    assert not any("Authorization" in headers for headers in seen)
    assert all(headers["X-Vault-Token"] == "the-token" for headers in seen)


def test_loopback_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with vault(answer(404, b'{"errors": []}')) as kv:
        assert kv.read("secret/a") is None


WRONG = {
    "HTTPS_PROXY": ["http://", "://", "http://[::1", "http://127.0.0.1:abc", "ftp://127.0.0.1:1", "socks5://127.0.0.1:1",
                    "http://a:their-password@h:99999", "http://xn--\u00fc:1"],
    "ALL_PROXY": ["socks://127.0.0.1:1", "http://[", "socks5h://x"],
    "REQUESTS_CA_BUNDLE": ["/nonexistent/bundle.pem"],
    "CURL_CA_BUNDLE": ["/nonexistent/bundle.pem"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
@pytest.mark.parametrize("lower", [False, True])
def test_what_a_variable_makes_impossible_is_a_wrong_setting_that_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, lower: bool
) -> None:
    clean(monkeypatch)
    named = name.lower() if lower and "PROXY" in name else name
    monkeypatch.setenv(named, text)
    with pytest.raises(BadAddress) as caught:
        client("https://127.0.0.1:9").read("secret/a")
    told = f"{caught.value.message} {caught.value.hint}"
    assert named in told
    assert "their-password" not in told


@pytest.mark.parametrize("text", ["::1/128", "*", "[", ",,", "10.0.0.0/99"])
def test_every_exception_from_a_proxy_is_tolerated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    clean(monkeypatch)
    monkeypatch.setenv("NO_PROXY", text)
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)
    with pytest.raises(Unavailable, match="no connection"):
        client("https://127.0.0.1:9").read("secret/a")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)
    with pytest.raises(Unavailable, match="HTTPS_PROXY"):
        client("https://vault.example").read("secret/a")


def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("token", ["a\n", "a\r\n", "a\x00", "a\tb", "é", "\ufeffa"])
def test_a_token_that_no_header_can_carry_is_a_wrong_setting(token: str) -> None:
    given = Settings(url="https://127.0.0.1:9", auth=Auth(token="env:MY_TOKEN"))
    kv = Kv(Connection(given, lambda _: Secret(token), SystemClock()))
    with pytest.raises(BadAddress, match="env:MY_TOKEN"):
        kv.read("secret/a")


@pytest.mark.parametrize("namespace", ["a\nb", "é漢"])
def test_a_namespace_that_no_header_can_carry_is_a_wrong_setting(namespace: str) -> None:
    with pytest.raises(BadAddress, match=r"namespace \(VAULT_NAMESPACE\) holds a character"):
        client("https://127.0.0.1:9", namespace=namespace).read("secret/a")


def test_a_silent_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)
    with pytest.raises(Unavailable, match=r"no connection to 127\.0\.0\.1:9 ") as caught:
        client("http://127.0.0.1:9").read("secret/a")
    assert "VAULT_ADDR" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ("permission denied", "permission denied"),
        ("2 errors occurred: * permission denied * invalid token", "not valid"),
    ],
)
def test_a_denial_says_where_the_token_comes_from(errors: str, words: str) -> None:
    body = json.dumps({"errors": [errors]}).encode()
    with vault(answer(403, body)) as kv, pytest.raises(Denied, match=words) as caught:
        kv.read("secret/a")
    assert "env:VAULT_TOKEN" in str(caught.value.hint)


def test_nothing_of_one_connection_is_sent_by_another() -> None:
    """Tokens and namespaces go to their own server only, whatever was asked in this process before."""
    for namespace, other in (("team-a", "team-b"), ("team-a", None)):
        seen: list[dict[str, str]] = []
        with vault(answer(200, WRITTEN), seen=seen) as first:
            url = first._connection.name
            for name in (namespace, other):
                kv = client(url, namespace=name) if name else client(url)
                kv.write("secret/a", Document({}), cas=0)
                kv.tag("secret/a", {})
                kv.close()
        half = len(seen) // 2
        assert {headers.get("X-Vault-Namespace") for headers in seen[:half]} == {namespace}
        assert {headers.get("X-Vault-Namespace") for headers in seen[half:]} == {other}
