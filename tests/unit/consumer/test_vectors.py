"""docs/reference/read-order.json, run by `bridge.consumer`, by the short code for applications, and by node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.consumer import AllRefused, ClientCredentials, ClientSecret, SecretUnavailable, TokenError
from sinks.errors import Unavailable
from sinks.reader import NOTHING_NEXT, Latest, Next
from sinks.secret import Secret
from tests.docs.pages import DOCS, fences
from tests.unit.consumer.vectors import (
    ACQUISITIONS,
    CLIENT_ID,
    NOW,
    PLACES,
    REQUEST,
    Away,
    NoAnswer,
    Simulated,
    check,
    name_of,
    node,
    of,
    recorded,
)

KEPT = (200, 403)  # the answers that say that the secret was right


class InMemory:
    """A sink of a vector (`sinks.reader.Reader`)."""

    uri = "vault://secret/apps/billing"

    def __init__(self, simulated: Simulated) -> None:
        self._simulated = simulated

    def latest(self) -> Latest:
        stored = self._stored()
        at, promoted = self._simulated.now(), stored.get("promoted")
        moment = None if promoted is None else datetime.fromtimestamp(NOW.timestamp() + promoted, NOW.tzinfo)
        return Latest(Secret(stored["current"]), "1", at, moment, stored.get("fallback"))

    def pending(self) -> Next:
        stored = self._stored()
        value, ends = stored.get("pending"), stored.get("ends", ())
        return Next(Secret(value), frozenset(map(fingerprint, ends))) if value else NOTHING_NEXT

    def fallback(self, latest: Latest) -> Secret | None:
        return Secret(latest.fallback) if latest.fallback else None

    def promoted(self, latest: Latest) -> datetime | None:
        return latest.promoted

    def close(self) -> None:
        """Nothing is open."""

    def _stored(self) -> dict[str, Any]:
        try:
            return self._simulated.stored()
        except Away:
            raise Unavailable("away") from None


def fingerprint(value: str) -> str:
    return Secret(value).fingerprint(CLIENT_ID)


def acquire(secret: ClientSecret, simulated: Simulated) -> int | str:
    """Obtain one token."""

    def answer(request: httpx.Request) -> httpx.Response:
        try:
            status = simulated.ask(json.loads(request.content)["client_secret"])
        except NoAnswer:
            raise httpx.ConnectError("no answer", request=request) from None
        return httpx.Response(status, json={"access_token": "token"} if status == 200 else {})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        auth = ClientCredentials("http://127.0.0.1", secret, http=http, clock=simulated.monotonic)
        try:
            auth.token()
        except AllRefused:
            return 401
        except SecretUnavailable:
            return "no secret"
        except TokenError as error:
            return error.status or "no answer"
    return 200


@pytest.mark.parametrize("vector", of("consumer"), ids=name_of)
def test_the_library_does(vector: Mapping[str, Any]) -> None:
    simulated = Simulated(vector)
    secret = ClientSecret(CLIENT_ID, InMemory.uri, environ={"VAULT_ADDR": "https://vault.example"}, clock=simulated)
    secret._cache._loading._connect = lambda: InMemory(simulated)
    for expected in vector["expect"]:
        simulated.begin(expected)
        result = acquire(secret, simulated)
        first = secret._cache._first
        check(expected, simulated.asked, result, first.value.reveal() if first else None, simulated.pauses)


@pytest.fixture(scope="module")
def get_token() -> Callable[..., Any]:
    """The function that applications.md shows."""
    names: dict[str, Any] = {}
    (fence,) = [
        fence for fence in fences(DOCS / "guide" / "applications.md", "python") if "def get_token(" in fence.text
    ]
    exec(fence.text, names)  # our own page
    function: Callable[..., Any] = names["get_token"]
    return function


@pytest.mark.parametrize("vector", of("page"), ids=name_of)
def test_the_short_code_on_the_page_does(vector: Mapping[str, Any], get_token: Callable[..., Any]) -> None:
    simulated, remembered = Simulated(vector), None
    clocks = {"sleep": simulated.sleep, "clock": simulated.monotonic}
    for expected in vector["expect"]:
        simulated.begin(expected)
        result: int | str
        try:
            result, _, value = get_token(simulated.read, lambda v: (simulated.ask(v), None), remembered, **clocks)
            remembered = value if result in (*KEPT, 401) else remembered  # after 401 it is None
        except (NoAnswer, Away) as error:
            result = {NoAnswer: "no answer", Away: "no secret"}[type(error)]
        check(expected, simulated.asked, result, remembered or expected.get("first"), simulated.pauses)


@pytest.fixture(scope="module")
def by_node() -> dict[str, Any]:
    """What the reader for Node does in all of them."""
    values = {v for vector in ACQUISITIONS for moment in vector["vault"] for v in moment.get("ends", ())}
    with ExitStack() as servers:
        told = {
            "client_id": CLIENT_ID,
            "request": REQUEST,
            "fingerprints": {value: fingerprint(value) for value in values},
            "acquisitions": of("read.mjs"),
            "sinks": [{**p, "url": servers.enter_context(recorded(p["answers"]))} for p in PLACES],
        }
        program = [node(), str(Path(__file__).with_name("vectors.mjs"))]
        done = subprocess.run(program, input=json.dumps(told), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("vector", of("read.mjs"), ids=name_of)
def test_the_reader_for_node_does(vector: Mapping[str, Any], by_node: Mapping[str, Any]) -> None:
    for expected, found in zip(vector["expect"], by_node["acquisitions"][of("read.mjs").index(vector)], strict=True):
        check(expected, found["asked"], found["result"], found["first"], found["pauses"])


def expected_at(place: Mapping[str, Any]) -> dict[str, Any]:
    told = {"current": None, "pending": None, "fallback": None, "age": None, "ends": [], **place["expect"]}
    return {**told, "ends": sorted(map(fingerprint, told["ends"]))}


@pytest.mark.parametrize("place", PLACES, ids=name_of)
def test_the_library_finds(place: Mapping[str, Any]) -> None:
    kind, key = place["kind"], "?bare" if place["key"] is None else f"#{place['key']}"
    environ = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "VAULT_TOKEN": "x", "AWS_DEFAULT_REGION": "x"}
    uri = {"vault": f"vault://secret/apps/billing{key}", "aws": f"aws://us-east-1/apps/billing{key}"}[kind]
    with recorded(place["answers"]) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        secret = ClientSecret(CLIENT_ID, uri, environ={**environ, "VAULT_ADDR": url, "AWS_ENDPOINT_URL": url})
        seen = secret._cache.load(whole=True).result(30)
        secret.close()
    found = {"current": seen.current, "pending": seen.next.value, "fallback": seen.fallback}
    assert {
        **{stage: value and value.reveal() for stage, value in found.items()},
        "age": seen.promoted and round((seen.latest.at - seen.promoted).total_seconds()),
        "ends": sorted(seen.next.ending),
    } == expected_at(place)


@pytest.mark.parametrize("place", PLACES, ids=name_of)
def test_the_reader_for_node_finds(place: Mapping[str, Any], by_node: Mapping[str, Any]) -> None:
    found = by_node["sinks"][PLACES.index(place)]
    assert {**found, "ends": sorted(found["ends"])} == expected_at(place)
