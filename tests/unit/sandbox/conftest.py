"""A local Auth0 whose time stands still; every answer of its Management API is checked against the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from bridge.sandbox.auth0 import LocalAuth0

SPECIFICATION = json.loads(Path(__file__).with_name("auth0-openapi.json").read_text(encoding="utf-8"))
BASE = "/api/v2"
MANAGER_SCOPES = ("read:clients", "read:client_keys", "update:client_keys", "update:clients", "read:logs")


class HeldClock:
    """A clock that only tests move. Sleeping moves it too."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return 1000 + self.passed

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 2, 14, tzinfo=UTC) + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


def check_answer(response: httpx.Response) -> None:
    """Fail when a Management API answer is not one that the OpenAPI document declares."""
    path, method = response.request.url.path, response.request.method.lower()
    if not path.startswith(BASE):
        return
    for template, operations in SPECIFICATION["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.removeprefix(BASE)) and method in operations:
            check_declared(response, operations[method]["responses"])


def check_declared(response: httpx.Response, declared: dict[str, Any]) -> None:
    if response.status_code >= 500 or response.is_redirect:
        return
    assert str(response.status_code) in declared, f"{response.status_code} is not declared"
    schema = declared[str(response.status_code)].get("content", {}).get("application/json", {}).get("schema")
    response.read()
    if schema is not None:
        # The shapes of a list overlap (all of their properties are optional), so one of them has to fit, not only one.
        schema = {("anyOf" if name == "oneOf" else name): value for name, value in schema.items()}
        Draft202012Validator({**schema, "components": SPECIFICATION["components"]}).validate(response.json())


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def auth0(clock: HeldClock) -> Iterator[LocalAuth0]:
    with LocalAuth0(clock=clock, random=Random(7)) as running:
        yield running


@pytest.fixture
def http(auth0: LocalAuth0) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=auth0.url, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def api(auth0: LocalAuth0) -> Iterator[httpx.Client]:
    """The Management API with every scope that a rotation may need."""
    auth0.tenant.add_api_token("manager", MANAGER_SCOPES)
    with _client(auth0, "manager") as client:
        yield client


@pytest.fixture
def api_with(auth0: LocalAuth0) -> Iterator[Any]:
    """Make a client of the Management API with the given scopes only."""
    opened: list[httpx.Client] = []

    def make(*scopes: str) -> httpx.Client:
        token = f"token-{len(opened)}"
        auth0.tenant.add_api_token(token, scopes)
        opened.append(_client(auth0, token))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def ask(auth0: LocalAuth0, http: httpx.Client) -> Any:
    """Ask for a token with a client's secret; returns the answer."""

    def post(client_id: str, secret: str, **more: str) -> httpx.Response:
        body = {"grant_type": "client_credentials", "audience": auth0.tenant.audience}
        return http.post("/oauth/token", json={**body, "client_id": client_id, "client_secret": secret, **more})

    return post


def _client(auth0: LocalAuth0, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{auth0.url}{BASE}",
        headers={"Authorization": f"Bearer {token}"},
        event_hooks={"response": [check_answer]},
        trust_env=False,
        timeout=10,
    )
