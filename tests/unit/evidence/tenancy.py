"""A tenant with traffic: consumers that fetch tokens over HTTP, and strangers whose failures stand in its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from bridge.evidence.judge import Evidence, Ignored
from bridge.execution.session import Session
from bridge.model.outcome import Outcome
from bridge.operations.evidence import evidence_of
from bridge.operations.retire import retire
from bridge.operations.start import Options
from tests.e2e.sinks import NO_TRUST
from tests.e2e.world import DAY, SCOPES, MakeWorld, World

AUDIENCE = "https://api.example"
LOGS = (*SCOPES, "read:logs")
BILLING, MAILER = "billing/1.4 python-httpx/0.27", "mailer/2 node-fetch"
HOUR = timedelta(hours=1)


@dataclass
class Tenancy:
    """A world, and who asks for tokens there."""

    world: World

    @classmethod
    def of(
        cls,
        make: MakeWorld,
        *,
        scopes: Iterable[str] = LOGS,
        retention: timedelta = 30 * DAY,
        watch: Callable[[Session], object] = lambda _: None,
    ) -> Tenancy:
        """Have two consumers use a client for two days, rotate, and wait until the change has spread.

        `watch` is called twice a day until then.
        """
        world = make(scopes=scopes)
        world.tenant.settings.log_delay, world.tenant.settings.log_retention = timedelta(), retention
        world.tenant.grant(world.client_id, AUDIENCE, ())
        world.fill()
        world.adopt()
        tenancy = cls(world)
        assert tenancy.asks(BILLING)
        assert tenancy.asks(MAILER)
        for _ in range(4):
            world.clock.advance(12 * HOUR)
            watch(world.session())
        assert tenancy.asks(BILLING)
        assert tenancy.asks(MAILER)
        watch(world.session())
        world.rotate()
        return tenancy

    def asks(self, agent: str, secret: str | None = None) -> bool:
        """Ask for a token as a consumer, with the value from before the change unless another is given."""
        world = self.world
        asked = {"grant_type": "client_credentials", "audience": AUDIENCE}
        asked |= {"client_id": world.client_id, "client_secret": secret or world.s0}
        url = f"{world.servers.auth0.url}/oauth/token"
        done = httpx.post(url, json=asked, headers={"User-Agent": agent}, verify=NO_TRUST, trust_env=False)
        assert done.status_code in (httpx.codes.OK, httpx.codes.UNAUTHORIZED)
        return done.is_success

    def stranger(self, times: int, every: timedelta, address: str = "203.0.113.9", agent: str = "curl/8.5") -> None:
        """Let the time pass in which a stranger fails so often, as the tenant's log notes it."""
        told = {"client_id": self.world.client_id, "ip": address, "user_agent": agent, "description": "Unauthorized"}
        for _ in range(times):
            self.world.clock.advance(every)
            self.world.tenant.write_log("feccft", **told)

    def evidence(self, **settings: Any) -> Evidence:
        return evidence_of(self.world.session(**settings))

    def retire(self, *ignored: str, force: bool = False, reason: str = "", **settings: Any) -> Outcome | None:
        options = Options(reason=reason)
        vouched = tuple(map(Ignored.parse, ignored))
        return retire(self.world.session(**settings), options, ignored=vouched, force=force)
