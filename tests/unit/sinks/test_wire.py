"""What is sent, and what is not sent any more when the process has slept in between: to each of the three servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
import requests

from bridge.auth0.api import Auth0
from bridge.auth0.tenant import Credentials, Tenant
from bridge.model.origin import Origin, Settable
from sinks import wire
from sinks.aws import Settings
from sinks.aws.api import Api
from sinks.aws.connection import connector
from sinks.clock import SystemClock
from sinks.errors import Expired
from sinks.secret import Secret
from sinks.shared import Shared
from sinks.vault.http import Adapter
from tests.unit.sinks.aws.factory import REGION

LEASE = 0.5
WORD = "what-is-not-to-arrive"


class Server:
    """Takes whatever is sent to it, and answers nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.got = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    while piece := connection.recv(65536):
                        self.got += piece

    def close(self) -> None:
        """Wait until all that was sent has come."""
        with suppress(OSError):  # a second time
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def to_vault(url: str, before: float) -> None:
    adapter = Adapter(SystemClock(), None)
    with requests.Session() as session, adapter.within(before):
        session.mount("http://", adapter)
        session.put(f"{url}/v1/secret/metadata/apps/x", json={"custom_metadata": {"x": WORD}})


def to_aws(url: str, before: float) -> None:
    lease = timedelta(seconds=LEASE)
    connect = connector(Settings(endpoint_url=url), REGION, lease, Shared())
    Api(connect, "apps/x", "aws://apps/x", SystemClock()).tag({"x": WORD}, before=before)


def to_auth0(url: str, before: float) -> None:
    auth0 = Auth0(Tenant(url, Credentials(api_token=Secret("ready-made")), SystemClock()))
    auth0.set_secret("AbC123", Settable(Secret(WORD), Origin.GENERATED), before=before)


ENDS = pytest.mark.parametrize("call", [to_vault, to_aws, to_auth0])


class Pieces:
    """Every piece that this process sends, and where it falls asleep: after so many calls of a kind."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.timeouts: list[float | None] = []
        for name in ("connect", "send", "sendall"):
            self._watch(name)
        self.sleeps_after = ("", 0)
        self._calls = dict.fromkeys(("connect", "send"), 0)

    def _watch(self, name: str) -> None:
        plain: Callable[..., Any] = getattr(socket.socket, name)
        kind = "connect" if name == "connect" else "send"

        def watched(sock: socket.socket, *told: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return plain(sock, *told)
            if kind == "send":
                self.timeouts.append(sock.gettimeout())
            found = plain(sock, *told)
            self._calls[kind] += 1
            if self.sleeps_after == (kind, self._calls[kind]):
                time.sleep(LEASE + 0.1)
            return found

        self._patch.setattr(socket.socket, name, watched)


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> Pieces:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    return Pieces(monkeypatch)


@pytest.mark.parametrize(
    ("call", "after"),
    [
        (to_vault, ("connect", 1)), (to_vault, ("send", 1)), (to_auth0, ("connect", 1)), (to_auth0, ("send", 1)),
        (to_aws, ("connect", 1)),  # botocore sends the head and the body as one piece
    ],
)  # fmt: skip
def test_a_process_that_slept_past_its_lease_sends_no_more(
    call: Callable[[str, float], None], after: tuple[str, int], server: Server, pieces: Pieces
) -> None:
    pieces.sleeps_after = after
    with pytest.raises(Expired):
        call(server.url, time.monotonic() + LEASE)
    server.close()
    assert WORD.encode() not in server.got


@ENDS
def test_nothing_waits_between_the_look_at_the_clock_and_the_sending(
    call: Callable[[str, float], None], server: Server, pieces: Pieces
) -> None:
    """A socket with a timeout would wait until it may send, and then for its turn among the threads."""
    with suppress(Exception):  # it is not answered
        call(server.url, time.monotonic() + LEASE)
    server.close()
    assert WORD.encode() in server.got
    assert set(pieces.timeouts) == {0}


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield ours, theirs


def test_more_than_fits_arrives_whole_and_the_sockets_timeout_stays() -> None:
    data, got = bytes(range(256)) * 4096, bytearray()
    with pair() as (ours, theirs):
        ours.settimeout(7)

        def read() -> None:
            while len(got) < len(data):
                time.sleep(0.0005)
                got.extend(theirs.recv(65536))

        reader = threading.Thread(target=read)
        reader.start()
        wire.send(ours, data)
        reader.join(10)
        assert ours.gettimeout() == 7
    assert bytes(got) == data


@pytest.mark.parametrize("left", [None, lambda: 0.1])
def test_one_who_takes_no_more_is_not_waited_for_for_ever(left: Callable[[], float] | None) -> None:
    with pair() as (ours, _):
        ours.settimeout(0.1 if left is None else 60)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            wire.send(ours, bytes(2**22), left)
    assert time.monotonic() - began < 5


def test_the_clock_is_looked_at_before_each_piece() -> None:
    looks: list[int] = []

    def in_time() -> None:
        looks.append(len(looks))
        if len(looks) == 3:
            raise Expired("over")

    with pair() as (ours, theirs):
        ours.settimeout(5)
        threading.Thread(target=lambda: (time.sleep(0.1), theirs.recv(2**20)), daemon=True).start()
        with wire.checked(in_time), pytest.raises(Expired):
            wire.send(ours, bytes(2**22))
    assert looks == [0, 1, 2]
    wire.check()  # it was for that call alone
