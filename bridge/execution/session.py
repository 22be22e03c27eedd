"""One client with everything that an operation on it needs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.model.client_ref import Whose
from bridge.model.progress import Silent, Stop, Watcher
from bridge.model.timing import Timing
from bridge.model.trail import Trail
from sinks.clock import Clock
from sinks.port import Sink

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.config.settings import ClientSettings


@dataclass
class Job:
    """One client, its tenant and its places, sorted by URI.

    `credentials` names the environment variables by which the configuration refers to the bridge's own secrets.
    `trail` is noted for the audit record, if there is one.
    """

    settings: ClientSettings
    auth0: Auth0
    sinks: dict[str, Sink]
    clock: Clock
    timing: Timing
    actor: str
    watcher: Watcher = field(default_factory=Silent)
    stop: Stop = field(default_factory=Stop)
    credentials: frozenset[str] = frozenset()
    trail: Trail = field(default_factory=Trail)

    @property
    def uris(self) -> tuple[str, ...]:
        """The places' names, sorted: the order in which they are claimed."""
        return tuple(self.sinks)

    @property
    def whose(self) -> Whose:
        """Who the places belong to."""
        return Whose(self.settings.client_id, self.auth0.name, self.settings.name, self.settings.sinks)


def key_of(uri: str, job: Job) -> str | None:
    """Return the key that a place's value stands at; None when the value is the whole text."""
    for said in job.settings.sinks:
        place, _, rest = said.partition("#")
        if place == uri:
            return rest or "client_secret"
        if place.partition("?")[0] == uri:
            return None
    return "client_secret"


def new_id() -> str:
    """Return a new rotation's id."""
    return f"r-{secrets.token_hex(4)}"
