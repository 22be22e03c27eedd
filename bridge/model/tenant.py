"""An Auth0 tenant, as its user describes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bridge.model.timing import PROPAGATION


@dataclass(frozen=True)
class TenantSettings:
    """An Auth0 tenant. `client_secret`, `api_token` and `private_key` are references; `client_id` may be one."""

    name: str
    domain: str
    client_id: str | None = None
    client_secret: str | None = None
    api_token: str | None = None
    private_key: str | None = None
    audience: str | None = None
    propagation: timedelta = PROPAGATION
