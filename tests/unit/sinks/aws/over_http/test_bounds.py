"""How long a call may take, and how large an answer may be, whatever the server does."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
import stamina

from sinks.aws import Settings, open_reader
from sinks.aws import access as access_module
from sinks.aws.transport import LARGEST
from sinks.clock import SystemClock
from sinks.errors import Expired, SinkError, Unavailable
from sinks.shared import Shared
from tests.support.proxy import Answer, Proxy
from tests.unit.sinks.aws.factory import REGION, make_lock, make_sink, no_references

LEASE = timedelta(seconds=1)
DATE = b"Date: Mon, 23 Nov 2026 02:00:00 GMT\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n" + DATE
DONE = b'{"ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:apps/x-AbCdEf"}'
Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handle: Handler) -> Iterator[str]:
    """Answer each connection's first request by `handle`."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ended = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            handle(connection)

    def serve() -> None:
        while not ended.is_set():
            with suppress(TimeoutError):
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        listener.close()


def drip(whole: bytes) -> Handler:
    """Send a byte every 0.2 s: less than the wait for one piece of an answer, and long as a whole."""

    def handle(connection: socket.socket) -> None:
        for number in range(len(whole)):
            connection.sendall(whole[number : number + 1])
            time.sleep(0.2)

    return handle


def at_once(begin: bytes, then: Handler) -> Handler:
    def handle(connection: socket.socket) -> None:
        connection.sendall(begin)
        then(connection)

    return handle


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body)


