"""One application's tokens: obtained at Auth0 with the candidates, and kept for all callers that ask for the same."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from bridge.agent.answers import UNAUTHORISED, Refusal
from bridge.agent.asked import Asked
from bridge.config.agent import AgentSettings, Served
from bridge.consumer import ClientSecret
from bridge.consumer.client_credentials import ClientCredentials, TokenClient
from bridge.consumer.errors import AllRefused, ConsumerError, SecretUnavailable, TokenError
from bridge.model.errors import Usage
from bridge.model.tenant_address import base_url

if TYPE_CHECKING:
    import httpx

    from bridge.agent.metrics import Metrics
    from bridge.config.settings import ClientSettings, Settings, VaultSettings
    from bridge.consumer.cache import Standing
    from bridge.consumer.client_secret import Candidate
    from bridge.consumer.events import Event
    from bridge.consumer.tokens import Token
    from bridge.model.tenant import TenantSettings
    from sinks.secret import Secret

MOST_KINDS = 64
"""How many different tokens (audience, scope, organization) are kept for one application."""
# Callers repeat what failed, thousands of them at once. Auth0 and the vault must not feel that.
PAUSE, LONG_PAUSE, LONGEST_PAUSE = 1.0, 5.0, 60.0
"""Seconds in which a failure is answered again, without asking: one that may pass, one that will not soon, and the most
by which Auth0 itself may say so."""
TOO_MANY, UNAVAILABLE, FORBIDDEN = 429, 503, 403


@dataclass(frozen=True)
class Failed:
    """A failure that is answered again for `pause` seconds."""

    pause: float
    status: int
    error: str
    description: str
    retry_after: float | None = None
    """When Auth0 wants to be asked again, in seconds from the failure on."""
    at: float = field(default_factory=time.monotonic)

    def refusal(self, now: float) -> Refusal:
        """Return the answer. Each caller gets its own, because an exception keeps what each `raise` adds to it."""
        after = None if self.retry_after is None else self.retry_after - (now - self.at)
        return Refusal(self.status, self.error, self.description, retry_after=after)


class Application:
    """A client at the agent.

    Args:
        client: its settings.
        tenant: its tenant's settings. Nothing of them is used but the domain.
        vault: the settings of the vault that its first sink is in.
        served: what is special about it at the agent.
        token: what callers send as their `client_secret`. None if the listener alone decides who may have it.
        settings: those of the agent.
        metrics: where to count.

    Raises:
        BadAddress: the sink's address is not valid.
        Usage: a variable for proxies or authorities cannot be used.
    """

    def __init__(
        self, client: ClientSettings, tenant: TenantSettings, vault: VaultSettings, served: Served,
        token: Secret | None, settings: AgentSettings, metrics: Metrics,
    ) -> None:  # fmt: skip
        self.name = client.name
        self.client_id = client.client_id
        self.token = token
        self._served = served
        self._domain = tenant.domain
        self._metrics = metrics
        # Pending and fallback with every refresh, so that a rotation needs no vault in the moment of the change.
        self.secret = ClientSecret(
            client.client_id, client.sinks[0], settings=vault.options, kind=vault.type, max_age=settings.max_age,
            max_stale=settings.max_stale, ahead=True, on_event=self._event,
        )  # fmt: skip
        self._http = TokenClient(base_url(tenant.domain))
        self._http.event_hooks = {"response": [self._answered]}
        self._kinds: OrderedDict[tuple[str | None, ...], ClientCredentials] = OrderedDict()
        self._failed: dict[tuple[str | None, ...], Failed] = {}

    async def grant(self, asked: Asked) -> Token:
        """Return a token for a request. Callers that ask for the same at once share one request to Auth0.

        Raises:
            Refusal: there is none. The same failure is answered again for a moment, without asking.
        """
        if self._served.audiences and asked.audience not in self._served.audiences:
            named = ", ".join(self._served.audiences)
            raise Refusal(
                FORBIDDEN, "access_denied", f"audience: expected one of agent.clients.{self.name}.audiences ({named})"
            )
        failed = self._failed.get(asked.key)
        if failed is not None:
            if (now := time.monotonic()) < failed.at + failed.pause:
                raise failed.refusal(now)
            self._failed.pop(asked.key, None)
        try:
            return await self._credentials(asked).grant_async()
        except ConsumerError as error:
            failed = _failed(error, self.client_id, asked)
            if len(self._failed) >= MOST_KINDS:
                self._failed.clear()
            self._failed[asked.key] = failed
            raise failed.refusal(failed.at) from None

    async def candidates(self) -> tuple[Candidate, ...]:
        """Return the values that Auth0 may accept, in the order in which to try them.

        Raises:
            Refusal: nothing could be read.
        """
        try:
            return await self.secret.known_async()
        except SecretUnavailable as error:
            failed = _failed(error, self.client_id)
            raise failed.refusal(failed.at) from None

    @property
    def standing(self) -> Standing:
        """How fresh its values are."""
        return self.secret.standing

    def close(self) -> None:
        """Close its connections. Requests that are under way end with an error."""
        self.secret.close()
        self._http.close()

    def _credentials(self, asked: Asked) -> ClientCredentials:
        found = self._kinds.get(asked.key)
        if found is None:
            found = self._kinds[asked.key] = ClientCredentials(
                self._domain, self.secret, audience=asked.audience, scope=asked.scope,
                organization=asked.organization, method=self._served.method, http=self._http,
            )  # fmt: skip
            if len(self._kinds) > MOST_KINDS:
                self._kinds.popitem(last=False)
        else:
            self._kinds.move_to_end(asked.key)
        return found

    def _answered(self, response: httpx.Response) -> None:
        self._metrics.count("token_requests_total", client=self.name, status=str(response.status_code))

    def _event(self, event: Event) -> None:
        self._metrics.count("events_total", client=self.name, event=str(event.kind))


def opened(
    clients: Mapping[str, ClientSettings], settings: Settings, resolve: Callable[[str], Secret], metrics: Metrics
) -> dict[str, Application]:
    """Return the applications by their client ids.

    `settings` are the whole configuration. `resolve` returns the secret that a reference names.

    Raises:
        Usage: a token cannot be read or is too short, or an address is not valid.
    """
    from bridge.agent.callers import token_of

    agent = settings.agent or AgentSettings(())
    make = partial(Application, settings=agent, metrics=metrics)
    found: dict[str, Application] = {}
    for name, client in clients.items():
        served = agent.clients.get(name, Served())
        vault = settings.vaults[client.sinks[0].partition("://")[0]]
        tenant = settings.tenants[client.tenant]
        if client.client_id in found:
            raise Usage(f"clients.{name}.client_id: the same as that of clients.{found[client.client_id].name}",
                        hint="one agent serves an id for one tenant only: run another for the other")  # fmt: skip
        token = token_of(served.token, f"agent.clients.{name}.token", resolve)
        found[client.client_id] = make(client, tenant, vault, served, token)
    return found


def _failed(error: ConsumerError, client_id: str, asked: Asked | None = None) -> Failed:
    """Return the answer to a failure, and for how long to give it again."""
    if isinstance(error, AllRefused):
        return Failed(LONG_PAUSE, UNAUTHORISED, "invalid_client", error.message)
    if isinstance(error, TokenError):
        if error.status == TOO_MANY:
            after = error.retry_after or PAUSE
            return Failed(
                min(after, LONGEST_PAUSE), TOO_MANY, "temporarily_unavailable", f"Auth0: {error.message}", after
            )
        if 400 <= error.status < 500:
            # What Auth0 refuses for another reason than the secret: a missing grant, an unknown audience or scope.
            description = f"Auth0, for {client_id}: {error.message}"
            if asked and error.status == FORBIDDEN:
                # Not which one: callers send secrets in any field.
                api = "its audience" if asked.audience else "no audience"
                description += f"; {api} was asked for: see the application's APIs at Auth0, and the tenant's log"
            return Failed(LONG_PAUSE, error.status, error.error or "access_denied", description)
    return Failed(PAUSE, UNAVAILABLE, "temporarily_unavailable", error.message, PAUSE)
