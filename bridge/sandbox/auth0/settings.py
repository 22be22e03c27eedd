"""The settings that can be changed while the tenant runs, and its small records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass
class Settings:
    """A tenant's settings, which may be changed at any moment. The defaults are Auth0's."""

    propagation: timedelta = timedelta(seconds=30)
    """How long a changed secret takes to spread."""
    log_delay: timedelta = timedelta(0)
    """How long an entry takes to appear in the log."""
    log_retention: timedelta = timedelta(days=30)
    """How long an entry stays in the log."""
    token_lifetime: timedelta = timedelta(hours=24)
    """How long an access token is valid."""
    documented_errors: bool = False
    """Whether a wrong secret is answered with `invalid_client`, as the documentation says.

    Otherwise it is `access_denied`, which was recorded from live tenants.
    """
    rotate_shows_secret: bool = True
    """Whether the answer to `rotate-secret` holds the secret. Auth0 guarantees none of its properties."""
    token_quota: int | None = None
    """How many tokens for other audiences than the Management API may be issued. None means no limit."""


class Credentials(NamedTuple):
    """What a new client authenticates with.

    It is a tuple, so that it can be unpacked and sent as JSON.
    """

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Request:
    """One request that arrived, without its body and its query.

    Both may hold a secret.
    """

    method: str
    path: str
    user_agent: str
    at: datetime


@dataclass(frozen=True)
class Api:
    """An audience, and how long its tokens are valid."""

    audience: str
    token_lifetime: timedelta


@dataclass(frozen=True)
class Caller:
    """The caller of the Management API.

    `name` is a client id, or the name of a token that a test registered.
    """

    name: str
    scopes: frozenset[str] = field(default_factory=frozenset)
