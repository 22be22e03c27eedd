"""Applications that ask for tokens without a break, in a process of their own, and what happened to them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

from bridge.consumer import ClientSecret, ConsumerError
from sinks import open_reader

AUDIENCE = "https://api.acme"
REFUSED = 401


@dataclass(frozen=True)
class Population:
    """`count` applications of one client that ask `rate` times a second each.

    `reader`: "candidates" or "latest". `refresh`: how old a value may be, in seconds of life. `uri`: their place.
    """

    name: str
    client_id: str
    uri: str
    reader: str
    refresh: float
    count: int
    rate: float


@dataclass
class Told:
    """What happened to a population; times in seconds of life."""

    acquisitions: int = 0
    refused: int = 0
    requests: int = 0
    more: int = 0
    slowest: float = 0.0
    outage: float = 0.0

    def add(self, other: Told) -> None:
        """Count another application's too."""
        self.acquisitions += other.acquisitions
        self.refused += other.refused
        self.requests += other.requests
        self.more += other.more
        self.slowest = max(self.slowest, other.slowest)
        self.outage = max(self.outage, other.outage)


class Faster:
    """A clock by which life goes `scale` times as fast."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def monotonic(self) -> float:
        return time.monotonic() * self._scale

    def now(self) -> Any:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self._scale)


@dataclass
class Asker(threading.Thread):
    """One application. `values` yields what it tries, the next one only when the last was refused."""

    population: Population
    auth0: str
    values: Callable[[], Any]
    clock: Faster
    ended: Event
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.auth0).netloc, timeout=10)
        since: float | None = None
        while not self.ended.is_set():
            began = self.clock.monotonic()
            requests, granted = self._acquire(connection)
            took = self.clock.monotonic() - began
            self.told.acquisitions += 1
            self.told.requests += requests
            self.told.more += granted and requests > 1
            self.told.slowest = max(self.told.slowest, took) if granted else self.told.slowest
            if granted:
                if since is not None:
                    self.told.outage = max(self.told.outage, self.clock.monotonic() - since)
                since = None
            else:
                self.told.refused += 1
                since = since if since is not None else began
            time.sleep(max(0.0, 1 / self.population.rate - took / self.clock._scale))
        if since is not None:
            self.told.outage = max(self.told.outage, self.clock.monotonic() - since)

    def _acquire(self, connection: http.client.HTTPConnection) -> tuple[int, bool]:
        requests = 0
        try:
            for candidate in self.values():
                requests += 1
                if self._granted(connection, candidate.reveal()):
                    candidate.accepted()
                    return requests, True
        except ConsumerError:
            pass
        return requests, False

    def _granted(self, connection: http.client.HTTPConnection, secret: str) -> bool:
        body = {"grant_type": "client_credentials", "audience": AUDIENCE, "client_id": self.population.client_id}
        text = json.dumps({**body, "client_secret": secret})
        connection.request("POST", "/oauth/token", text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status != REFUSED


class Latest:
    """A reader that only ever sees the latest value, and asks for it again when its time has come."""

    def __init__(self, reader: Any, refresh: float, offset: float, clock: Faster) -> None:
        self._reader = reader
        self._refresh = refresh
        self._clock = clock
        self._value: Any = None
        self._due = clock.monotonic() + offset
        self._guard = threading.Lock()

    def __call__(self) -> Any:
        with self._guard:
            if self._value is None or self._clock.monotonic() >= self._due:
                self._value = self._reader.latest().value
                self._due = max(self._due, self._clock.monotonic() - self._refresh) + self._refresh
        yield _Only(self._value)


@dataclass(frozen=True)
class _Only:
    value: Any

    def reveal(self) -> str:
        text: str = self.value.reveal()
        return text

    def accepted(self) -> None:
        """It is the only one."""


def live(
    population: Population, auth0: str, environ: Mapping[str, str], scale: float, ended: Event, results: Any
) -> None:
    """Run a population until it is ended, and put what happened to it into `results`: a process's work."""
    import os

    os.environ.update(environ)
    clock = Faster(scale)
    askers = [
        Asker(population, auth0, _values(population, environ, clock, number / population.count), clock, ended)
        for number in range(population.count)
    ]
    for asker in askers:
        asker.start()
    told = Told()
    for asker in askers:
        asker.join()
        told.add(asker.told)
    results.put((population.name, told))


def _values(population: Population, environ: Mapping[str, str], clock: Faster, part: float) -> Callable[[], Any]:
    """Return what one application tries; each has a cache of its own, of another age."""
    if population.reader == "latest":
        from bridge.consumer.client_secret import connector

        reader = connector(population.uri, None, environ, clock)()
        return Latest(reader, population.refresh, part * population.refresh, clock)
    secret = ClientSecret(
        population.client_id,
        population.uri,
        environ=environ,
        clock=clock,
        max_age=timedelta(seconds=population.refresh),
        ahead=population.reader == "candidates, ahead",
    )
    return secret.candidates


__all__ = ["AUDIENCE", "Population", "Told", "live", "open_reader"]
