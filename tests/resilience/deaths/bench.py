"""One process's servers, and one client on them whose commands run in this process, in a virtual time."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from random import Random
from typing import Any, Self

import stamina
from stamina.instrumentation import set_on_retry_hooks

from bridge.auth0.api import connect
from bridge.config.environment import from_environment
from bridge.execution.session import Session
from bridge.model.timing import Timing
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.auth0.app import create_app
from bridge.sandbox.openbao import OpenBao
from sinks import open_sink, split
from sinks.references import resolve
from tests.e2e.clock import Shifted
from tests.e2e.observe import values_met
from tests.e2e.sinks import AwsPlace, Snapshot, VaultPlace
from tests.e2e.strict_server import app as moto_app
from tests.e2e.world import Servers, World
from tests.resilience.deaths.clients import Clients
from tests.resilience.deaths.commands import Ended, operate
from tests.resilience.deaths.edges import Edges
from tests.resilience.deaths.line import NEVER, At, Blow, Line
from tests.resilience.deaths.near import NearAws
from tests.resilience.deaths.states import canonical
from tests.resilience.deaths.times import Times
from tests.support import quick_aws, quick_vault
from tests.support.strict_moto import controls, make_strict

SPREAD = timedelta(seconds=20)
"""How long a change spreads at Auth0; operators go by 30 s, and a lease is a third of that."""
LONG = timedelta(days=1)
"""After that nothing of an operation counts as live any more."""
NOWHERE = "http://127.0.0.1:9"
"""AWS's address: whatever is sent there is answered in this process."""


Meanwhile = Callable[[list[str]], None]


