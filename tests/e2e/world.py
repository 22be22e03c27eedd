"""The servers, and in them one client with its two sinks: what a test happens in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Self

import httpx

from bridge.auth0.api import connect
from bridge.config.environment import from_environment
from bridge.config.settings import ClientSettings
from bridge.execution.session import Session
from bridge.model.outcome import Outcome
from bridge.model.timing import Timing
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.rotate import RotateOptions, rotate
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from sinks import open_sink, split
from sinks.port import Sink
from sinks.references import resolve
from tests.e2e.clock import Shifted
from tests.e2e.sinks import NO_TRUST, REGION, AwsPlace, VaultPlace
from tests.e2e.taps import ShiftedKv, Tap, Trace
from tests.support.strict_moto import controls

SCOPES = ("update:client_keys", "read:clients", "read:client_keys")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Servers:
    """A local Auth0, OpenBao and strict moto; Auth0 and moto live in the shifted time."""

    auth0: LocalAuth0
    bao: OpenBao
    aws_url: str
    clock: Shifted


class World:
    """One client of Auth0, `secret/apps/NAME` in Vault and `apps/NAME` in AWS. `s0` is the client's first secret."""

    def __init__(  # a test says what differs
        self,
        servers: Servers,
        name: str,
        clock: Shifted,
        *,
        kind: str = "machine",
        scopes: Iterable[str] = SCOPES,
        key: str = "client_secret",
        bare: bool = False,
        ends: str = "vault aws",
        aws: type[AwsPlace] = AwsPlace,
        **properties: Any,
    ) -> None:
        self.servers = servers
        self.clock = clock
        self.tenant = servers.auth0.tenant
        self.own = self.tenant.add_management_client(scopes, name="secret-bridge")
        client = self.tenant.add_client(kind=kind, **{"name": f"billing-{name}", **properties})
        self.client_id, self.s0 = client
        self.vault = VaultPlace(servers.bao, name, key)
        self.aws = aws(servers.aws_url, name, None if bare else key)
        both: tuple[VaultPlace | AwsPlace, ...] = (self.vault, self.aws)
        self.sinks = tuple(place for place in both if place.uri.partition(":")[0] in ends)
        self._written: dict[tuple[str, int], timedelta] = {}
        self._opened = ExitStack()
        for place in both:
            self._opened.callback(place.close)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def uris(self) -> tuple[str, ...]:
        """The sinks as they are typed: in no order that means anything, each with what it needs."""
        mark = "?bare" if self.aws.key is None else ("" if self.aws.key == "client_secret" else f"#{self.aws.key}")
        key = "" if self.vault.key == "client_secret" else f"#{self.vault.key}"
        typed = {self.vault: f"{self.vault.uri}{key}", self.aws: f"{self.aws.uri}{mark}"}
        return tuple(typed[place] for place in self.sinks)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AUTH0_DOMAIN": self.servers.auth0.url,
            "AUTH0_CLIENT_ID": self.own.client_id,
            "AUTH0_CLIENT_SECRET": self.own.client_secret,
            "BRIDGE_MIN_INTERVAL": "0s",  # tests rotate more often than people do
            "VAULT_ADDR": self.servers.bao.url,
            "VAULT_TOKEN": self.servers.bao.token,
            "BRIDGE_PROPAGATION": f"{self.tenant.settings.propagation // timedelta(seconds=1)}s",
            "AWS_ENDPOINT_URL": self.servers.aws_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
        }

    def session(self, uris: Iterable[str] = (), trace: Trace | None = None, **settings: Any) -> Session:
        """Open a job as the command line does, but with this world's clock and with taps on its raw calls."""
        found, client = self._settings(tuple(uris) or self.uris)
        tenant = found.tenants[client.tenant]
        resolver = partial(resolve, environ=self.environment)
        trace = trace or Trace(self.clock)
        timing = Timing(tenant.propagation)
        sinks = {}
        for uri in client.sinks:
            vault = found.vaults[split(uri)[0]]
            sink = open_sink(uri, vault.type, vault.options, resolve=resolver, clock=self.clock, lease=timing.lease)
            self._tap(sink, trace)
            sinks[sink.uri] = sink
        plain = httpx.HTTPTransport(verify=NO_TRUST)
        auth0: Any = Tap(connect(tenant, resolver, self.clock, plain), "auth0", trace)
        self._opened.callback(auth0._real.tenant.http.close)
        return Session(
            settings=replace(client, **settings),
            auth0=auth0,
            sinks=dict(sorted(sinks.items())),
            clock=self.clock,
            timing=timing,
            actor="test",
        )

    @cached_property
    def onlooker(self) -> Session:
        """A job that is only looked with."""
        return self.session()

    def _settings(self, uris: tuple[str, ...]) -> tuple[Any, ClientSettings]:
        settings = from_environment(self.client_id, uris, self.environment)
        return settings, settings.clients[self.client_id]

    def _tap(self, sink: Any, trace: Trace) -> Sink:
        if sink.uri.startswith("vault"):
            kv = Tap(ShiftedKv(sink._kv, self.clock, self._written), "vault", trace)
            sink._kv = sink._lock._kv = sink._publisher._kv = sink._retiring._kv = kv
            self._opened.callback(lambda connection: connection.adapter.close(), kv._real._real._connection)
        else:
            api = sink._access.api
            sink._access.api = Tap(api, "aws", trace)
            self._opened.callback(lambda: api._known and api._known.close())
        found: Sink = sink
        return found

    def rotate(self, trace: Trace | None = None, uris: Iterable[str] = (), *, settle: bool = False,
               settings: Mapping[str, Any] | None = None, **options: Any) -> Outcome:  # fmt: skip
        """Rotate; without `settle` the time to spread passes afterwards, unless the process dies."""
        session = self.session(uris, trace, **(settings or {}))
        done = rotate(session, RotateOptions(settle=settle, **options))
        if not settle:
            self.spread()
        return done

    def adopt(self, trace: Trace | None = None, uris: Iterable[str] = (), **options: Any) -> Outcome:
        return adopt(self.session(uris, trace), AdoptOptions(**options))

    def used(self) -> World:
        """Have the sinks adopted and rotated once."""
        self.fill()
        self.adopt()
        self.rotate()
        return self

    def fill(self, *sinks: VaultPlace | AwsPlace) -> None:
        """Put the live value and other people's keys and tags into sinks, or all of them, as if an hour ago."""
        clock = controls.clock
        controls.clock = lambda: clock() - 3600
        for place in sinks or self.sinks:
            place.fill(self.s0)
        controls.clock = clock

    def spread(self) -> None:
        """Let the time pass that a change takes to spread."""
        self.servers.clock.advance(self.tenant.settings.propagation + timedelta(seconds=1))

    @property
    def live(self) -> str:
        """The value that Auth0 holds."""
        return self.tenant.secret(self.client_id)

    def dump(self) -> dict[str, Any]:
        """Return the whole state of both vaults and of Auth0, as far as this client is concerned."""
        client = self.tenant.client(self.client_id)
        auth0 = (client.document(), self.tenant.secret_history(self.client_id))
        return {"auth0": auth0, **{place.uri: place.dump() for place in self.sinks}}


MakeWorld = Callable[..., World]
