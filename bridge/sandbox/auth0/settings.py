"""What can be adjusted while the tenant runs, and the small records it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple


@dataclass
class Settings:
    """Adjustable at any moment. The defaults are Auth0's.

    `documented_errors`: a wrong secret is `invalid_client`, as the documentation says, instead of the `access_denied`
    that was recorded. `rotate_shows_secret`: no property of that answer is guaranteed. `token_quota`: how many tokens
    for other audiences than the Management API may be issued; None for no limit.
    """

    propagation: timedelta = timedelta(seconds=30)
    log_delay: timedelta = timedelta(0)
    log_retention: timedelta = timedelta(days=30)
    token_lifetime: timedelta = timedelta(hours=24)
    documented_errors: bool = False
    rotate_shows_secret: bool = True
    token_quota: int | None = None


class Credentials(NamedTuple):
    """What a new client authenticates with."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Request:
    """One request that arrived; never its body or its query."""

    method: str
    path: str
    user_agent: str
    at: datetime


@dataclass(frozen=True)
class Api:
    """An audience, and how long its tokens live."""

    audience: str
    token_lifetime: timedelta


@dataclass(frozen=True)
class Caller:
    """Who calls the Management API: a client id, or the name of a token that a test registered."""

    name: str
    scopes: frozenset[str] = field(default_factory=frozenset)