SLOW = {
    "headers": drip(with_length(DONE) + DONE),
    "body": at_once(with_length(DONE), drip(DONE)),
    "body without a length": at_once(HEAD + b"Connection: close\r\n\r\n", drip(DONE)),
    "spaces before a whole answer": at_once(HEAD + b"Connection: close\r\n\r\n" + DONE, drip(b" " * 40)),
    "chunks": at_once(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", drip(b"1\r\n{\r\n" * 100)),
}


@pytest.mark.parametrize("handle", SLOW.values(), ids=SLOW)
def test_a_read_that_is_answered_slowly_ends_with_an_error(handle: Handler) -> None:
    with serving(handle) as url:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            make_sink(settings=Settings(endpoint_url=url), lease=LEASE).read()
        assert time.monotonic() - began < 3 * LEASE.total_seconds()


@pytest.mark.parametrize("handle", SLOW.values(), ids=SLOW)
def test_a_guarded_call_that_is_answered_slowly_is_no_success(handle: Handler) -> None:
    with serving(handle) as url:
        sink = make_sink(settings=Settings(endpoint_url=url), lease=LEASE, clock=SystemClock())
        began = time.monotonic()
        with pytest.raises((Unavailable, Expired)):
            sink._access.api.label("FALLBACK", remove="x" * 36, before=time.monotonic() + LEASE.total_seconds())
        assert time.monotonic() - began < 3 * LEASE.total_seconds()


def test_a_reader_ends_too(name: str) -> None:
    with serving(SLOW["body"]) as url:
        reader = open_reader(
            "aws",
            f"{REGION}/x",
            Settings(endpoint_url=url),
            resolve=no_references,
            clock=SystemClock(),
            timeout=LEASE,
            shared=Shared(),
        )
        began = time.monotonic()
        with pytest.raises(Unavailable):
            reader.latest()
        assert time.monotonic() - began < 10 * LEASE.total_seconds()  # boto3 tries three times


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(announced: bool) -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        length = b"Content-Length: 4294967296\r\n" if announced else b"Connection: close\r\n"
        connection.sendall(HEAD + length + b"\r\n")
        while sent < 16 * LARGEST:
            sent += connection.send(b" " * 65536)

    with serving(flood) as url, pytest.raises(Unavailable, match="TooLarge"):
        make_sink(settings=Settings(endpoint_url=url), lease=timedelta(seconds=10)).read()
    assert sent < 4 * LARGEST


@pytest.mark.parametrize("status", [b"200 OK", b"400 Bad Request"])
def test_an_answer_that_is_nested_too_deeply_is_an_error_of_ours(status: bytes) -> None:
    deep = b"[" * 200_000

    def handle(connection: socket.socket) -> None:
        connection.sendall(with_length(deep).replace(b"200 OK", status) + deep)
        connection.recv(1 << 16)  # what was asked is read, so that the end of the connection is no reset

    with serving(handle) as url, pytest.raises(Unavailable, match="nested too deeply"):
        make_sink(settings=Settings(endpoint_url=url)).read()


class Throttle:
    """Refuses the first `count` requests, and asks for a wait."""

    def __init__(self, wait: str | None, *, header: str = "Retry-After", status: int = 429, count: int = 10**6) -> None:
        told = ((header, wait),) if wait else ()
        body = json.dumps({"__type": "ThrottlingException" if wait is None else "SlowDownPlease"}).encode()
        headers = (("Content-Type", "application/x-amz-json-1.1"), *told)
        self._answer = Answer(status, "No", headers, body)
        self._left = count
        self.asked = 0

    def __call__(self, what: str, ask: Callable[[], Answer]) -> Answer:
        self.asked += 1
        if self._left:
            self._left -= 1
            return self._answer
        return ask()


@pytest.mark.parametrize(
    ("header", "wait", "status"),
    [
        ("Retry-After", "3600", 429),
        ("Retry-After", "3600", 503),
        ("x-amz-retry-after", "3600000", 400),
        ("Retry-After", "999999999", 429),
    ],
)
def test_a_long_wait_is_reported_and_not_waited(server: str, header: str, wait: str, status: int) -> None:
    stamina.set_testing(False)
    throttle = Throttle(wait, header=header, status=status)
    if status == 400:
        throttle._answer = Answer(400, "No", throttle._answer.headers, b'{"__type": "ThrottlingException"}')
    with Proxy(server, gate=throttle) as proxy:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            make_sink(settings=Settings(endpoint_url=proxy.url)).read()
    seconds = wait if status != 400 else "3600"
    assert f"asks to wait {seconds} s" in caught.value.message
    assert f"wait {seconds} s" in str(caught.value.hint)
    assert throttle.asked == 1
    assert time.monotonic() - began < 2


def test_a_short_wait_is_waited(server: str, name: str) -> None:
    stamina.set_testing(False)
    throttle = Throttle("1", count=1)
    with Proxy(server, gate=throttle) as proxy:
        began = time.monotonic()
        assert make_sink(name, settings=Settings(endpoint_url=proxy.url)).read().exists
    assert time.monotonic() - began >= 1


def test_waits_together_stay_within_the_budget(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stamina.set_testing(False)
    monkeypatch.setattr(access_module, "BUDGET", timedelta(seconds=1.5))
    throttle = Throttle("1")
    with Proxy(server, gate=throttle) as proxy:
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"asks to wait 1 s \(2 tries in 1 s\)"):
            make_sink(settings=Settings(endpoint_url=proxy.url)).read()
    assert time.monotonic() - began < 2.5


def test_throttling_without_a_wait_says_how_often_it_was_tried(server: str) -> None:
    stamina.set_testing(False)
    with Proxy(server, gate=Throttle(None, status=400)) as proxy, pytest.raises(SinkError) as caught:
        make_sink(settings=Settings(endpoint_url=proxy.url)).read()
    assert "AWS is throttling this account (3 tries in" in caught.value.message


def test_a_claim_that_is_asked_to_wait_too_long_was_not_carried_out(server: str, name: str) -> None:
    stamina.set_testing(False)
    state = make_sink(name, settings=Settings(endpoint_url=server)).read()
    with Proxy(server, gate=Throttle("3600")) as proxy:
        sink = make_sink(name, settings=Settings(endpoint_url=proxy.url))
        with pytest.raises(Unavailable, match="asks to wait 3600 s") as caught:
            sink.claim(state, make_lock(), None)
    assert not caught.value.unsure
