"""Opens a client's sinks, readers and session from its settings. Opening contacts no server yet."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from bridge.config.references import resolve
from bridge.model.errors import Usage
from bridge.model.progress import Silent, Stop, Watcher
from bridge.model.timing import Timing
from sinks import open_reader, open_sink, references, split, survey_together
from sinks.clock import SystemClock
from sinks.errors import SinkError
from sinks.shared import Shared

if TYPE_CHECKING:
    from bridge.auth0.pace import Pacing
    from bridge.config.settings import ClientSettings, Settings, VaultSettings
    from bridge.execution.session import Session
    from bridge.planning.status import Status
    from sinks.port import Readable, Sink
    from sinks.reader import Reader
    from sinks.state import SinkState

    Known = Mapping[tuple[int, str], SinkState]
    """States of sinks that are known already, by the identity of their vault's settings and `Sink.uri`."""


def open_sinks(
    settings: Settings, client: ClientSettings, timing: Timing, shared: Shared | None = None
) -> dict[str, Sink]:
    """Open a client's sinks, sorted by their URIs, which is the order in which they are claimed.

    `shared` holds the logins and clients that they use together with the sinks of other clients.

    Raises:
        Usage: an address is not valid, or two are the same. All faults are reported at once.
    """
    resolver, shared = partial(references.resolve, environ=os.environ), shared or Shared()
    sinks: dict[str, Sink] = {}
    faults: list[str] = []
    for uri in client.sinks:
        try:
            vault = settings.vaults[split(uri)[0]]
            sink = open_sink(
                uri, vault.type, vault.options, resolve=resolver, clock=SystemClock(), lease=timing.lease, shared=shared
            )
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


def surveyed_together(found: Iterable[tuple[Settings, ClientSettings]], shared: Shared) -> Known:
    """Survey the sinks of several clients, as far as their vaults can tell of many at once.

    `shared` is as in `open_sinks`. An error is none here: whoever surveys the sink by itself gets it.
    """
    resolver = partial(references.resolve, environ=os.environ)
    # By identity: the settings of a kind need not be hashable. `found` keeps them alive.
    by_vault: dict[int, tuple[VaultSettings, list[str]]] = {}
    for settings, client in found:
        for uri in client.sinks:
            if vault := settings.vaults.get(uri.partition("://")[0]):
                by_vault.setdefault(id(vault), (vault, []))[1].append(uri)
    known: dict[tuple[int, str], SinkState] = {}
    for number, (vault, uris) in by_vault.items():
        with suppress(SinkError):
            told = survey_together(vault.name, uris, vault.type, vault.options, resolve=resolver, shared=shared)
            known |= {(number, uri): state for uri, state in told.items()}
    return known


def survey(
    settings: Settings,
    client: ClientSettings,
    shared: Shared | None = None,
    known: Known | None = None,
    *,
    briefly: bool = False,
) -> Status:
    """Read a client's metadata and judge its status. Auth0 is not asked.

    `shared` is as in `open_sinks`. Sinks in `known` are not asked. With `briefly`, the age is a lower bound
    (`Sink.survey`).

    Raises:
        BridgeError: a sink cannot be read.
    """
    from bridge.execution.snapshot import translate
    from bridge.model.client_ref import ClientRef
    from bridge.planning.status import judge

    try:
        # Reading metadata needs no lease, so the tenant's own times do not matter.
        opened = open_sinks(settings, client, Timing(), shared).values()
        sinks = tuple(state_of(sink, settings, known, briefly=briefly) for sink in opened)
    except SinkError as error:
        raise translate(error) from None
    return judge(client, ClientRef(client.client_id, "", client.name, client.sinks), sinks)


def state_of(sink: Readable, settings: Settings, known: Known | None, *, briefly: bool = False) -> SinkState:
    """Return the state of a sink: the one that is known, or else that of `Sink.survey`.

    Raises:
        SinkError: it cannot be read.
    """
    found = known.get((id(settings.vaults[split(sink.uri)[0]]), sink.uri)) if known else None
    return found or sink.survey(briefly=briefly)


def variables_of(*settings: object) -> frozenset[str]:
    """Return the environment variables that settings refer to as `env:NAME`.

    They hold credentials, so programs that the bridge starts must not see them.
    """
    return frozenset(re.findall(r"\benv:(\w+)", " ".join(map(str, settings))))


def open_session(
    settings: Settings,
    client: ClientSettings,
    watcher: Watcher | None = None,
    stop: Stop | None = None,
    shared: Shared | None = None,
    pacing: Pacing | None = None,
) -> Session:
    """Open everything that an operation on one client needs. No server is contacted yet.

    Sessions with the same `shared` use one access to each tenant and one login to each vault. `pacing` is how requests
    to a tenant are spread.

    Raises:
        Usage: the settings are not valid.
    """
    # Imported here, so that commands which never ask Auth0 do not load its client.
    from bridge.auth0.api import connect
    from bridge.auth0.pace import Pacing as Usual
    from bridge.execution.actor import claimed_actor
    from bridge.execution.session import Session

    tenant = settings.tenants[client.tenant]
    timing = Timing(tenant.propagation)
    clock, shared = SystemClock(), shared or Shared()
    access = partial(connect, tenant, partial(resolve, environ=os.environ), clock, pacing=pacing or Usual())
    return Session(
        settings=client,
        auth0=shared.one((connect, tenant), access),
        sinks=open_sinks(settings, client, timing, shared),
        clock=clock,
        timing=timing,
        actor=claimed_actor(os.environ),
        credentials=variables_of(tenant, settings.vaults, settings.audit, settings.notify),
        watcher=watcher or Silent(),
        stop=stop or Stop(),
    )
