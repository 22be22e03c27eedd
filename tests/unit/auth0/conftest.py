"""A tenant behind a scripted transport, and a clock that is held: waits between attempts pass on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.auth0.api import Auth0
from bridge.auth0.client import Client
from bridge.auth0.tenant import Credentials, Tenant
from sinks.secret import Secret

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
TOKEN = {"access_token": "fetched", "scope": "read:clients update:client_keys", "expires_in": 86400}


class HeldClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.passed = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds


@dataclass
class Wire:
    """Answers in order; the last one again and again. Token requests have their own."""

    answers: list[Answer] = field(default_factory=list)
    tokens: list[Answer] = field(default_factory=lambda: [httpx.Response(200, json=TOKEN)])
    requests: list[httpx.Request] = field(default_factory=list)
    token_requests: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        is_token = request.url.path == "/oauth/token" and b"client_credentials" in request.content
        script, seen = (self.tokens, self.token_requests) if is_token else (self.answers, self.requests)
        seen.append(request)
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) if request.content else None for request in self.requests]


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def connect(wire: Wire, clock: HeldClock) -> Callable[..., Auth0]:
    """Open a tenant on the wire; by default with a ready-made opaque token."""

    def opened(credentials: Credentials | None = None, domain: str = "acme.eu.auth0.com", **more: Any) -> Auth0:
        credentials = credentials or Credentials(api_token=Secret("ready-made"))
        return Auth0(Tenant(domain, credentials, clock, transport=httpx.MockTransport(wire.handle), **more))

    return opened


@pytest.fixture
def client() -> Client:
    return Client("AbC123", "billing", grant_types=("client_credentials",))


@pytest.fixture
def refusal() -> Callable[..., httpx.Response]:
    """Build an error as the Management API words it."""

    def built(status: int, message: str, code: str | None = None, **headers: str) -> httpx.Response:
        body = {"statusCode": status, "error": "Error", "message": message} | ({"errorCode": code} if code else {})
        return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return built
