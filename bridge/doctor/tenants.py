"""Checks of tenants: whether the bridge can act there, for how long, and with which rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from bridge.auth0.errors import Forbidden, Limited, NotFound, Rejected, Unauthorised, Unreachable
from bridge.auth0.limits import BUDGET_SECONDS
from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from bridge.config.references import resolve
from bridge.model.errors import Failed, Usage
from bridge.model.operation import Strategy
from bridge.planning.role_rights import SCOPES
from sinks.clock import span
from sinks.diagnosis import CERTIFICATE, LATER, SOON, Severity
from sinks.tls import Certificate, Fault, certificate

if TYPE_CHECKING:
    import httpx

    from bridge.auth0.api import Auth0
    from bridge.auth0.tenant import Token
    from bridge.config.settings import ClientSettings
    from bridge.doctor.report import Report
    from bridge.model.tenant import TenantSettings
    from sinks.clock import Clock
    from sinks.rights import Role

NEED: Mapping[str, str] = {
    READ_CLIENTS: "every command looks at the application before it touches it",
    READ_LOGS: "who still uses a fallback is read from the tenant's logs; otherwise it can be done without",
    UPDATE_KEYS: "without it no secret can be set: rotate, rollback and resume fail",
    READ_KEYS: "empty sinks, 'adopt --repair', 'sync' after a change in the dashboard and the strategy "
    f"{Strategy.AUTH0_GENERATED} read the live value; otherwise it can be done without",
}
"""Why each scope is needed."""
OPTIONAL = "some commands need it"
"""The reason for a scope that `NEED` does not explain."""


class Times:
    """An httpx response hook that notes a server's clock at each answer.

    `ahead` is by how much this machine's clock is ahead of the server's. It is zero until a date was read.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta(0)

    def __call__(self, response: httpx.Response) -> None:
        """Read the date of an answer. A missing or malformed date is ignored."""
        try:
            # The `Date` of an answer that is needed anyway. No time server has to be reachable for this check.
            told = parsedate_to_datetime(response.headers.get("date", ""))
        except (ValueError, TypeError, OverflowError):  # by the kind of nonsense
            return
        self.ahead = self._clock.now() - told.replace(tzinfo=told.tzinfo or UTC)


def check(
    report: Report, settings: TenantSettings, role: Role, clients: Sequence[ClientSettings],
    environ: Mapping[str, str], clock: Clock,
) -> Auth0 | None:  # fmt: skip
    """Examine a tenant and return the access to it, or None if the bridge cannot act there.

    The token comes first, because its answer also shows the server's clock and the granted scopes.
    """
    # Here, because doctor also examines roles that never ask Auth0, and httpx takes long to load.
    from bridge.auth0.api import connect
    from bridge.auth0.pace import Pacing

    try:
        pacing = Pacing(clients=len(clients), together=True)
        auth0 = connect(settings, partial(resolve, environ=environ), clock, pacing=pacing)
    except (Usage, Failed) as error:
        report.wrong("tenant-settings", error.message, hint=error.hint or "correct it in bridge.toml")
        return None
    times = Times(clock)
    http = auth0.tenant.http.client
    # The clock is read from every answer, also from a refusal: a wrong clock is a frequent cause of refused assertions.
    http.event_hooks = {**http.event_hooks, "response": [*http.event_hooks["response"], times]}
    token = _token(report, auth0, settings, clock)
    # Before the return: if there is no token, the clock may be the reason.
    report.skew(times.ahead, settings.domain)
    if token is None:
        return None
    # A certificate that is still accepted ends some day, too. Only a look at it tells when.
    seen = _certificate(auth0)
    if seen is not None:
        _ending(report, seen, clock.now())
    _lifetime(report, settings, token, clock)
    _scopes(report, settings, auth0, token, role, clients)
    return auth0


def _token(report: Report, auth0: Auth0, settings: TenantSettings, clock: Clock) -> Token | None:
    """Return a management token that works, or None after reporting why there is none.

    A ready-made `api_token` is tried with a request, because nothing else tells whether Auth0 accepts it.
    """
    given = settings.api_token is not None
    names = {"tenant": settings.name, "application": auth0.own_client_id or "the bridge's application"}
    names["reference"] = settings.client_secret or settings.private_key or "-"
    try:
        token = auth0.tenant.token()
        if given:
            _try(auth0)
    except Usage as error:
        report.wrong("tenant-settings", error.message, hint=error.hint or "correct what the reference names")
    except Unauthorised as error:
        report.wrong("tenant-token-refused" if given else "tenant-credentials", error.message, **names)
    except Forbidden:
        report.wrong("tenant-grant", f"{names['application']} may not use the Management API of {auth0.name}", **names)
    except (NotFound, Rejected) as error:
        report.wrong("tenant-not-auth0", error.message, **names)
    except Limited as error:
        # A wait that is longer than a command's patience refuses that command.
        severity = Severity.WRONG if (error.wait or 0) > BUDGET_SECONDS else Severity.UNKNOWN
        report.add(severity, "tenant-busy", error.message, hint=error.hint or "run doctor again in a minute")
    except Unreachable as error:
        _unreachable(report, auth0, error, names, clock)
    else:
        return token
    return None


