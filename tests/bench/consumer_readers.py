"""How applications come by the values that they try: `bridge.consumer`, and what others do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import hvac
import requests
from hvac.exceptions import VaultError

from bridge.consumer import ClientSecret
from sinks import split

if TYPE_CHECKING:
    from tests.bench.population import Population

ORDER = ("client_secret", "client_secret_next", "client_secret_previous")
"""The keys of a document with sibling keys, in the order in which they are tried."""

AWS_CACHE = "aws-secretsmanager-caching"
AGAIN = 10.0  # seconds of life until a sink is read again that could not be read
PATIENCE, PAUSE, LONGEST_PAUSE = 35.0, 0.2, 5.0  # seconds of life, as docs/guide/applications.md says


class Value(Protocol):
    """A value to try."""

    def reveal(self) -> str:
        """Return its text."""
        ...

    def accepted(self) -> None:
        """Hear that it worked."""
        ...


Values = Callable[[], Iterable[Value]]


class Faster:
    """A clock by which life goes `scale` times as fast as by the machine's."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def monotonic(self) -> float:
        """Return seconds of life."""
        return time.monotonic() * self.scale

    def now(self) -> datetime:
        """Refuse: nobody needs it."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        """Wait, in seconds of life."""
        time.sleep(seconds / self.scale)


class Polled:
    """What an application knows of its place: read when it starts, and then at fixed times, whatever it met meanwhile.

    `part` of the interval `every` is when the first of those times is. A reading that fails is repeated soon.
    """

    def __init__(self, read: Callable[[], Mapping[str, str]], every: float, part: float, clock: Faster) -> None:
        self._read = read
        self._every = every
        self._clock = clock
        self._known = read()
        self._due = clock.monotonic() + every * part
        self._again = 0.0

    def known(self) -> Mapping[str, str]:
        """Return the keys and values, as old as they may be."""
        now = self._clock.monotonic()
        if now >= self._due and now >= self._again:
            try:
                self._known = self._read()
            except (VaultError, requests.RequestException):
                self._again = now + AGAIN
            else:
                self._due += ((now - self._due) // self._every + 1) * self._every
        return self._known


@dataclass(frozen=True)
class Plain:
    """A value of a plain reader; `accept` is told when it worked."""

    text: str
    accept: Callable[[str], None] = lambda _text: None

    def reveal(self) -> str:
        """Return the text (`Value.reveal`)."""
        return self.text

    def accepted(self) -> None:
        """Remember it (`Value.accepted`)."""
        self.accept(self.text)


class SiblingKeys:
    """Tries what one document holds: the value, the next and the previous one, in rounds while a change may spread."""

    def __init__(self, polled: Polled, clock: Faster) -> None:
        self._polled = polled
        self._clock = clock
        self._worked = ""

    def __call__(self) -> Iterator[Plain]:
        """Yield the next value to try, the one that worked last in front."""
        end, pause = self._clock.monotonic() + PATIENCE, PAUSE
        while True:
            known = self._polled.known()
            different = dict.fromkeys(known[key] for key in ORDER)
            for text in sorted(different, key=lambda text: text != self._worked):
                yield Plain(text, self._accept)
            if self._clock.monotonic() >= end:
                return
            self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _accept(self, text: str) -> None:
        self._worked = text


class Living:
    """A reader of the bridge's whose server seems to live at the faster pace: what it dates lies so much farther back.

    Vault tells the time in whole seconds of the machine's, so it is right to one of them.
    """

    def __init__(self, real: Any, scale: float) -> None:
        self._real = real
        self._scale = scale

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def latest(self) -> Any:
        """Read current (`sinks.reader.Reader.latest`)."""
        found = self._real.latest()
        if found.promoted is None:
            return found
        return replace(found, promoted=found.at - (found.at - found.promoted) * self._scale)


def values(population: Population, environ: Mapping[str, str], part: float) -> Values:
    """Return what one application tries; each has a cache of its own, at `part` of its age."""
    clock = Faster(population.scale)
    match population.reader:
        case "candidates" | "ahead":
            return _candidates(population, environ, clock)
        case "aws cache":
            return _cached_by_aws(population)
        case "sibling_keys":
            return SiblingKeys(Polled(_document(population, environ), population.refresh, part, clock), clock)
        case "latest":
            polled = Polled(_document(population, environ), population.refresh, part, clock)
            return lambda: (Plain(polled.known()["client_secret"]),)
    raise ValueError(population.reader)


def _candidates(population: Population, environ: Mapping[str, str], clock: Faster) -> Values:
    secret = ClientSecret(
        population.client_id,
        population.uri,
        environ=environ,
        clock=clock,
        max_age=timedelta(seconds=population.refresh),
        ahead=population.reader == "ahead",
    )
    loading = secret._cache._loading
    connect, loading._connect = loading._connect, lambda: Living(connect(), clock.scale)
    return secret.candidates


def _document(population: Population, environ: Mapping[str, str]) -> Callable[[], Mapping[str, str]]:
    """Return what reads the latest document of a sink in Vault, as any client of Vault does."""
    mount, _, path = split(population.uri)[1].partition("/")
    kv = hvac.Client(environ["VAULT_ADDR"], environ["VAULT_TOKEN"]).secrets.kv.v2

    def read() -> Mapping[str, str]:
        answer = kv.read_secret_version(path, mount_point=mount, raise_on_deleted_version=True)
        document: Mapping[str, str] = answer["data"]["data"]
        return document

    return read


_connecting = threading.Lock()


def _cached_by_aws(population: Population) -> Values:
    """Return what AWS's own caching client gives, with its defaults, its hour made as much shorter as all of life."""
    import boto3
    from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

    region, _, name = split(population.uri)[1].partition("/")
    with _connecting:
        client = boto3.client("secretsmanager", region_name=region)
    cache = SecretCache(SecretCacheConfig(secret_refresh_interval=round(population.refresh / population.scale)), client)

    def value() -> Iterable[Plain]:
        return (Plain(json.loads(cache.get_secret_string(name))["client_secret"]),)

    return value
