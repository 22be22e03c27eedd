"""Opens a client's sinks, readers and session from its settings. Opening contacts no server yet."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bridge.config.references import resolve
from bridge.model.errors import Usage
from bridge.model.progress import Silent, Stop, Watcher
from bridge.model.timing import Timing
from sinks import open_reader, open_sink, references, split, survey_together
from sinks.clock import Clock, SystemClock
from sinks.errors import SinkError
from sinks.shared import Shared

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.config.settings import ClientSettings, Settings, VaultSettings
    from bridge.evidence.together import SharedLog
    from bridge.execution.session import Session
    from bridge.planning.status import Status
    from sinks.port import Readable, Sink
    from sinks.reader import Reader
    from sinks.state import SinkState


def open_sinks(
    settings: Settings, client: ClientSettings, timing: Timing, common: Common | None = None
) -> dict[str, Sink]:
    """Open a client's sinks, sorted by their URIs, which is the order in which they are claimed.

    `common` holds the logins and connections that they use together with the sinks of other clients.

    Raises:
        Usage: an address is not valid, or two are the same. All faults are reported at once.
    """
    resolver, common = partial(references.resolve, environ=os.environ), common or Common()
    sinks: dict[str, Sink] = {}
    faults: list[str] = []
    for uri in client.sinks:
        try:
            vault = settings.vaults[split(uri)[0]]
            sink = open_sink(
                uri, vault.type, vault.options, resolve=resolver, clock=common.clock, lease=timing.lease,
                shared=common.shared,
            )  # fmt: skip
        except SinkError as error:
            faults.append(f"{error.message}{f'; {error.hint}' if error.hint else ''}")
            continue
        # A sink is a document, so two of its keys are one sink (ADR 13).
        if sink.uri in sinks:
            faults.append(f"{uri} is named twice (name each document or secret once)")
        sinks[sink.uri] = sink
    if faults:
        raise Usage(*faults)
    # Two operations that claimed in different orders could each hold a sink that the other one needs.
    return dict(sorted(sinks.items()))


def open_readers(settings: Settings, client: ClientSettings) -> Iterator[Reader]:
    """Open a client's sinks one after the other, for reading only.

    The right to read them suffices.

    Raises:
        SinkError: an address is not valid.
    """
    shared, resolver = Shared(), partial(references.resolve, environ=os.environ)
    for uri in client.sinks:
        vault = settings.vaults[split(uri)[0]]
        yield open_reader(uri, vault.type, vault.options, resolve=resolver, shared=shared)


def survey(
    settings: Settings, client: ClientSettings, common: Common | None = None, *, briefly: bool = False
) -> Status:
    """Read a client's metadata and judge its status. Auth0 is not asked.

    `common` is as in `open_sinks`. Sinks that it knows are not asked. With `briefly`, a value may
    look older than it is, and never younger (`Sink.survey`).

    Raises:
        BridgeError: a sink cannot be read.
    """
    from bridge.execution.snapshot import translate
    from bridge.model.client_ref import ClientRef
    from bridge.planning.status import judge

    try:
        # Reading metadata needs no lease, so the tenant's own times do not matter.
        opened = open_sinks(settings, client, Timing(), common).values()
        sinks = tuple(state_of(sink, settings, common, briefly=briefly) for sink in opened)
    except SinkError as error:
        raise translate(error) from None
    return judge(client, ClientRef(client.client_id, "", client.name, client.sinks), sinks)


def state_of(sink: Readable, settings: Settings, common: Common | None, *, briefly: bool = False) -> SinkState:
    """Return the state of a sink: the one that is known, or else that of `Sink.survey`.

    Raises:
        SinkError: it cannot be read.
    """
    known = common.known.get((id(settings.vaults[split(sink.uri)[0]]), sink.uri)) if common else None
    return known[0] if known else sink.survey(briefly=briefly)


def variables_of(*settings: object) -> frozenset[str]:
    """Return the environment variables that settings refer to as `env:NAME`.

    They hold credentials, so programs that the bridge starts must not see them.
    """
    return frozenset(re.findall(r"\benv:(\w+)", " ".join(map(str, settings))))


def _machine() -> Clock:
    return SystemClock()


@dataclass
class Common:
    """What the clients of one command have in common, so that it is made once: logins, tokens, connections."""

    shared: Shared = field(default_factory=Shared)
    clock: Clock = field(default_factory=_machine)
    rate: float | None = None
    """Requests per second to each tenant, in place of what Auth0's answers tell."""
    jobs: int = 1
    """How many clients are worked on at a time."""
    client_ids: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The ids of the clients that the command is about, by their tenant."""
    known: dict[tuple[int, str], tuple[SinkState, float]] = field(default_factory=dict)
    """States of sinks that are known already, and since when, in monotonic seconds.

    The key is the identity of their vault's settings, and `Sink.uri`.
    """

    def survey_together(self, found: Iterable[tuple[Settings, ClientSettings]]) -> None:
        """Survey the sinks of several clients, as far as their vaults can tell of many at once.

        An error is none here: whoever surveys the sink by itself gets it.
        """
        resolver = partial(references.resolve, environ=os.environ)
        # By identity: the settings of a kind need not be hashable. `found` keeps them alive.
        by_vault: dict[int, tuple[VaultSettings, list[str]]] = {}
        for settings, client in found:
            for uri in client.sinks:
                if vault := settings.vaults.get(uri.partition("://")[0]):
                    by_vault.setdefault(id(vault), (vault, []))[1].append(uri)
        for number, (vault, uris) in by_vault.items():
            with suppress(SinkError):
                told = survey_together(
                    vault.name, uris, vault.type, vault.options, resolve=resolver, shared=self.shared,
                    clock=self.clock,
                )  # fmt: skip
                at = self.clock.monotonic()
                self.known.update({(number, uri): (state, at) for uri, state in told.items()})

    def read_at(self, settings: Settings, client: ClientSettings) -> float:
        """Return when a client's state was read that was surveyed just now, in monotonic seconds.

        What was known of one of its sinks is older.
        """
        keys = ((id(settings.vaults.get(uri.partition("://")[0])), uri) for uri in client.sinks)
        return min((self.known[key][1] for key in keys if key in self.known), default=self.clock.monotonic())

    def of(self, chosen: list[tuple[Settings, ClientSettings]]) -> list[tuple[Settings, ClientSettings]]:
        """Take note of the clients that the command is about, before the first of them is opened. Return them."""
        for _, client in chosen:
            self.client_ids[client.tenant].append(client.client_id)
        return chosen

    @property
    def clients(self) -> Counter[str]:
        """How many clients the command is about, by their tenant."""
        return Counter({tenant: len(ids) for tenant, ids in self.client_ids.items()})

    def auth0(self, settings: Settings, tenant: str) -> Auth0:
        """Return the access to a tenant. Nothing is sent yet.

        Raises:
            Usage: the tenant's settings are not valid.
        """
        # Imported here, so that commands which never ask Auth0 do not load its client.
        from bridge.auth0.api import connect
        from bridge.auth0.pace import Pacing

        known = settings.tenants[tenant]
        pacing = Pacing(self.rate, len(self.client_ids[tenant]) or 1, self.jobs > 1)
        resolver = partial(resolve, environ=os.environ)
        return self.shared.one((connect, known), lambda: connect(known, resolver, self.clock, pacing=pacing))

    def log(self, settings: Settings, tenant: str) -> SharedLog | None:
        """Return what several clients of a tenant ask its log together, or None if there is one client only.

        Nothing is sent yet.

        Raises:
            Usage: the tenant's settings are not valid.
        """
        known, client_ids = settings.tenants[tenant], self.client_ids[tenant]
        if len(set(client_ids)) < 2:
            return None
        from bridge.evidence.together import SharedLog

        auth0 = self.auth0(settings, tenant)
        return self.shared.one((SharedLog, known), lambda: SharedLog(auth0, self.clock, client_ids))


def open_session(
    settings: Settings,
    client: ClientSettings,
    watcher: Watcher | None = None,
    stop: Stop | None = None,
    common: Common | None = None,
) -> Session:
    """Open everything that an operation on one client needs. No server is contacted yet.

    Sessions with the same `common` use one access to each tenant and one login to each vault.

    Raises:
        Usage: the settings are not valid.
    """
    from bridge.execution.actor import claimed_actor
    from bridge.execution.session import Session

    tenant, common = settings.tenants[client.tenant], common or Common()
    timing = Timing(tenant.propagation)
    return Session(
        settings=client,
        auth0=common.auth0(settings, client.tenant),
        sinks=open_sinks(settings, client, timing, common),
        clock=common.clock,
        timing=timing,
        actor=claimed_actor(os.environ),
        credentials=variables_of(tenant, settings.vaults, settings.audit, settings.notify),
        watcher=watcher or Silent(),
        stop=stop or Stop(),
        alone=common.clients.total() <= 1,
        shared_log=common.log(settings, client.tenant),
    )
