"""The tenant: its directory, tokens, log, limits and faults. It knows nothing of HTTP."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from random import Random, SystemRandom
from typing import Any

from bridge.sandbox.auth0.answers import EXPIRED, LIMIT_REACHED, unauthorized
from bridge.sandbox.auth0.directory import Directory
from bridge.sandbox.auth0.faults import Fault, FaultKind, Faults
from bridge.sandbox.auth0.keys import Expired, Invalid, SigningKey
from bridge.sandbox.auth0.limits import PLANS, Allowance, Group, Limits, Rate, groups_of
from bridge.sandbox.auth0.logs import Entry, LogBook
from bridge.sandbox.auth0.settings import Api, Caller, Credentials, Request, Settings
from sinks.clock import Clock, SystemClock

__all__ = ["Credentials", "Settings", "Tenant"]

KEPT_REQUESTS = 100_000
"""How many requests are remembered. Older ones are dropped."""


class Tenant(Directory):
    """One Auth0 tenant at `base_url`. Every method may be called from any thread."""

    def __init__(self, base_url: str, settings: Settings | None = None, *, clock: Clock | None = None,
                 random: Random | None = None) -> None:  # fmt: skip
        self.base_url = base_url.rstrip("/")
        audience = f"{self.base_url}/api/v2/"
        super().__init__(audience, settings or Settings(), clock or SystemClock(), random or SystemRandom())
        self.key = SigningKey()
        self._api_tokens: dict[str, Caller] = {}
        self._tokens_issued = 0
        self._requests: deque[Request] = deque(maxlen=KEPT_REQUESTS)
        self._logs = LogBook()
        self._limits = Limits()
        self._faults = Faults()

    def issue(self, client_id: str, api: Api, scope: str) -> str:
        """Return a signed access token.

        It stays valid to its end, whatever happens to the client's secret.
        """
        now = int(self.clock.now().timestamp())
        # As in tokens of Auth0 for machine-to-machine applications.
        claims: dict[str, str | int] = {
            "iss": f"{self.base_url}/",
            "sub": f"{client_id}@clients",
            "aud": api.audience,
            "iat": now,
            "exp": now + int(api.token_lifetime.total_seconds()),
            "gty": "client-credentials",
            "azp": client_id,
        }
        return self.key.sign({**claims, "scope": scope} if scope else claims)

    def count_token(self) -> bool:
        """Count a token against the quota, and return False if the quota is used up.

        The quota is for all clients together.
        """
        with self.lock:
            quota = self.settings.token_quota
            if quota is not None and self._tokens_issued >= quota:
                return False
            self._tokens_issued += 1
            return True

    def add_api_token(self, token: str, scopes: Iterable[str], name: str = "api-token") -> None:
        """Make a text a valid bearer token for the Management API. `name` is how its caller is logged.

        Such a token does not expire, and its caller is not a client.
        """
        with self.lock:
            self._api_tokens[token] = Caller(name, frozenset(scopes))

    def caller(self, token: str) -> Caller:
        """Return the caller that a bearer token of the Management API belongs to.

        Raises:
            ApiError: 401, the token has expired or is not valid.
        """
        if known := self._api_tokens.get(token):
            return known
        try:
            claims = self.key.verify(token, self.audience, self.clock.now())
        except Expired:
            raise unauthorized(EXPIRED) from None
        except Invalid:
            raise unauthorized("Invalid token") from None
        return Caller(claims["azp"], frozenset(claims.get("scope", "").split()))

    def record(self, method: str, path: str, user_agent: str) -> None:
        """Remember that a request arrived.

        Neither its body nor its query is kept. The oldest requests are dropped beyond `KEPT_REQUESTS`.
        """
        with self.lock:
            self._requests.append(Request(method, path, user_agent, self.clock.now()))

    @property
    def requests(self) -> list[Request]:
        """The requests that arrived, the oldest first.

        It is a copy, at most `KEPT_REQUESTS` long. Requests to the control endpoints are not among them.
        """
        with self.lock:
            return list(self._requests)

    def write_log(self, type_: str, **told: object) -> str:
        """Add an entry to the tenant's log and return its id.

        A field that is None is left out. The name of a known client is added.
        """
        with self.lock:
            client = self._clients.get(str(told.get("client_id")))
            name = client.properties.get("name") if client else None
            return self._logs.write(self.clock.now(), type_, **{"client_name": name, **told})

    def logs(self) -> list[Entry]:
        """Return the entries that the Management API would show now, the oldest first.

        `log_delay` and `log_retention` of the settings decide which these are.
        """
        with self.lock:
            settings = self.settings
            return self._logs.visible(self.clock.now(), settings.log_delay, settings.log_retention)

    def limit(self, group: Group, rate: Rate | None) -> None:
        """Limit a group of endpoints from now on. None removes the limit.

        The bucket is full then. Requests that were counted before do not matter any more.
        """
        with self.lock:
            self._limits.set(group, rate, self.clock.monotonic())

    def set_plan(self, plan: str) -> None:
        """Set the published limits of one of Auth0's plans (`limits.PLANS`).

        A group that the plan does not mention keeps its limit.
        """
        for group, rate in PLANS[plan].items():
            self.limit(group, rate)

    def allowance(self, method: str, path: str, ip: str, user_agent: str) -> Allowance | None:
        """Count a request against its limits, and return the result, or None if no limit applies.

        A refused request is logged, as `api_limit`.
        """
        with self.lock:
            allowance = self._limits.take(groups_of(method, path), self.clock.monotonic())
        if allowance and not allowance.allowed:
            self.write_log("api_limit", description=LIMIT_REACHED, ip=ip, user_agent=user_agent)
        return allowance

    def fault(self, kind: FaultKind | str, **rule: Any) -> None:
        """Add a rule for injected faults. The arguments are the fields of `Fault`.

        Raises:
            ValueError: there is no such kind.
        """
        with self.lock:
            self._faults.add(Fault(FaultKind(kind), **rule))

    def clear_faults(self) -> None:
        """Remove all rules for injected faults."""
        with self.lock:
            self._faults.clear()

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that applies to this request, and count the request against its rule.

        None means that the request is served as usual.
        """
        with self.lock:
            return self._faults.next(method, path)
