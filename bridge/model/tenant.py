"""Settings of an Auth0 tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bridge.model.timing import PROPAGATION


@dataclass(frozen=True)
class TenantSettings:
    """Settings of one Auth0 tenant, as its user wrote them.

    The bridge acts with an `api_token`, or else with `client_id` and one of `private_key` and `client_secret`.
    """

    name: str
    """The tenant's name in the configuration."""
    domain: str
    """Its domain, or its whole base URL."""
    client_id: str | None = None
    """Id of the application that the bridge acts as, or a reference to it."""
    client_secret: str | None = None
    """Reference to that application's secret."""
    api_token: str | None = None
    """Reference to a ready-made token for the Management API. It takes precedence over everything else."""
    private_key: str | None = None
    """Reference to that application's RSA private key."""
    audience: str | None = None
    """Audience of the requested token. None means the tenant's own Management API."""
    propagation: timedelta = PROPAGATION
    """How long a changed secret may take to spread."""
