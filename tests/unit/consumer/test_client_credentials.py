"""Tokens: obtained once for all who wait, kept, renewed early, and by the next candidate on 401 only."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bridge.consumer import AllRefused, ClientCredentials, TokenError
from tests.e2e.sinks import NO_TRUST
from tests.e2e.world import DAY, MakeWorld, World
from tests.support.proxy import Answer, Proxy
from tests.unit.consumer.asking import AUDIENCE, Application, applications
from tests.unit.consumer.test_candidates import adopted, died

HEADERS = (("Content-Type", "application/json"),)


class Between(Proxy):
    """A proxy before Auth0: counts token requests, and answers them itself where it is told to."""

    def __init__(self, world: World) -> None:
        self.asked = 0
        self.says: Callable[[int], Answer | None] = lambda _nth: None
        super().__init__(world.servers.auth0.url, gate=self._note)

    def _note(self, what: str, ask: Callable[[], Answer]) -> Answer:
        if not what.endswith("/oauth/token"):
            return ask()
        self.asked += 1
        return self.says(self.asked) or ask()


@pytest.fixture
def granted(make_world: MakeWorld) -> World:
    """A client that may have tokens for the API."""
    world = adopted(make_world(ends="aws"))
    world.tenant.grant(world.client_id, AUDIENCE, ())
    return world


@pytest.fixture
def between(granted: World) -> Iterator[Between]:
    with Between(granted) as proxy:
        yield proxy


def credentials(world: World, between: Between, **more: Any) -> tuple[ClientCredentials, Application]:
    (application,) = applications(world)
    http = httpx.Client(verify=NO_TRUST, trust_env=False)
    world._opened.callback(http.close)
    auth = ClientCredentials(
        between.url, application.secret, audience=AUDIENCE, http=http, clock=world.clock.monotonic, **more
    )
    return auth, application


def api(accepts: Callable[[str], bool] = lambda _token: True) -> tuple[httpx.MockTransport, list[str]]:
    """An API that sees tokens."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        seen.append(token)
        return httpx.Response(200 if accepts(token) else 401)

    return httpx.MockTransport(answer), seen


def test_a_token_is_put_on_every_request_and_asked_for_once(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    transport, seen = api()
    with httpx.Client(auth=auth, transport=transport) as http:
        assert [http.get("https://api.acme/x").status_code for _ in range(5)] == [200] * 5
    assert len(set(seen)) == 1
    assert between.asked == 1


def test_the_same_in_coroutines(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    transport, seen = api()

    async def work() -> None:
        async with httpx.AsyncClient(auth=auth, transport=transport) as http:
            await asyncio.gather(*(http.get("https://api.acme/x") for _ in range(50)))

    asyncio.run(work())
    assert len(seen) == 50
    assert between.asked == 1


def test_many_threads_that_need_one_at_once_ask_once(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    gate, found = threading.Barrier(200), set[str]()

    def need() -> None:
        gate.wait()
        found.add(auth.token())

    threads = [threading.Thread(target=need) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert between.asked == 1


def test_it_is_renewed_before_it_ends_and_nobody_waits_for_that(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    first = auth.token()
    lives = auth._token.ends_at - granted.clock.monotonic()
    granted.clock.advance(timedelta(seconds=lives - 200))
    assert auth.token() == first
    if auth._flying:
        auth._flying.result(10)
    assert auth.token() != first
    assert between.asked == 2


def test_a_token_that_cannot_be_renewed_is_used_until_it_ends(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    first = auth.token()
    between.says = lambda _nth: Answer(503, "Down", HEADERS, b"{}")
    lives = auth._token.ends_at - granted.clock.monotonic()
    granted.clock.advance(timedelta(seconds=lives - 200))
    assert [auth.token() for _ in range(3)] == [first] * 3
    granted.clock.advance(timedelta(seconds=201))
    with pytest.raises(TokenError, match="answered 503") as failed:
        auth.token()
    assert failed.value.status == 503


def test_a_refused_value_is_followed_by_the_next_one(granted: World, between: Between) -> None:
    auth, application = credentials(granted, between)
    auth.token()
    died(granted, "auth0.set_secret")
    granted.spread()
    granted.clock.advance(DAY * 2)
    assert auth.token()
    assert "pending used" in application.kinds
    assert between.asked == 3


@pytest.mark.parametrize(("status", "error"), [(403, "access_denied"), (429, "too_many_requests"), (500, "")])
def test_any_other_answer_is_raised_and_tries_nothing_else(
    granted: World, between: Between, status: int, error: str
) -> None:
    auth, _ = credentials(granted, between)
    headers = (*HEADERS, ("Retry-After", "7")) if status == 429 else HEADERS
    between.says = lambda _nth: Answer(status, "No", headers, b'{"error": "%s"}' % error.encode())
    with pytest.raises(TokenError) as failed:
        auth.token()
    assert (failed.value.status, failed.value.error) == (status, error)
    assert failed.value.retry_after == (7.0 if status == 429 else None)
    assert between.asked == 1


def test_when_every_value_is_refused_it_says_what_to_look_at(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    granted.tenant.set_in_dashboard(granted.client_id)
    granted.spread()
    with pytest.raises(AllRefused, match="secret-bridge sync"):
        auth.token()


def test_no_answer_is_told_as_that(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    auth._url = "http://127.0.0.1:9/oauth/token"
    with pytest.raises(TokenError, match="no answer from") as failed:
        auth.token()
    assert failed.value.status == 0


def test_when_the_api_refuses_a_token_it_is_renewed_once(granted: World, between: Between) -> None:
    auth, _ = credentials(granted, between)
    revoked = auth.token()
    granted.clock.advance(timedelta(seconds=2))  # another one of the same second is the same one
    transport, seen = api(lambda token: token != revoked)
    with httpx.Client(auth=auth, transport=transport) as http:
        assert http.get("https://api.acme/x").status_code == 200
    assert seen[0] == revoked
    assert len(seen) == 2
    transport, seen = api(lambda _token: False)
    with httpx.Client(auth=auth, transport=transport) as http:
        assert http.get("https://api.acme/x").status_code == 401
    assert len(seen) == 2


def test_an_application_that_authenticates_by_basic_can(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="aws", token_endpoint_auth_method="client_secret_basic"))
    world.tenant.grant(world.client_id, AUDIENCE, ())
    with Between(world) as between:
        auth, _ = credentials(world, between, method="client_secret_basic")
        assert auth.token()


def test_nothing_of_it_prints_a_secret_or_a_token(
    granted: World, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    auth, _ = credentials(granted, between)
    token = auth.token()
    told = f"{caplog.text} {auth!r} {auth._token!r}"
    assert token not in told
    assert granted.s0 not in told