def _try(auth0: Auth0) -> None:
    """Send a request with the ready-made token, to see whether Auth0 accepts it.

    A 403 is ignored: the token is good, and merely lacks a scope.
    """
    try:
        auth0.get("/clients", {"per_page": "1", "fields": "client_id"}, doing="the request for an application")
    except Forbidden:
        return


def _unreachable(report: Report, auth0: Auth0, error: Unreachable, names: Mapping[str, str], clock: Clock) -> None:
    seen = _certificate(auth0)
    # An error of TLS reaches us as a failed connection. Only the certificate itself shows whether it has
    # expired, is for another name, or comes from a proxy that opens TLS.
    if seen is None or seen.fault is Fault.NONE:
        hint = error.hint or "mend the network or the proxy"
        report.wrong("tenant-unreachable", error.message, hint=hint, **names)
    elif seen.fault is Fault.EXPIRED:
        _ending(report, seen, clock.now())
    else:
        what = f"is for {', '.join(seen.names)}" if seen.fault is Fault.NAME else "comes from an unknown authority"
        report.wrong("tenant-tls", f"the certificate of {seen.host} {what}")


def _certificate(auth0: Auth0) -> Certificate | None:
    from bridge.auth0.egress import authorities

    # The authorities that requests to Auth0 trust, which need not be those of the vaults.
    file, directory = authorities()
    return certificate(auth0.tenant.base, ca_file=file, ca_path=directory)


def _ending(report: Report, seen: Certificate, now: datetime) -> None:
    left = seen.ends - now
    if left < timedelta(0):
        report.wrong("tenant-certificate", f"the certificate of {seen.host} ended {span(-left)} ago", host=seen.host)
    elif left < CERTIFICATE:
        report.note("tenant-certificate", f"the certificate of {seen.host} ends in {span(left)}", host=seen.host)
    else:
        report.ok(f"certificate good until {seen.ends:%Y-%m-%d}")


def _lifetime(report: Report, settings: TenantSettings, token: Token, clock: Clock) -> None:
    # A token that the bridge obtained itself is renewed in time, so its end does not matter.
    if settings.api_token is None:
        report.ok("reachable; its token is renewed by itself")
        return
    if token.expires is None:
        report.ok("reachable; the api_token is accepted, and does not say until when")
        return
    left = token.expires - clock.now()
    severity = Severity.WRONG if left < SOON else Severity.NOTE
    if left < LATER:
        told = f"the api_token ends in {span(left)} ({token.expires:%Y-%m-%d %H:%MZ})"
        report.add(severity, "tenant-token-expires", told, tenant=settings.name)
    else:
        report.ok(f"reachable; the api_token lives for another {span(left)}")


def _scopes(
    report: Report, settings: TenantSettings, auth0: Auth0, token: Token, role: Role, clients: Sequence[ClientSettings]
) -> None:
    wanted = SCOPES[role]
    # A token without a readable list of scopes may still have all of them, so this is unknown and not wrong.
    if token.scopes is None:
        told = f"the token does not say which scopes it has; needed: {', '.join(wanted)}"
        report.unknown("tenant-scopes-unknown", told, tenant=settings.name)
        return
    names = {"application": auth0.own_client_id or "the bridge's application"}
    for scope in wanted:
        if scope not in token.scopes:
            severity = Severity.WRONG if _essential(scope, token.scopes, clients) else Severity.NOTE
            what = f"the management token lacks the scope {scope}"
            report.add(severity, "tenant-scope", what, scope=scope, need=NEED.get(scope, OPTIONAL), **names)
    if found := [scope for scope in wanted if scope in token.scopes]:
        report.ok(f"scopes: {', '.join(found)}")


def _essential(scope: str, granted: frozenset[str], clients: Sequence[ClientSettings]) -> bool:
    """Return whether a command fails without this scope. Otherwise its absence is only worth a note.

    A scope that only some commands need is a note, because least privilege is right where those are not used.
    """
    if scope == READ_CLIENTS:
        return READ_KEYS not in granted  # READ_KEYS covers it
    if scope == READ_KEYS:
        return any(client.strategy == Strategy.AUTH0_GENERATED for client in clients)
    return scope == UPDATE_KEYS
