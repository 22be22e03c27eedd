"""The examination: checks every tenant, vault, client and sink once, in this order.

A failure in one check does not prevent the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.doctor import clients, record, sinks, tenants
from bridge.doctor.report import Report
from bridge.model.client_ref import ClientRef
from bridge.model.timing import Timing
from bridge.planning.role_rights import SCOPES, deeds
from sinks import kinds, open_reader, open_sink, references, split
from sinks.rights import Role
from sinks.shared import Shared

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.auth0.client import Client
    from bridge.config.settings import ClientSettings, Settings, VaultSettings
    from bridge.model.tenant import TenantSettings
    from sinks.clock import Clock
    from sinks.diagnosis import Diagnosis
    from sinks.port import SinkState

Chosen = tuple["Settings", "ClientSettings"]


Spread = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""A function like `map`."""


class Examination:
    """Examines clients on behalf of a role. It reads, and changes nothing.

    Tenants and vaults that several clients share are examined once.
    """

    def __init__(self, chosen: Sequence[Chosen], role: Role, environ: Mapping[str, str], clock: Clock) -> None:
        self._chosen = chosen
        self._role = role
        self._environ = environ
        self._resolve = partial(references.resolve, environ=environ)
        self._clock = clock
        self._common = Shared()
        for settings, _ in chosen:  # so that a credential in a vault needs no login of its own
            settings.logins.shared, settings.logins.clock = self._common, clock
        # None is kept for a tenant that did not answer, so that its clients are not asked for in vain.
        self._auth0: dict[TenantSettings, Auth0 | None] = {}
        self._vaults: dict[VaultSettings, Diagnosis] = {}
        self._whole: list[tuple[ClientSettings, str, tuple[str, ...]]] = []
        self._shared: dict[tuple[str, str], Report] = {}
        self.looked = False
        """Whether any tenant, vault or secret answered at all."""

    def reports(self, spread: Spread = map) -> Iterator[Report]:
        """Yield one report for each subject.

        `spread` applies a function to each client, like `map`, and may do so for several of them at a time.

        Tenants come first, because only an accepted token allows a look at the clients. Tenants are left out for a role
        that needs no scope at Auth0.
        """
        # A role without scopes has no application at Auth0, and asking would report credentials that it does not need.
        asked = bool(SCOPES[self._role])
        yield from self._tenants() if asked else ()
        yield from self._all_vaults()
        yield from self._records()
        self._find_shared()
        each = spread(lambda pair: tuple(self._client(*pair, asked=asked)), self._chosen)
        yield from itertools.chain.from_iterable(each)

    def _tenants(self) -> Iterator[Report]:
        for tenant in dict.fromkeys(s.tenants[c.tenant] for s, c in self._chosen if c.tenant in s.tenants):
            report = Report(f"tenant {tenant.name}", f"Tenant {tenant.name} ({tenant.domain})")
            its = [c for s, c in self._chosen if s.tenants.get(c.tenant) == tenant]
            # Set first, because the check may fail on its way.
            self._auth0[tenant] = None
            with report.surviving():
                self._auth0[tenant] = tenants.check(report, tenant, self._role, its, self._environ, self._clock)
            self.looked = self.looked or self._auth0[tenant] is not None
            yield report

    def _all_vaults(self) -> Iterator[Report]:
        for vault in dict.fromkeys(s.vaults[split(uri)[0]] for s, c in self._chosen for uri in c.sinks):
            kind = kinds.kind(vault.type)
            diagnosis = kind.diagnosis(vault.name, vault.options, self._resolve, self._clock, self._common)
            self._vaults[vault] = diagnosis
            if diagnosis.title:
                report = Report(f"vault {vault.name}", diagnosis.title)
                with report.surviving():
                    diagnosis.server(report)
                self.looked = self.looked or diagnosis.answered
                yield report

    def _records(self) -> Iterator[Report]:
        # Only commands that change something are recorded.
        asked = self._role in (Role.OPERATOR, Role.SECURITY)
        for audit in dict.fromkeys(s.audit for s, _ in self._chosen if s.audit and asked):
            report = Report("audit record", f"Audit record ({audit.to})")
            with report.surviving():
                record.check(report, audit)
            yield report

    def _find_shared(self) -> None:
        """Report sinks that are listed under several names, before the sinks themselves are examined.

        Each rotation of one name would overwrite the other one's secret, and each would look in order by itself.
        """
        for settings, client in self._chosen:
            for uri in client.sinks:
                self._whole.append((client, _canonical(settings, uri), self._identity(settings, uri)))

        def report(client: str, uri: str) -> Report:
            return self._shared.setdefault((client, uri), Report(uri, ""))

        sinks.shared(report, self._whole)

    @staticmethod
    def _identity(settings: Settings, uri: str) -> tuple[str, ...]:
        # Addresses are compared as the kind of store understands them: an ARN and a name can mean the same secret.
        scheme, target = split(uri)
        vault = settings.vaults[scheme]
        kind = kinds.kind(vault.type)
        return kind.identity(kind.parse(target, vault.options), vault.options)

    def _client(self, settings: Settings, client: ClientSettings, *, asked: bool) -> Iterator[Report]:
        """Examine a client and its sinks, and yield the client's report before those of its sinks.

        The sinks are examined first all the same, because their records show problems that belong
        into the client's report.
        """
        tenant = settings.tenants.get(client.tenant)
        auth0 = self._auth0.get(tenant) if tenant else None
        # The name of a tenant that did not answer is left out, so it is not compared with what the sinks record.
        client_ref = ClientRef(client.client_id, auth0.name if auth0 else "", client.name, client.sinks)
        report = Report(f"client {client.name}", f"Client {client.name} ({client.client_id})")
        found: Client | None = None
        with report.surviving():
            clients.settings(report, client)
            if auth0 is not None:
                found = clients.check(report, auth0, client)
            elif asked:
                report.unknown("client-not-checked", "the application: its tenant cannot be asked")
        named = {uri: _canonical(settings, uri) for uri in client.sinks}
        own = {uri: self._start(client, uri) for uri in named.values()}
        surveyed: list[SinkState] = []
        for uri in client.sinks:
            if (
                self._looked_at(own[named[uri]], settings, client, uri, client_ref)
                and self._role is not Role.APPLICATION
            ):
                with own[named[uri]].surviving():
                    surveyed.append(self._surveyed(settings, uri))
        with report.surviving():
            sinks.judge(own, surveyed, client_ref)
            sinks.sibling_keys(report, client, surveyed)
        # An auditor has no right to read values, so the check could only report that it lacks the right.
        if found is not None and found.secret_encoded and self._role is not Role.AUDITOR:
            for uri in client.sinks:
                self._base64(own[named[uri]], settings, uri, client_ref)
        yield report
        yield from own.values()

    def _start(self, client: ClientSettings, uri: str) -> Report:
        report = Report(uri, f"Sink {uri}")
        shared = self._shared.get((client.name, uri))
        report.findings += shared.findings if shared else []
        return report

    def _looked_at(
        self, report: Report, settings: Settings, client: ClientSettings, uri: str, client_ref: ClientRef
    ) -> bool:
        """Examine a sink's store, and return whether the sink's metadata can be read.

        After a failure the answer is False, and the finding about it is in the report.
        """
        scheme, target = split(uri)
        vault = settings.vaults[scheme]
        diagnosis, asked = self._vaults[vault], deeds(self._role, sibling_keys=client.sibling_keys)
        good = False
        with report.surviving():
            good = diagnosis.sink(report, target, self._role, asked, _named(client_ref))
        if diagnosis.answered:  # never back to False: other threads set it, too
            self.looked = True
        return good

    def _surveyed(self, settings: Settings, uri: str) -> SinkState:
        vault = settings.vaults[split(uri)[0]]
        return open_sink(
            uri, vault.type, vault.options, resolve=self._resolve, clock=self._clock, lease=Timing().lease,
            shared=self._common,
        ).survey()  # fmt: skip

    def _base64(self, report: Report, settings: Settings, uri: str, client_ref: ClientRef) -> None:
        """Check the value of a sink whose client has a Base64 secret.

        It is the only check that reads a value, so it is left out for every other client.
        """
        from bridge.doctor import base64

        vault = settings.vaults[split(uri)[0]]
        with report.surviving():
            reader = open_reader(uri, vault.type, vault.options, resolve=self._resolve, shared=self._common)
            base64.check(report, reader, _named(client_ref))


def _canonical(settings: Settings, uri: str) -> str:
    """Return a sink's own name: without a key, and with the secret's name where an ARN was given."""
    scheme, target = split(uri)
    vault = settings.vaults[scheme]
    return f"{scheme}://{kinds.kind(vault.type).parse(target, vault.options).canonical}"


def _named(client_ref: ClientRef) -> str:
    return client_ref.command("").removeprefix("secret-bridge").strip()
