"""The agent's HTTP interface: an ASGI application."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.agent import callers
from bridge.agent.answers import Answer, Refusal, json_answer, text_answer
from bridge.agent.application import Application
from bridge.agent.asked import FORM, Headers, asked, bearer
from bridge.agent.callers import Caller
from bridge.agent.http import CALLER, LARGEST, Receive, Scope, Send, answered, body_of, headers_of, only
from bridge.agent.metrics import Metrics
from bridge.config.agent import Listener

LOG = logging.getLogger("bridge.agent")
TOKEN, SECRET = "/oauth/token", "/v1/secret/"
LOOKS = ("/healthz", "/readyz", "/metrics")


@dataclass(frozen=True)
class Serving:
    """What the agent serves, as one configuration says it. It is replaced as a whole."""

    listeners: Mapping[str, Listener]
    """The listeners by their places (`str(listener)`)."""
    users: Mapping[str, frozenset[int]]
    """The users that each listener lets in, by its place."""
    applications: Mapping[str, Application]
    """The applications by their client ids."""


@dataclass
class Endpoint:
    """The ASGI application. `serving` may be replaced at any time."""

    serving: Serving
    metrics: Metrics = field(default_factory=Metrics)
    connections: Callable[[], int] = int
    """Returns how many connections are open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        await answered(self._answer(scope, receive), scope, send, LOG)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        serving, headers = self.serving, headers_of(scope)
        # The listener as it is now: a reload may have changed whom it serves.
        met: Caller = scope["state"][CALLER]
        place = str(met.listener)
        caller = Caller(serving.listeners.get(place, met.listener), met.uid)
        callers.check(caller, headers, serving.users.get(place, frozenset()))
        method, path = scope["method"], scope["path"]
        if path == TOKEN:
            only(method, "POST")
            return await self._token(serving, caller, headers, await body_of(headers, receive, LARGEST, FORM))
        if not path.startswith(SECRET) and path not in LOOKS:
            raise Refusal(404, "invalid_request", f"no such path: expected {TOKEN}, {', '.join(LOOKS)}")
        only(method, "GET", "HEAD")
        if path.startswith(SECRET):
            return await _values(serving, caller, headers, path.removeprefix(SECRET))
        if path == "/healthz":
            return text_answer("ok\n")
        if path == "/readyz":
            return _readiness(serving)
        return text_answer(self.metrics.text(self._gauges(serving)))

    async def _token(self, serving: Serving, caller: Caller, headers: Headers, body: bytes) -> Answer:
        name = "unknown"
        try:
            wanted = asked(headers, body)
            if wanted.client_id in serving.applications:
                name = serving.applications[wanted.client_id].name
            found = callers.application(caller, wanted.client_id, wanted.secret, serving.applications)
            token = await found.grant(wanted)
        except Refusal as refusal:
            self.metrics.count("answers_total", client=name, result=refusal.error)
            raise
        self.metrics.count("answers_total", client=found.name, result="token")
        told: dict[str, Any] = {
            "access_token": token.text, "token_type": token.type, "expires_in": token.seconds_left(time.monotonic()),
        }  # fmt: skip
        return json_answer(told if token.scope is None else {**told, "scope": token.scope})

    def _gauges(self, serving: Serving) -> Iterator[tuple[str, str, Mapping[str, str], float]]:
        standing = {each.name: each.standing for each in serving.applications.values()}
        for name, each in standing.items():
            yield "ready", "Whether there are values to use, by client.", {"client": name}, float(each.usable)
        for name, each in standing.items():
            if each.age is not None:
                yield (
                    "values_age_seconds",
                    "Age of the last reading of the vault, by client.",
                    {"client": name},
                    each.age,
                )
        yield "connections", "Open connections.", {}, self.connections()


async def _values(serving: Serving, caller: Caller, headers: Headers, name: str) -> Answer:
    """Return the candidates of a client, for programs that ask Auth0 themselves."""
    if not caller.listener.values:
        raise Refusal(
            404, "invalid_request", f"values are not handed out at {caller.listener}: see agent.listen.values"
        )
    known = {each.name: each.client_id for each in serving.applications.values()}
    found = callers.application(caller, known.get(name, ""), bearer(headers), serving.applications)
    candidates = [
        {"stage": each.stage, "version": each.version, "value": each.reveal()} for each in await found.candidates()
    ]
    return json_answer({"client_id": found.client_id, "candidates": candidates})


def _readiness(serving: Serving) -> Answer:
    lines, ready = [], True
    for found in serving.applications.values():
        standing = found.standing
        ready = ready and standing.usable
        age = "never read" if standing.age is None else f"read {standing.age:.0f} s ago"
        since = ": " if standing.age is None else ", and not since: "
        failing = f"{since}{standing.failure}" if standing.failure else ""
        lines.append(f"{found.name}: {'ready' if standing.usable else 'not ready'}, {age}{failing}")
    return text_answer("\n".join(lines) + "\n", 200 if ready else 503)
