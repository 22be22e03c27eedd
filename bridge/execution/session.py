"""One client with everything that an operation on it needs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.model.client_ref import ClientRef
from bridge.model.progress import Silent, Stop, Watcher
from bridge.model.timing import Timing
from bridge.model.trail import Trail
from sinks.clock import Clock
from sinks.port import Sink

if TYPE_CHECKING:
    from bridge.auth0.api import Auth0
    from bridge.config.settings import ClientSettings
    from bridge.evidence.together import SharedLog
    from bridge.model.outcome import Outcome


@dataclass
class Session:
    """Everything that an operation on one client needs.

    Opening it contacts no server (`bridge.execution.open`).
    """

    settings: ClientSettings
    """The client's settings."""
    auth0: Auth0
    """Access to the client's tenant."""
    sinks: dict[str, Sink]
    """The client's sinks by their URIs, sorted."""
    clock: Clock
    """The clock of this machine."""
    timing: Timing
    """The waits of the protocol at this tenant."""
    actor: str
    """The name under which this process acts."""
    watcher: Watcher = field(default_factory=Silent)
    """Receiver of progress reports."""
    stop: Stop = field(default_factory=Stop)
    """The request to stop."""
    alone: bool = True
    """Whether the command is about no other client."""
    credentials: frozenset[str] = frozenset()
    """Environment variables by which the configuration refers to the bridge's own secrets."""
    trail: Trail = field(default_factory=Trail)
    """Notes for the audit record, if there is one."""
    shared_log: SharedLog | None = None
    """What the clients of this command ask the tenant's log together, where there are several."""
    settled: Outcome | None = None
    """The outcome of settling what was interrupted, where this operation has done that."""

    @property
    def uris(self) -> tuple[str, ...]:
        """The sinks' URIs, sorted, which is the order in which they are claimed."""
        return tuple(self.sinks)

    @property
    def client_ref(self) -> ClientRef:
        """The client that the sinks belong to."""
        return ClientRef(self.settings.client_id, self.auth0.name, self.settings.name, self.settings.sinks)


def new_id() -> str:
    """Return the id of a new operation.

    It looks like `r-1a2b3c4d`. A takeover keeps it, and only the lock's `holder` distinguishes the processes.
    """
    return f"r-{secrets.token_hex(4)}"
