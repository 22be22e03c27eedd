"""An application: asks Auth0 for tokens with the values that it is given, and notes the events."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from bridge.consumer import Candidate, ClientSecret, Event
from tests.e2e.sinks import NO_TRUST
from tests.e2e.taps import ShiftedKv
from tests.e2e.world import World

AUDIENCE = "https://api.acme"


class Application:
    """A reader of one sink of a world. `stages` tells which candidates were tried since the last `ask`."""

    def __init__(self, world: World, uri: str, **options: Any) -> None:
        self.world = world
        self.events: list[Event] = []
        self.stages: list[str] = []
        told = {"environ": world.environment, "clock": world.clock, "on_event": self.events.append, **options}
        self.secret = ClientSecret(world.client_id, uri, **told)
        loading = self.secret._cache._loading
        connect, loading._connect = loading._connect, lambda: self._shifted(connect())
        self.http = httpx.Client(base_url=world.servers.auth0.url, verify=NO_TRUST, trust_env=False)

    def _shifted(self, reader: Any) -> Any:
        """Have Vault tell the time that all others live in."""
        if reader.uri.startswith("vault"):
            reader._kv = ShiftedKv(reader._kv, self.world.clock, self.world._written)
        return reader

    def ask(self) -> str | None:
        """Return the value that was accepted; None when every one was refused."""
        self.stages = []
        for candidate in self.secret.candidates():
            self.stages.append(candidate.stage)
            if self.accepts(candidate):
                candidate.accepted()
                return candidate.reveal()
        return None

    def accepts(self, candidate: Candidate) -> bool:
        body = {"grant_type": "client_credentials", "audience": AUDIENCE, "client_id": self.world.client_id}
        answer = self.http.post("/oauth/token", json={**body, "client_secret": candidate.reveal()})
        assert answer.status_code in (200, 401, 403), answer.status_code  # 403: the secret is right
        return answer.status_code != 401

    def close(self) -> None:
        self.http.close()
        self.secret.close()

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def applications(world: World, **options: Any) -> list[Application]:
    """Return one reader for each sink; they end with the world."""
    made = [Application(world, uri, **options) for uri in world.uris]
    for application in made:
        world._opened.callback(application.close)
    return made


def a_while(world: World, seconds: float) -> None:
    """Let time pass."""
    world.servers.clock.advance(timedelta(seconds=seconds))


Make = Callable[..., Application]


def soon(true: Callable[[], bool]) -> bool:
    """Wait for what the reading thread tells, which is a moment after the value is served."""
    for _ in range(100):
        if true():
            return True
        time.sleep(0.05)
    return False
