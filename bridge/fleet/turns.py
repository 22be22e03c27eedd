"""Which client of a tenant is next, and how many of them may be under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.execution.open import Common
from bridge.fleet.jobs import MOST
from bridge.model.errors import BridgeError
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session

PROBES, LEAKED = 16, 30
"""How many probes prove a client's change, and after a leak, when all old values are probed too, if they are slow."""


@dataclass
class Turns:
    """The turns of one run, with what its clients have in common."""

    common: Common
    jobs: int
    stop: Stop
    ordered: bool = False
    """Whether the clients have an order that the user wants."""
    leaked: bool = False
    """Whether a leak is answered."""
    sessions: dict[str, Session] = field(default_factory=dict)
    """The latest of each tenant."""
    _numbers: dict[str, dict[str, int]] = field(default_factory=dict)  # of each tenant, by client id

    def following(self, left: Mapping[int, tuple[Settings, ClientSettings]]) -> int:
        """Return the number of the client to begin next, of those of one tenant that are left.

        Where the tenant's clients are read by the page, it is one of the page that was read.
        """
        first = min(left)
        settings, client = left[first]
        try:
            listing = None if self.ordered or self.stop.asked else self.common.auth0(settings, client.tenant).listing
        except BridgeError:
            return first  # it is each client's own error
        if listing is None:
            return first
        if client.tenant not in self._numbers:  # once: there may be thousands
            self._numbers[client.tenant] = {each.client_id: at for at, (_, each) in left.items()}
        numbers = self._numbers[client.tenant]
        found = listing.following(numbers)
        # Each is asked for once, so it is still there, unless it is named twice.
        return numbers.pop(found, first) if found and numbers[found] in left else first

    def room(self, tenant: str) -> int:
        """Return how many clients of a tenant may be under way, so that their probes come in time.

        Each waits until its change has spread, and is probed meanwhile, within the limit of the token endpoint. With
        too many of them a proof would not be complete before its patience ends.
        """
        session = self.sessions.get(tenant)
        if session is None:
            return self.jobs
        timing, pace = session.timing, session.auth0.token_pace
        if not pace.told:
            return MOST
        return int(pace.rate * timing.patience.total_seconds() / (LEAKED if self.leaked else PROBES))
