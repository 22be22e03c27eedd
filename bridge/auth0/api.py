"""Access to one tenant: every request that the bridge makes to Auth0.

Operations get an `Auth0` and never see a token, a URL or an exception of httpx.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.auth0.applications import PAGE, pages
from bridge.auth0.client import Client
from bridge.auth0.listing import FRESH, Listing
from bridge.auth0.management import Management
from bridge.auth0.pace import SHARE, Pacing
from bridge.auth0.probe import Verdict, probe
from bridge.auth0.tenant import Credentials, Tenant
from bridge.model.errors import Usage
from sinks.clock import Clock
from sinks.errors import BadAddress
from sinks.references import for_header
from sinks.secret import Secret

if TYPE_CHECKING:
    import httpx

    from bridge.model.tenant import TenantSettings


class Auth0(Management):
    """The Management API and the probe of one tenant.

    With `lists_by`, a clock, clients are read by the page. `clients` is how many of them the command is about.
    """

    def __init__(self, tenant: Tenant, lists_by: Clock | None = None, clients: int = 1) -> None:
        super().__init__(tenant)
        self.listing = Listing(lambda: pages(self, size=self._page_size()), lists_by, clients) if lists_by else None

    def _page_size(self) -> int:
        # What cannot be worked on while it is fresh would have to be read again.
        return max(1, min(PAGE, int(self.pace.rate * FRESH * SHARE)))

    def get_client(self, client_id: str) -> Client:
        """Read a client, without its secret. One that was listed within the last minute counts as read.

        Raises:
            NotFound: the tenant has no such client.
        """
        return (self.listing and self.listing.get(client_id)) or super().get_client(client_id)

    def probe(self, client: Client, secret: Secret) -> Verdict:
        """Return whether Auth0 accepts `secret`, as one request sees it. Never raises an `Auth0Error`.

        It changes nothing at Auth0, obtains no token, and leaves a failed exchange in the tenant's logs. While a change
        spreads, the next probe may get another answer.
        """
        return probe(self.tenant.http, client, secret)

    def leave_mark(self, client: Client) -> str:
        """Send one probe with an invented secret, and return the word that identifies it in the tenant's logs.

        The probe fails on purpose. Once its log entry can be read, the logs are known to have arrived up to that time.
        """
        # A fresh word, so that an earlier mark in the log cannot be taken for this one.
        mark = secrets.token_hex(6)
        probe(self.tenant.http, client, Secret(secrets.token_urlsafe(32)), mark)
        return mark


def connect(
    settings: TenantSettings,
    resolve: Callable[[str], Secret],
    clock: Clock,
    transport: httpx.BaseTransport | None = None,
    pacing: Pacing = Pacing(),  # noqa: B008  # it is frozen
) -> Auth0:
    """Return the access to the tenant that `settings` describe. Nothing is sent yet.

    An `api_token` wins over a private key, and a private key over a client secret. The reference of a credential that
    is not used is not resolved. Beside an `api_token` neither is a reference to the client id: the token itself names
    the application that it was issued to, unless it is opaque.

    Raises:
        Usage: a reference cannot be resolved, or the domain or the credentials are invalid.
    """

    def secret(reference: str | None) -> Secret | None:
        return resolve(reference) if reference else None

    token = secret(settings.api_token)
    if token is not None:
        try:
            for_header(settings.api_token or "", token)
        except BadAddress as error:
            raise Usage(error.message, hint=error.hint) from None
    # A reference may ask a vault, and one that is not needed must not stop a command.
    key = secret(settings.private_key) if token is None else None
    own_id = settings.client_id
    if own_id and ":" in own_id:  # a reference: a client id has no colon
        own_id = None if token else resolve(own_id).reveal()
    client_secret = secret(settings.client_secret) if token is None and key is None else None
    credentials = Credentials(own_id, client_secret, token, key)
    tenant = Tenant(settings.domain, credentials, clock, audience=settings.audience, transport=transport, pacing=pacing)
    return Auth0(tenant, clock if pacing.lists else None, pacing.clients)
