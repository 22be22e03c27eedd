"""Applications that ask for tokens without a break, in a process of their own, and what happened to them."""

from __future__ import annotations

import http.client
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event, Semaphore
from typing import Any
from urllib.parse import urlsplit

from bridge.consumer import ConsumerError
from tests.bench.consumer_readers import Faster, Values, values

AUDIENCE = "https://api.acme"
UNAUTHORISED = 401


@dataclass(frozen=True)
class Population:
    """`count` applications of one client that ask `rate` times a second each, by the machine's clock.

    `reader` is one of `consumer_readers.values`, `refresh` its interval in seconds of life, which goes `scale` times as
    fast as the machine's clock. `auth0` is a URL.
    """

    name: str
    client_id: str
    uri: str
    reader: str
    refresh: float
    count: int
    rate: float
    scale: float
    auth0: str


@dataclass
class Told:
    """What happened to a population; times in seconds of life.

    `slowest` is of the acquisitions that met a refusal and succeeded; `single` is how long each of those took that
    needed one request, which is the machine's doing alone. `outage` is from the first refused acquisition of an
    application to the end of its next granted one.
    """

    acquisitions: int = 0
    refused: int = 0
    requests: int = 0
    more: int = 0
    slowest: float = 0.0
    outage: float = 0.0
    single: list[float] = field(default_factory=list)

    def add(self, other: Told) -> None:
        """Count another application's too."""
        self.acquisitions += other.acquisitions
        self.refused += other.refused
        self.requests += other.requests
        self.more += other.more
        self.slowest = max(self.slowest, other.slowest)
        self.outage = max(self.outage, other.outage)
        self.single += other.single


@dataclass(frozen=True)
class Signals:
    """Between the processes: each application says `ready` once, all begin at `go`, and stop when `ended` is set."""

    ready: Semaphore
    go: Event
    ended: Event
    results: Any


class Asker:
    """One application. `tried` gives what it tries, the next value only when the last one was refused."""

    def __init__(self, population: Population, number: int, tried: Values, signals: Signals) -> None:
        self.told = Told()
        self.population = population
        self._offset = number / population.count / population.rate
        self._tried = tried
        self._signals = signals
        self._clock = Faster(population.scale)
        self._http = http.client.HTTPConnection(urlsplit(population.auth0).netloc, timeout=30)

    def run(self) -> Told:
        """Ask until it is ended. The first time, which opens connections and fills caches, is not counted."""
        self._acquire()
        self._signals.ready.release()
        self._signals.go.wait()
        time.sleep(self._offset)
        since: float | None = None  # when the outage began that goes on
        while not self._signals.ended.is_set():
            began, started = self._clock.monotonic(), time.monotonic()
            requests, granted = self._acquire()
            since = self._note(began, requests, granted=granted, since=since)
            time.sleep(max(0.0, 1 / self.population.rate - (time.monotonic() - started)))
        if since is not None:
            self.told.outage = max(self.told.outage, self._clock.monotonic() - since)
        self._http.close()
        return self.told

    def _note(self, began: float, requests: int, *, granted: bool, since: float | None) -> float | None:
        """Count one acquisition; return since when there is an outage, None where there is none."""
        told, ended = self.told, self._clock.monotonic()
        told.acquisitions += 1
        told.requests += requests
        if not granted:
            told.refused += 1
            return began if since is None else since
        if requests > 1:
            told.more += 1
            told.slowest = max(told.slowest, ended - began)
        else:
            told.single.append(ended - began)
        if since is not None:
            told.outage = max(told.outage, ended - since)
        return None

    def _acquire(self) -> tuple[int, bool]:
        """Return how many requests were sent, and whether the last one was granted."""
        requests = 0
        try:
            for candidate in self._tried():
                requests += 1
                if self._granted(candidate.reveal()):
                    candidate.accepted()
                    return requests, True
        except ConsumerError:  # nothing could be read
            pass
        return requests, False

    def _granted(self, secret: str) -> bool:
        body = {"grant_type": "client_credentials", "audience": AUDIENCE, "client_id": self.population.client_id}
        text = json.dumps({**body, "client_secret": secret})
        self._http.request("POST", "/oauth/token", text, {"Content-Type": "application/json"})
        answer = self._http.getresponse()
        answer.read()
        if answer.status not in (http.client.OK, UNAUTHORISED):
            raise RuntimeError(f"the local Auth0 answered {answer.status}")
        return answer.status != UNAUTHORISED


def live(populations: Sequence[Population], environ: Mapping[str, str], signals: Signals) -> None:
    """Run populations until they are ended, and put what happened to each into `results`: a process's work."""
    os.environ.update(environ)
    logging.getLogger("bridge.consumer").setLevel(logging.CRITICAL)  # what it would say is counted here
    askers = [
        Asker(each, number, values(each, environ, number / each.count), signals)
        for each in populations
        for number in range(each.count)
    ]
    told = {each.name: Told() for each in populations}
    with ThreadPoolExecutor(len(askers)) as threads:
        for asker, found in zip(askers, threads.map(Asker.run, askers), strict=True):
            told[asker.population.name].add(found)
    for each in told.items():
        signals.results.put(each)
