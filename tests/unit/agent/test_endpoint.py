"""The token endpoint: what is kept, what is asked at Auth0, what a failure becomes, and who gets an answer."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from bridge.agent import application
from bridge.agent.application import MOST_KINDS
from bridge.model.errors import Usage
from tests.e2e.sinks import NO_TRUST
from tests.support.proxy import Answer
from tests.unit.agent.running import AUDIENCE, Place, Running, free_port

JSON = (("Content-Type", "application/json"),)


def says(status: int, body: Any = None, *headers: tuple[str, str]) -> Answer:
    return Answer(status, "Answer", (*JSON, *headers), json.dumps(body or {}).encode())


@pytest.fixture
def agent(place: Place) -> Iterator[Running]:
    """An agent of one test. It ends before a clock that the test changed is right again."""
    with Running(place) as running:
        yield running


def test_a_token_is_of_auth0_and_its_answer_is_of_rfc_6749(agent: Running, place: Place) -> None:
    answer = agent.ask()
    told = answer.json()
    assert answer.status_code == 200, told
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert jwt.decode(told["access_token"], options={"verify_signature": False})["azp"] == place.world.client_id
    assert (told["token_type"], told["scope"]) == ("Bearer", "read:x write:x")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert answer.headers["content-type"] == "application/json"
    assert not {"server", "date"} & set(answer.headers)


def test_one_token_serves_all_who_ask_for_the_same(agent: Running, place: Place) -> None:
    first = agent.ask(scope="read:x write:x").json()["access_token"]
    assert agent.ask(scope="write:x  read:x").json()["access_token"] == first
    body = place.ask(scope="write:x read:x")
    assert agent.http.post("/oauth/token", json=body).json()["access_token"] == first
    named = {**body, "client_id": ""}
    basic = (place.world.client_id, "whatever")
    assert agent.http.post("/oauth/token", data={k: v for k, v in named.items() if v}, auth=basic).is_success
    assert place.asked == 1


def test_every_audience_scope_and_organization_has_its_own(agent: Running, place: Place) -> None:
    seen: list[Any] = []
    place._auth0.watch = lambda asked, _answered: seen.append(json.loads(asked))
    kinds: list[dict[str, Any]] = [{}, {"scope": "read:x"}, {"scope": "write:x"}]
    for more in (*kinds, {"organization": "org_1"}, {"organization": "org_2"}):
        for _ in range(2):
            assert agent.ask(**more).status_code == 200, more
    assert place.asked == 5
    assert [each.get("organization") for each in seen] == [None, None, None, "org_1", "org_2"]
    assert [each.get("scope") for each in seen] == [None, "read:x", "write:x", None, None]
    place._auth0.watch = lambda _asked, _answered: None


def test_no_more_kinds_are_kept_than_there_is_room_for(agent: Running, place: Place, monkeypatch: Any) -> None:
    monkeypatch.setattr(application, "MOST_KINDS", 3)
    place.auth0 = lambda nth: says(200, {"access_token": f"t{nth}", "token_type": "Bearer", "expires_in": 600})
    for number in (1, 2, 3, 1, 4):
        agent.ask(audience=f"a{number}")
    assert place.asked == 4
    assert agent.ask(audience="a1").json()["access_token"] == "t1"
    assert agent.ask(audience="a2").json()["access_token"] == "t5"
    assert len(agent.application._kinds) == 3
    place.auth0 = lambda _nth: says(403, {"error": "access_denied"})
    for number in range(MOST_KINDS):
        agent.ask(audience=f"b{number}")
    assert len(agent.application._failed) <= 3


def test_expires_in_counts_down(agent: Running, monkeypatch: Any) -> None:
    first = agent.ask().json()["expires_in"]
    now = time.monotonic
    monkeypatch.setattr("bridge.agent.endpoint.time.monotonic", lambda: now() + 100)
    assert first - 103 <= agent.ask().json()["expires_in"] <= first - 100


def test_many_callers_at_once_are_one_request(agent: Running, place: Place) -> None:
    gate, found = threading.Event(), []
    place.auth0 = lambda _nth: None if gate.wait(20) else says(500)

    def call() -> None:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(agent.path), verify=NO_TRUST), timeout=60) as http:
            found.append(http.post("http://agent/oauth/token", data=place.ask()).json()["access_token"])

    threads = [threading.Thread(target=call) for _ in range(60)]
    for thread in threads:
        thread.start()
    while len(agent._server.server_state.tasks) < 60:
        time.sleep(0.02)
    gate.set()
    for thread in threads:
        thread.join()
    assert len(found) == 60
    assert len(set(found)) == 1
    assert place.asked == 1


def test_a_token_is_renewed_in_the_background(agent: Running, place: Place) -> None:
    place.auth0 = lambda nth: says(200, {"access_token": f"t{nth}", "token_type": "Bearer", "expires_in": 600})
    assert agent.ask().json()["access_token"] == "t1"
    (kind,) = agent.application._kinds.values()
    kind._now = lambda: time.monotonic() + 590
    assert agent.ask().json()["access_token"] == "t1"
    flight = kind._flying
    assert flight is None or flight.result(20).text == "t2"
    kind._now = time.monotonic
    assert agent.ask().json()["access_token"] == "t2"
    assert place.asked == 2


FAILURES = {
    "a grant that is missing": (
        says(403, {"error": "access_denied", "error_description": "canary"}), 403, "access_denied",
        "the token endpoint answered 403 (access_denied); its audience was asked for", None,
    ),
    "a scope that there is none of": (says(400, {"error": "invalid_scope"}), 400, "invalid_scope", "400", None),
    "a method that does not fit": (
        says(403, {"error": "unauthorized_client"}), 403, "unauthorized_client", "403", None,
    ),
    "a refusal without a code": (says(404), 404, "access_denied", "404", None),
    "a code that is none": (says(403, {"error": 'canary "x"\n'}), 403, "access_denied", "403", None),
    "a code that is too long": (says(403, {"error": "e" * 65}), 403, "access_denied", "403", None),
    "too many requests": (
        says(429, {"error": "too_many_requests"}, ("Retry-After", "7")), 429, "temporarily_unavailable", "429", "7",
    ),
    "too many requests, until when is not said": (says(429), 429, "temporarily_unavailable", "429", "1"),
    "a failure": (says(500, {"error": "server_error"}), 503, "temporarily_unavailable", "500", "1"),
    "maintenance": (says(503), 503, "temporarily_unavailable", "503", "1"),
    "a redirect": (says(302, {}, ("Location", "https://x")), 503, "temporarily_unavailable", "302", "1"),
    "a page": (Answer(200, "OK", (), b"<html>canary"), 503, "temporarily_unavailable", "without a token", "1"),
    "no token": (says(200, {"token_type": "Bearer"}), 503, "temporarily_unavailable", "without a token", "1"),
    "a token that is none": (
        says(200, {"access_token": None}), 503, "temporarily_unavailable", "without a token", "1",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("auth0", "status", "error", "words", "after"), FAILURES.values(), ids=FAILURES)
def test_a_failure_of_auth0_is_passed_on(
    agent: Running, place: Place, auth0: Answer, status: int, error: str, words: str, after: str | None
) -> None:
    place.auth0 = lambda _nth: auth0
    answer = agent.ask()
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, error)
    assert words in told["error_description"]
    assert answer.headers.get("retry-after") == after
    assert "canary" not in answer.text
    assert "canary" not in agent.http.get("/metrics").text


def test_a_refusal_of_every_value_is_invalid_client(agent: Running, place: Place) -> None:
    place.auth0 = lambda _nth: says(401, {"error": "access_denied"})
    answer = agent.ask()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "refuses every value" in answer.json()["error_description"]
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_many_failing_callers_cost_one_request(agent: Running, place: Place, monkeypatch: Any) -> None:
    place.auth0 = lambda _nth: says(403, {"error": "access_denied"})
    assert {agent.refused()[0] for _ in range(300)} == {403}
    assert place.asked == 1
    assert agent.refused(audience="other")[0] == 403
    assert place.asked == 2
    place.auth0 = lambda _nth: None
    now = time.monotonic
    monkeypatch.setattr("bridge.agent.application.time.monotonic", lambda: now() + application.LONG_PAUSE)
    assert agent.ask().status_code == 200


def test_what_auth0_says_about_when_to_come_back_counts_down_and_is_believed_for_a_minute(
    agent: Running, place: Place, monkeypatch: Any
) -> None:
    place.auth0 = lambda _nth: says(429, {}, ("Retry-After", "999999999"))
    assert agent.ask().headers["retry-after"] == "999999999"
    now = time.monotonic
    monkeypatch.setattr("bridge.agent.application.time.monotonic", lambda: now() + 50)
    assert 999999940 <= int(agent.ask().headers["retry-after"]) <= 999999949
    assert place.asked == 1
    place.auth0 = lambda _nth: None
    monkeypatch.setattr("bridge.agent.application.time.monotonic", lambda: now() + application.LONGEST_PAUSE + 1)
    assert agent.ask().status_code == 200


def test_a_failure_that_is_answered_again_keeps_nothing_of_its_callers(agent: Running, place: Place) -> None:
    place.auth0 = lambda _nth: says(403, {"error": "access_denied"})
    for _ in range(50):
        agent.refused()
    (failed,) = agent.application._failed.values()
    refusals = [failed.refusal(time.monotonic()) for _ in range(2)]
    assert refusals[0] is not refusals[1]
    assert not [each for each in vars(failed).values() if isinstance(each, BaseException)]


def test_only_the_audiences_that_are_named_may_be_asked_for(place: Place) -> None:
    with Running(place, served=f'[agent.clients.billing]\naudiences = ["{AUDIENCE}"]') as agent:
        assert agent.ask().status_code == 200
        for audience in ("https://other", ""):
            status, error, said = agent.refused(audience=audience)
            assert (status, error) == (403, "access_denied")
            assert said == f"audience: expected one of agent.clients.billing.audiences ({AUDIENCE})"
    assert place.asked == 1


TOKEN = '[agent.clients.billing]\ntoken = "{}"'


def test_the_token_file_decides_who_gets_a_token(place: Place) -> None:
    file = place.directory / "token"
    file.write_text(f"{place.token}\n", "utf-8")
    with Running(place, served=TOKEN.format(f"file:{file}")) as agent:
        for wrong in ("", "x" * 40, place.token[:-1], f"{place.token}x", place.token.upper()):
            status, error, said = agent.refused(wrong)
            assert (status, error) == (401, "invalid_client")
            found = "not" if wrong else "missing, expected"
            assert said == f"client_secret: {found} the token of agent.clients.billing.token"
        assert place.asked == 0
        assert 'answers_total{client="billing",result="invalid_client"} 5' in agent.http.get("/metrics").text
        assert agent.refused(f"{place.token}\n")[2].startswith(
            "client_secret: longer than 2048 characters, or not print"
        )
        assert agent.refused(place.token, client_id="nobody")[0] == 401
        assert 'answers_total{client="unknown",result="invalid_client"} 1' in agent.http.get("/metrics").text
        assert agent.ask(place.token).status_code == 200
        body = place.ask(client_id="")
        assert agent.http.post("/oauth/token", data=body, auth=(place.world.client_id, place.token)).is_success
        assert agent.http.post("/oauth/token", data=body, auth=(place.world.client_id, "x")).status_code == 401


@pytest.mark.parametrize(("content", "words"), [
    (None, "no such file"), ("", "empty"), ("x" * 15, "found less than 16 characters"), ("x" * 2**21, "MiB"),
])  # fmt: skip
def test_a_token_file_that_cannot_be_meant_so_stops_the_start(place: Place, content: str | None, words: str) -> None:
    file = place.directory / "bad-token"
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(Usage) as caught:
        Running(place, served=TOKEN.format(f"file:{file}"))
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert "xxxx" not in caught.value.message


def test_an_id_that_two_tenants_have_is_served_for_neither(place: Place) -> None:
    other = (
        '[tenants.other]\ndomain = "other.eu.auth0.com"\n[clients.twin]\ntenant = "other"\n'
        f'client_id = "{place.world.client_id}"\nsinks = ["eu://secret/twin"]\n'
    )
    with pytest.raises(Usage, match=r"clients\.twin\.client_id: the same as that of clients\.billing"):
        Running(place, clients=other)


def test_a_client_is_served_where_its_listener_says_so(place: Place) -> None:
    path, other = place.path(), place.path()
    clients = '[clients.other]\ntenant = "prod"\nclient_id = "other"\nsinks = ["eu://secret/other"]\n'
    with Running(
        place, f'socket = "{path}"\nclients = ["other"]', f'socket = "{other}"\nclients = ["billing"]', clients=clients
    ) as agent:
        for client_id in (place.world.client_id, "nobody"):
            status, error, said = agent.refused(client_id=client_id)
            assert (status, error) == (401, "invalid_client")
            assert said == f"client_id: no client of that id is served at {path}"
        assert agent.http.get("/v1/secret/billing").status_code == 404
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=f"{other}", verify=NO_TRUST), base_url="http://agent"
        ) as http:
            assert http.post("/oauth/token", data=place.ask()).status_code == 200


def test_values_are_handed_out_only_where_the_configuration_says_so(place: Place) -> None:
    with Running(place) as agent:
        answer = agent.http.get("/v1/secret/billing")
        assert answer.status_code == 404
        assert place.world.live not in answer.text
        assert "agent.listen.values" in answer.text
    with Running(place, f'socket = "{place.path()}"\nvalues = true') as agent:
        answer = agent.http.get("/v1/secret/billing")
        assert answer.json() == {
            "client_id": place.world.client_id,
            "candidates": [{"stage": "current", "version": "2", "value": place.world.live}],
        }
        assert answer.headers["cache-control"] == "no-store"
        assert agent.http.get("/v1/secret/other").status_code == 401
        assert agent.http.get("/v1/secret/").status_code == 401
        assert agent.http.post("/v1/secret/billing").status_code == 405
        assert agent.http.head("/v1/secret/billing").content == b""


def test_values_of_a_client_with_a_token_need_it(place: Place) -> None:
    served = TOKEN.format("env:CALLER")
    with Running(place, f'socket = "{place.path()}"\nvalues = true', served=served) as agent:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {place.token}"}):
            answer = agent.http.get("/v1/secret/billing", headers=headers)
            assert answer.status_code == 401
            assert place.world.live not in answer.text
        right = {"Authorization": f"Bearer {place.token}"}
        assert agent.http.get("/v1/secret/billing", headers=right).status_code == 200


def test_while_the_vault_is_away_the_last_good_values_serve_until_they_are_too_old(
    agent: Running, place: Place
) -> None:
    assert agent.ask().status_code == 200
    assert agent.http.get("/readyz").text.startswith("billing: ready, read ")
    place.vault_away = True
    cache = agent.application.secret._cache
    cache._now = lambda: time.monotonic() + 3600
    assert agent.ask(scope="read:x").status_code == 200
    ready = agent.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.text.startswith("billing: ready, read 360")
    cache._now = lambda: time.monotonic() + 86401
    ready = agent.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.text.startswith("billing: not ready, read 8640")
    assert " s ago, and not since: could not read" in ready.text
    assert 'secret_bridge_agent_ready{client="billing"} 0' in agent.http.get("/metrics").text
    status, error, said = agent.refused(scope="write:x")
    assert (status, error) == (503, "temporarily_unavailable")
    assert "cannot be read" in said
    assert agent.ask().status_code == 200  # a token that Auth0 gave is valid to its end
    place.vault_away = False
    cache._now = time.monotonic
    cache._ahead_at = cache._old_at = 0.0
    agent.application._failed.clear()
    assert agent.ask(scope="write:x").status_code == 200
    assert agent.http.get("/readyz").status_code == 200


def test_before_the_first_reading_it_is_alive_and_not_ready(place: Place) -> None:
    place.vault_away = True
    with Running(place) as agent:
        assert agent.http.get("/healthz").text == "ok\n"
        assert (agent.http.get("/readyz").status_code, agent.http.get("/readyz").text) == (
            503, "billing: not ready, never read\n",
        )  # fmt: skip
        assert agent.refused()[:2] == (503, "temporarily_unavailable")
        assert "values_age_seconds" not in agent.http.get("/metrics").text


def test_what_is_counted_names_clients_and_results_only(agent: Running, place: Place) -> None:
    agent.ask()
    place.auth0 = lambda _nth: says(403, {"error": "access_denied"})
    agent.ask(audience="other")
    lines = agent.http.get("/metrics").text.splitlines()
    for line in (
        'secret_bridge_agent_answers_total{client="billing",result="token"} 1',
        'secret_bridge_agent_answers_total{client="billing",result="access_denied"} 1',
        'secret_bridge_agent_token_requests_total{client="billing",status="200"} 1',
        'secret_bridge_agent_token_requests_total{client="billing",status="403"} 1',
        'secret_bridge_agent_events_total{client="billing",event="refreshed"} 1',
        'secret_bridge_agent_ready{client="billing"} 1',
        "secret_bridge_agent_connections 1",
    ):
        assert line in lines, line


def test_a_user_who_is_not_named_gets_nothing(place: Place) -> None:
    with Running(place, f'socket = "{place.path()}"\nusers = ["{os.getuid() + 1}"]\nmode = "0666"') as agent:
        for answer in (agent.ask(), agent.http.get("/healthz"), agent.http.get("/metrics")):
            assert answer.status_code == 403
            assert f"the user {os.getuid()} is not among agent.listen.users" in answer.text
    with Running(place, f'socket = "{place.path()}"\nusers = ["{os.getuid()}"]') as agent:
        assert agent.ask().status_code == 200


def test_on_an_address_it_needs_its_own_host(place: Place) -> None:
    port = free_port()
    with Running(place, f'address = "127.0.0.1:{port}"', served=TOKEN.format("env:CALLER")) as agent:
        assert agent.ask(place.token).status_code == 200
        for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
            assert agent.ask(place.token, {"Host": host}).status_code == 200, host
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", f":{port}", ""):
            assert agent.ask(place.token, {"Host": host}).status_code == 421, host
