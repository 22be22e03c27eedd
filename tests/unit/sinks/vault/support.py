from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bridge.sandbox.openbao import OpenBao
from sinks import LEASE
from sinks.clock import Clock
from sinks.errors import Unavailable
from sinks.secret import Secret
from sinks.shared import Shared
from sinks.vault import Auth, Settings
from sinks.vault import open as open_place
from sinks.vault.api import Kv
from sinks.vault.connection import Connection
from sinks.vault.sink import VaultSink
from tests.contract.clock import ManualClock
from tests.contract.harness import KEY, VaultHarness

RAW = ("config", "metadata", "read", "write", "tag", "destroy", "capabilities")
WRITES = ("write", "tag", "destroy")


def sink_at(
    server: OpenBao | str,
    target: str,
    *,
    settings: Settings | None = None,
    references: dict[str, str] | None = None,
    clock: Clock | None = None,
    lease: timedelta = LEASE,
) -> VaultSink:
    """Open a sink with the root token, or as the settings say."""
    url = server if isinstance(server, str) else server.url
    told = {"env:ROOT": "no-such-token" if isinstance(server, str) else server.token} | (references or {})
    return open_place(
        "vault",
        target,
        settings or Settings(url, auth=Auth(token="env:ROOT")),
        resolve=lambda name: Secret(told[name]),
        clock=clock or ManualClock(),
        lease=lease,
        shared=Shared(),
    )


class Calls:
    """A `Kv` whose raw calls are counted, and before or instead of which something else may happen."""

    def __init__(self, kv: Kv) -> None:
        self._kv = kv
        self.made: list[str] = []
        self.before: Callable[[int, str], None] = lambda number, name: None
        self.after: Callable[[int, str], None] = lambda number, name: None

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._kv, name)
        if name not in RAW:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            number = len(self.made)
            self.made.append(name)
            self.before(number, name)
            answer = real(*args, **kwargs)
            self.after(number, name)
            return answer

        return call

    def lose_answer_of(self, number: int) -> None:
        """Let one call be done, and its answer be lost."""
        self.after = lambda made, name: _lost() if made == number else None

    def lose_request_of(self, number: int) -> None:
        """Let one call not be done."""
        self.before = lambda made, name: _lost() if made == number else None


def _lost() -> None:
    raise Unavailable("the connection was lost")


def watched(place: VaultHarness) -> tuple[VaultSink, Calls]:
    """Return an operator's sink, and its raw calls."""
    settings = Settings(place.server.url, auth=Auth(token="env:ROOT"))
    connection = Connection(settings, lambda name: Secret(place.server.token), place.clock)
    calls = Calls(Kv(connection))
    path = f"secret/{place.path}"
    sink = VaultSink(
        place.uri, calls, path, KEY, lock_path=f"{path}/pending", clock=place.clock, lease=LEASE  # type: ignore[arg-type]  # recording calls
    )  # fmt: skip
    return sink, calls
