"""What others on this machine, pages and odd requests get from an agent, one row each."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.agent import server
from tests.unit.agent.running import Place, Running, all_of, free_port

SOON = 0.5  # seconds, instead of the agent's ten
NOBODY = 65534
TOKEN = '[agent.clients.billing]\ntoken = "env:CALLER"'
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
HEALTHY = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def unix(place: Place) -> Iterator[Running]:
    """An agent on a socket that everybody may connect to, and that gives tokens to whoever has the caller's token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "READ", SOON)
        patch.setenv("VAULT_TOKEN", place.world.servers.bao.token)
        patch.setenv("CALLER", place.token)
        with Running(place, f'socket = "{place.path()}"\nmode = "0666"', served=TOKEN) as running:
            assert running.ask(place.token).status_code == 200
            yield running


@pytest.fixture(scope="module")
def tcp(place: Place) -> Iterator[Running]:
    """The same on an address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "READ", SOON)
        patch.setenv("VAULT_TOKEN", place.world.servers.bao.token)
        patch.setenv("CALLER", place.token)
        with Running(place, f'address = "127.0.0.1:{free_port()}"\nvalues = true', served=TOKEN) as running:
            assert running.ask(place.token).status_code == 200
            yield running


def body(place: Place, secret: str | None = None) -> bytes:
    fields = place.ask(place.token if secret is None else secret)
    return "&".join(f"{name}={text}" for name, text in fields.items()).encode()


def post(place: Place, *headers: bytes, path: bytes = b"/oauth/token", version: bytes = b"HTTP/1.1") -> bytes:
    """A token request that is right but for what is said."""
    told = body(place)
    lines = b"".join(b"%s\r\n" % header for header in headers)
    return (
        b"POST %s %s\r\nHost: x\r\n%sContent-Length: %d\r\nConnection: close\r\n%s\r\n%s"
        % (path, version, FORM, len(told), lines, told)
    )  # fmt: skip


def said(agent: Running, *pieces: bytes) -> bytes:
    """Send bytes, and return everything that comes back until the agent closes."""
    with agent.connect() as connection:
        for piece in pieces:
            with contextlib.suppress(ConnectionError):
                connection.sendall(piece)
        return all_of(connection)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def lasts(agent: Running, feed: Callable[[socket.socket], object]) -> float:
    """Return for how many seconds the agent keeps a connection, into which bytes are fed again and again."""
    began = time.monotonic()
    with agent.connect() as connection:
        connection.settimeout(0.05)
        while time.monotonic() - began < 20:
            with contextlib.suppress(TimeoutError):
                try:
                    feed(connection)
                    if not connection.recv(65536):
                        break
                except ConnectionError:
                    break
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever was tried, the agent answers the next caller, and no other connection is left."""
    yield
    for name in {"unix", "tcp"} & set(request.fixturenames):
        agent: Running = request.getfixturevalue(name)
        assert agent.ask(agent.place.token).status_code == 200
        end = time.monotonic() + 10
        while agent.endpoint.connections() > 1 and time.monotonic() < end:
            time.sleep(0.02)
        assert agent.endpoint.connections() == 1


ANOTHER = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
    connection.sendall(sys.stdin.buffer.read())
    found = b""
    while piece := connection.recv(65536):
        found += piece
    print(found.decode())
except OSError as error:
    print(type(error).__name__)