class Bench:
    """The servers. Use it as a context manager."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._numbers = itertools.count()
        self._unique = uuid.uuid4().hex[:8]

    def __enter__(self) -> Self:
        quick_aws.once_per_process()
        quick_vault.once_per_process()
        make_strict()
        controls.reset()
        self.clock = Shifted()
        controls.clock = lambda: self.clock.now().timestamp()
        enter = self._running.enter_context
        bao, auth0 = enter(OpenBao.dev()), LocalAuth0(SPREAD, clock=self.clock)  # not started: it answers in here
        self._running.callback(auth0.stop)
        self.servers = Servers(auth0, bao, NOWHERE, self.clock)
        times = Times(lambda: self.clock.shift)
        self.edges = Edges(create_app(auth0.tenant), auth0.tenant, moto_app(), times)
        enter(self.edges.open())
        self.clients = Clients()
        enter(self.clients.installed())
        enter(stamina.set_testing(True, attempts=3, cap=True))
        set_on_retry_hooks(())
        self._running.callback(set_on_retry_hooks, None)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        controls.reset()

    def subject(self, ends: str, *, sibling_keys: bool = False, seed: int = 0) -> Subject:
        """Make a client with a secret, and sinks ("vault aws") that do not exist yet."""
        self.servers.auth0.tenant.random = Random(seed)
        world = World(self.servers, f"{self._unique}-{next(self._numbers)}", self.clock, ends=ends, aws=NearAws)
        return Subject(self, world, sibling_keys=sibling_keys)


class Subject:
    """One client, its sinks and its operators. All that judges has the same names as in `tests/resilience/kill`."""

    def __init__(self, bench: Bench, world: World, *, sibling_keys: bool = False) -> None:
        self.bench = bench
        self.world = world
        self.sibling_keys = sibling_keys
        self._noted: Callable[[str], None] | None = None
        self.wire = self.line()
        self.said: list[Ended] = []
        self.versions: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.world.close()

    @property
    def sinks(self) -> tuple[VaultPlace | AwsPlace, ...]:
        return self.world.sinks

    @property
    def urls(self) -> dict[str, str]:
        """The servers' addresses by the variables that name them."""
        servers = self.bench.servers
        return {"AUTH0_DOMAIN": servers.auth0.url, "VAULT_ADDR": servers.bao.url, "AWS_ENDPOINT_URL": servers.aws_url}

    def line(self, **told: Any) -> Line:
        """Return a line for a command of this client."""
        if self._noted:
            told = {"noted": self._noted, **told}
        return Line(self.bench.clock.monotonic, **told)

    def run(self, argv: Sequence[str], line: Line | None = None) -> Ended:
        """Run a command to its end, or to its death."""
        line = line or self.line()
        self.wire = line
        with self.bench.edges.passing(line), self.bench.clients.lent():
            self.said.append(operate(self._session(), argv))
        return self.said[-1]

    def must(self, *argv: str) -> Ended:
        """Run a command that has to end well."""
        ended = self.run(argv)
        assert ended.status == 0, f"{' '.join(argv)} ended with {ended.status}: {ended.out}{ended.err}"
        return ended

    def patiently(self, *argv: str) -> Ended:
        """Run a command that is refused as long as the dead one counts as live; return how it ends then."""
        ended = self.run(argv)
        if ended.status == 4 and "counts as live until" in ended.err:
            self.die_out()
            return self.run(argv)
        return ended

    def see(self) -> list[Snapshot]:
        """Look at the sinks from outside."""
        with self.outside():
            return [place.see() for place in self.sinks]

    def met(self) -> set[str]:
        """Return every value that Auth0 may accept at this moment."""
        return values_met(self.world)

    @property
    def changes(self) -> int:
        """How often Auth0 was given a value."""
        return len(self.world.tenant.secret_history(self.world.client_id))

    def spread(self) -> None:
        """Let the time pass in which a change spreads."""
        self.bench.clock.advance(SPREAD + timedelta(seconds=1))

    def rest(self) -> None:
        """Let the time pass after which nothing makes the next operation wait."""
        self.bench.clock.advance(Timing().propagation + timedelta(seconds=1))

    def outside(self) -> AbstractContextManager[None]:
        """Look from outside: no line counts it."""
        return self.bench.edges.passing(None)

    def die_out(self) -> None:
        """Let the time pass after which no operation counts as live."""
        self.bench.clock.advance(LONG)

    def strike(self, argv: Sequence[str], at: At, blow: Blow, *, meanwhile: Meanwhile | None = None,
               late: int = NEVER) -> Line:  # fmt: skip
        """Run a command and strike it; return its line."""
        line = self.line(at=at, blow=blow, deliver=late)
        if meanwhile:
            line.meanwhile = meanwhile
        self.run(argv, line)
        if blow is Blow.LATE_ALIVE:
            line.end()
        return line

    def overtake(self, argv: Sequence[str], before: Line, late: int) -> list[str]:
        """Run a command, while the server carries out what an earlier one holds back; return when it may."""
        line = self.line(held=before.held, deliver=late)
        self.run(argv, line)
        line.end()
        return line.late

    @contextmanager
    def noting(self) -> Iterator[list[str]]:
        """Yield the list of the states after each change that commands make meanwhile, with the one before."""
        states = [canonical(self)]
        self._noted = lambda _what: states.append(canonical(self))
        try:
            yield states
        finally:
            self._noted = None

    def _session(self) -> Session:
        found, client = self._settings
        resolver = partial(resolve, environ=self.world.environment)
        timing = Timing(found.tenants[client.tenant].propagation)
        clock = self.bench.clock
        sinks = []
        for uri in client.sinks:
            vault = found.vaults[split(uri)[0]]
            options = vault.options
            sinks.append(open_sink(uri, vault.type, options, resolve=resolver, clock=clock, lease=timing.lease))
        auth0 = connect(found.tenants[client.tenant], resolver, clock, self.bench.edges.auth0)
        return Session(client, auth0, {s.uri: s for s in sorted(sinks, key=lambda s: s.uri)}, clock, timing, "test")

    @cached_property
    def _settings(self) -> Any:
        environ = {**self.world.environment, "BRIDGE_PROPAGATION": "30s"}
        settings = from_environment(self.world.client_id, self.world.uris, environ)
        client = replace(settings.clients[self.world.client_id], fallback_min_age=timedelta())
        if self.sibling_keys:
            client = replace(client, sibling_keys=True, consumer_refresh=timedelta(seconds=1))
        return settings, client