"""


def as_another(agent: Running, request: bytes) -> str:
    """Send a request as the user nobody, and return the answer, or why there is none."""
    agent.place.directory.chmod(0o711)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ANOTHER, str(agent.agent.listen[0].socket)],
        input=request, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.decode().strip()


root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@root
def test_another_user_cannot_connect_where_the_mode_does_not_let_him(place: Place) -> None:
    for mode in ("0660", "0600", "0664"):
        with Running(place, f'socket = "{place.path()}"\nmode = "{mode}"') as agent:
            assert as_another(agent, post(place)) == "PermissionError"
            assert agent.ask().status_code == 200


@root
def test_another_user_is_known_by_his_number(place: Place) -> None:
    listen = f'socket = "{place.path()}"\nmode = "0666"\nusers = ["0"]'
    with Running(place, listen) as agent:
        answer = as_another(agent, post(place))
        assert " 403 " in answer
        assert f"the user {NOBODY} is not among agent.listen.users" in answer
        assert place.asked == 0
    with Running(place, f'socket = "{place.path()}"\nmode = "0666"\nusers = ["{NOBODY}"]') as agent:
        assert " 200 " in as_another(agent, post(place))
        assert agent.refused()[0] == 403  # root is nobody special


@root
def test_another_user_needs_the_token_where_everybody_may_connect(unix: Running, place: Place) -> None:
    assert " 401 " in as_another(unix, post(place).replace(place.token.encode(), b"x" * len(place.token)))
    assert " 200 " in as_another(unix, post(place))


def test_on_an_address_nothing_is_given_without_the_token(tcp: Running, place: Place) -> None:
    for secret in ("", "x", place.world.live, place.token[:-1]):
        assert tcp.refused(secret)[:2] == (401, "invalid_client")
    assert tcp.http.get("/v1/secret/billing").status_code == 401
    assert place.asked == 0


def test_guessing_tokens_costs_auth0_nothing_and_tells_nothing(tcp: Running, place: Place) -> None:
    answers = {tcp.refused(secrets.token_hex(32)) for _ in range(100)}
    assert answers == {(401, "invalid_client", "client_secret: not the token of agent.clients.billing.token")}
    assert place.asked == 0
    assert place.read == 0


PAGES = {
    "a form that a page sends": [b"Origin: https://evil.example"],
    "a form of an opaque page": [b"Origin: null"],
    "a fetch without CORS": [b"Sec-Fetch-Mode: no-cors", b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Dest: empty"],
    "a link": [b"Sec-Fetch-Dest: document"],
    "a page of the same name": [b"sec-fetch-site: same-origin"],
}
PROXIED = {
    "by a proxy": [b"Via: 1.1 proxy"],
    "for somebody": [b"X-Forwarded-For: 10.0.0.1"],
    "by another name": [b"X-Forwarded-Host: agent"],
    "by RFC 7239": [b"Forwarded: for=10.0.0.1"],
}


@pytest.mark.parametrize("headers", [*PAGES.values(), *PROXIED.values()], ids=[*PAGES, *PROXIED])
def test_a_page_or_a_proxy_gets_nothing(unix: Running, place: Place, headers: list[bytes]) -> None:
    answer = said(unix, post(place, *headers))
    assert status(answer) == 403
    assert b"access_token" not in answer
    assert b"access-control" not in answer.lower()
    lines = b"".join(b"%s\r\n" % header for header in headers)
    for path in (b"/healthz", b"/metrics", b"/v1/secret/billing"):
        assert status(said(unix, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n" % (path, lines))) == 403
    assert place.asked == 0


def test_a_page_may_not_ask_whether_it_may(unix: Running) -> None:
    ask = b"OPTIONS /oauth/token HTTP/1.1\r\nHost: x\r\nOrigin: https://evil\r\nAccess-Control-Request-Method: POST\r\n"
    answer = said(unix, ask + b"Connection: close\r\n\r\n")
    assert status(answer) == 403
    assert b"access-control" not in answer.lower()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "10.0.0.1:{port}", "127.0.0.1", "127.0.0.1:1"])
def test_a_name_that_leads_here_is_not_enough(tcp: Running, place: Place, host: str) -> None:
    _, port = tcp.agent.listen[0].address or ("", 0)
    answer = tcp.ask(place.token, {"Host": host.format(port=port)})
    assert answer.status_code == 421
    assert "access_token" not in answer.text


def test_a_request_forgery_by_get_gets_no_token(tcp: Running, place: Place) -> None:
    query = "&".join(f"{name}={text}" for name, text in place.ask(place.token).items())
    answer = tcp.http.get(f"/oauth/token?{query}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert tcp.http.post(f"/oauth/token?{query}", data={}).status_code == 400
    assert tcp.http.get("/v1/secret/billing").status_code == 401
    assert place.asked == 0


SLOW = {
    "nothing at all": lambda _: None,
    "a head, byte by byte": lambda connection: connection.send(b"a"),
    "headers without an end": lambda connection: connection.send(b"x-a: b\r\n"),
    "empty lines": lambda connection: connection.send(b"\r\n"),
}


@pytest.mark.parametrize("feed", SLOW.values(), ids=SLOW)
def test_a_slow_head_is_cut(unix: Running, feed: Callable[[socket.socket], object]) -> None:
    assert lasts(unix, feed) < 5


def first_whole(then: Callable[[socket.socket], object]) -> Callable[[socket.socket], object]:
    """Send one whole request first, and go on when it is answered."""
    sent: list[bool] = []

    def feed(connection: socket.socket) -> None:
        if not sent:
            connection.sendall(HEALTHY)
            sent.append(bool(connection.recv(65536)))
        else:
            then(connection)

    return feed


@pytest.mark.parametrize("feed", SLOW.values(), ids=SLOW)
def test_a_slow_second_request_is_cut(unix: Running, monkeypatch: pytest.MonkeyPatch, feed: Any) -> None:
    monkeypatch.setattr(unix._server.config, "timeout_keep_alive", SOON)
    assert lasts(unix, first_whole(feed)) < 5


def test_half_of_a_second_request_behind_the_first_is_cut(unix: Running) -> None:
    with unix.connect() as connection:
        connection.sendall(HEALTHY + b"GET /healthz HTTP/1.1\r\nHo")
        began = time.monotonic()
        assert all_of(connection).count(b"200 OK") == 1
        assert time.monotonic() - began < 5


BODIES = {
    "a body that does not come": b"Content-Length: 100\r\n\r\n",
    "a body that is too short": b"Content-Length: 100\r\n\r\ngrant_type=",
    "chunks that do not come": b"Transfer-Encoding: chunked\r\n\r\n5\r\ngrant",
}


@pytest.mark.parametrize("rest", BODIES.values(), ids=BODIES)
def test_a_slow_body_is_cut(unix: Running, rest: bytes) -> None:
    began = time.monotonic()
    assert said(unix, b"POST /oauth/token HTTP/1.1\r\nHost: x\r\n" + FORM + rest) == b""
    assert SOON * 0.9 < time.monotonic() - began < 5


def test_chunks_without_an_end_are_refused_when_they_are_too_many(unix: Running) -> None:
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    sent: list[int] = []

    def feed(connection: socket.socket) -> None:
        if not sent:
            connection.sendall(
                b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + FORM + b"\r\n"
            )
        sent.append(connection.send(chunk))

    with unix.connect() as connection:
        for _ in range(6):
            feed(connection)
        assert status(connection.recv(65536)) == 413
    assert lasts(unix, lambda connection: connection.send(chunk)) < 5


@pytest.mark.parametrize("length", [16385, 10**6, 10**18, 10**400])
def test_a_body_that_says_that_it_is_huge_is_refused_before_it_comes(unix: Running, length: int) -> None:
    head = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s\r\n" % (length, FORM)
    with unix.connect() as connection:
        connection.sendall(head)
        assert status(connection.recv(65536)) in (413, 400)


def test_a_huge_head_is_refused(unix: Running) -> None:
    assert status(said(unix, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70000)) in (400, 0)
    assert status(said(unix, b"GET /" + b"x" * 70000)) in (400, 0)
    many = b"".join(b"x%d: y\r\n" % number for number in range(4000))
    whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + many + b"\r\n"
    assert status(said(unix, whole)) in (431, 400, 0)


def test_more_connections_than_there_is_room_for_are_closed_at_once(
    unix: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST", unix.endpoint.connections() + 5)
    monkeypatch.setattr(server, "READ", 20.0)
    with contextlib.ExitStack() as opened:
        held = [opened.enter_context(unix.connect()) for _ in range(5)]
        for _ in range(3):
            assert said(unix) == b""
        assert unix.http.get("/healthz").status_code == 200  # who is connected is served
        held[0].sendall(HEALTHY)
        assert status(held[0].recv(65536)) == 200
        held[0].close()
        end = time.monotonic() + 10
        while unix.endpoint.connections() > 5 and time.monotonic() < end:
            time.sleep(0.02)
        assert status(said(unix, HEALTHY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) == 200


def test_one_listener_that_is_full_leaves_room_at_another(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST", 2)
    first, other = place.path(), place.path()
    with Running(place, f'socket = "{first}"', f'socket = "{other}"') as agent, contextlib.ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(agent.connect())
        assert said(agent) == b""
        found = opened.enter_context(socket.socket(socket.AF_UNIX))
        found.connect(str(other))
        found.sendall(HEALTHY)
        assert status(found.recv(65536)) == 200


def test_requests_in_one_piece_are_answered_one_after_another(unix: Running, place: Place) -> None:
    answer = said(unix, HEALTHY * 20 + post(place))
    assert answer.count(b"HTTP/1.1 200") == 21
    assert answer.count(b"access_token") == 1


def test_whoever_does_not_read_his_answers_is_cut(unix: Running) -> None:
    metrics = HEALTHY.replace(b"healthz", b"metrics") * 50
    began = time.monotonic()
    with unix.connect() as connection:
        connection.settimeout(0.2)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 15:
                with contextlib.suppress(TimeoutError):
                    connection.send(metrics)
    assert time.monotonic() - began < 14


def test_http_1_0_is_answered_where_no_host_is_needed(unix: Running, tcp: Running, place: Place) -> None:
    assert status(said(unix, post(place, version=b"HTTP/1.0").replace(b"Host: x\r\n", b""))) == 200
    assert status(said(tcp, post(place, version=b"HTTP/1.0").replace(b"Host: x\r\n", b""))) == 421


INVALID = {
    "no HTTP": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bare header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nfoo\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc",
    "a zero byte": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "letters in the path": "GET /hé HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "two lengths": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a length below zero": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length with a sign": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
    "an unknown coding": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}  # fmt: skip


@pytest.mark.parametrize("request_", INVALID.values(), ids=INVALID)
def test_what_is_no_http_is_refused(unix: Running, request_: bytes, caplog: pytest.LogCaptureFixture) -> None:
    answer = said(unix, request_)
    assert status(answer) in (400, 501, 0)
    assert b"access_token" not in answer
    assert "Traceback" not in caplog.text


def test_garbage_behind_a_request_ends_the_connection_quietly(
    unix: Running, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    told = post(place).replace(b"Connection: close\r\n", b"")
    for garbage in (b"\x00\x01garbage\r\n\r\n", b"GET / HTTP/9\r\n\r\n"):
        assert status(said(unix, told + garbage)) in (200, 400)
        large = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + FORM + b"\r\n"
        said(unix, large + b"4100\r\n" + b"x" * 0x4100 + b"\r\n", garbage)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


PATHS = {
    b"//oauth/token": 404, b"/oauth/token/": 404, b"/oauth//token": 404, b"/./oauth/token": 404,
    b"/x/../oauth/token": 404, b"/OAUTH/TOKEN": 404, b"/oauth/token;x": 404, b"/oauth/token%00": 404,
    b"/oauth/token%20": 404, b"/oauth%5ctoken": 404, b"http://evil.example/oauth/token": 404, b"/oauth/token%": 404,
    b"*": 404, b"oauth/token": 404, b"/oauth%2ftoken": 200, b"/%6fauth/token": 200, b"/": 404, b"/oauth": 404,
    b"/oauth/token?x=y": 200, b"/oauth/token#x": 404,
}  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), PATHS.items(), ids=[path.decode() for path in PATHS])
def test_one_path_leads_to_tokens(unix: Running, place: Place, path: bytes, expected: int) -> None:
    answer = said(unix, post(place, path=path))
    assert status(answer) == expected or (expected == 404 and status(answer) in (400, 405))
    assert (b"access_token" in answer) is (expected == 200)


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "FOO", "post"]
)
def test_only_post_gets_a_token(unix: Running, place: Place, method: str) -> None:
    answer = said(unix, post(place).replace(b"POST", method.encode(), 1))
    assert status(answer) == 405
    assert b"access_token" not in answer
    assert b"\r\nallow: POST\r\n" in answer
    if method == "HEAD":
        assert answer.endswith(b"\r\n\r\n")


def test_a_length_beside_chunks_is_refused(unix: Running, place: Place) -> None:
    told = body(place)
    both = b"Host: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(told) + FORM
    smuggled = b"%x\r\n%s\r\n0\r\n\r\n" % (len(told), told)
    answer = said(unix, b"POST /oauth/token HTTP/1.1\r\nConnection: close\r\n" + both + b"\r\n" + smuggled)
    assert status(answer) == 400
    assert b"access_token" not in answer


def test_another_protocol_is_an_ordinary_request(unix: Running, caplog: pytest.LogCaptureFixture) -> None:
    lines = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
    with unix.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n")
        assert status(connection.recv(65536)) == 200
    for line in (b"PRI * HTTP/2.0", b"GET /healthz HTTP/3.0"):
        answer = said(unix, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 ")
    assert "Traceback" not in caplog.text


def test_a_crowd_that_is_odd_at_once_keeps_nobody_waiting(unix: Running, place: Place) -> None:
    odd = [*INVALID.values(), *(post(place, path=path) for path in PATHS), HEALTHY[:9], b"\x00" * 20000]
    threads = [threading.Thread(target=said, args=(unix, each)) for each in odd * 2]
    for thread in threads:
        thread.start()
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert unix.ask(place.token).status_code == 200
        took.append(time.monotonic() - began)
    for thread in threads:
        thread.join()
    assert min(took) < 5
