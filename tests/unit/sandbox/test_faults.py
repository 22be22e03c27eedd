from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest

from bridge.sandbox.auth0 import LocalAuth0

WRITE = {"method": "PATCH", "path": "/api/v2/clients/"}


@pytest.fixture
def patch(auth0, api):
    auth0.tenant.add_client("Billing", client_secret="S0")
    return lambda: api.patch("/clients/Billing", json={"client_secret": "S1"})


def stored(auth0):
    return auth0.tenant.secret("Billing")


def test_an_answer_is_lost_after_the_write_took_effect(auth0, patch):
    auth0.tenant.fault("lost", **WRITE)
    with pytest.raises(httpx.RemoteProtocolError):
        patch()
    assert stored(auth0) == "S1"
    assert patch().status_code == 200


def test_a_connection_is_dropped_before_the_write(auth0, patch):
    auth0.tenant.fault("dropped", **WRITE)
    with pytest.raises(httpx.RemoteProtocolError):
        patch()
    assert stored(auth0) == "S0"


@pytest.mark.parametrize(("kind", "value"), [("error-before", "S0"), ("error-after", "S1")])
def test_a_server_error_comes_before_or_after_the_write(auth0, patch, kind, value):
    auth0.tenant.fault(kind, status=500, **WRITE)
    assert patch().status_code == 500
    assert stored(auth0) == value


@pytest.mark.parametrize(("kind", "value"), [("html", "S0"), ("html-after", "S1")])
def test_a_gateway_answers_502_in_html(auth0, patch, kind, value):
    auth0.tenant.fault(kind, **WRITE)
    answer = patch()
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert answer.text.startswith("<html>")
    assert stored(auth0) == value


@pytest.mark.parametrize("kind", ["slow-before", "slow-after"])
def test_an_answer_is_slow(auth0, patch, clock, kind):
    auth0.tenant.fault(kind, delay=timedelta(seconds=40), **WRITE)
    began = clock.now()
    assert patch().status_code == 200
    assert clock.now() - began == timedelta(seconds=40)
    set_at = auth0.tenant.secret_history("Billing")[-1].at
    assert set_at - began == (timedelta(seconds=40) if kind == "slow-before" else timedelta(0))


def test_a_redirect_leads_elsewhere_without_effect(auth0, patch):
    auth0.tenant.fault("redirect", location="https://elsewhere.example/", **WRITE)
    answer = patch()
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://elsewhere.example/")
    assert stored(auth0) == "S0"


def test_half_of_an_answer_arrives(auth0, patch):
    auth0.tenant.fault("truncated", **WRITE)
    with pytest.raises(httpx.RemoteProtocolError):
        patch()
    assert stored(auth0) == "S1"


@pytest.mark.parametrize("retry_after", [None, timedelta(seconds=3)])
def test_a_limit_is_reached_with_and_without_retry_after(auth0, patch, retry_after):
    auth0.tenant.fault("limited", retry_after=retry_after, **WRITE)
    answer = patch()
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "too_many_requests")
    assert answer.headers.get("Retry-After") == (retry_after and "3")
    assert int(answer.headers["x-ratelimit-reset"]) > 0
    assert stored(auth0) == "S0"


def test_a_limit_at_the_token_endpoint_has_its_own_form(auth0, ask):
    auth0.tenant.fault("limited", path="/oauth/token")
    assert ask("any", "any").json() == {
        "error": "too_many_requests",
        "error_description": "Global limit has been reached",
    }


def test_a_token_expires_in_the_middle(auth0, patch):
    auth0.tenant.fault("expired", **WRITE)
    answer = patch()
    assert (answer.status_code, answer.json()["message"]) == (
        401,
        "Expired token received for JSON Web Token validation",
    )
    assert patch().status_code == 200


def test_a_rule_strikes_the_requests_it_is_for_as_often_as_told(auth0, api, patch):
    auth0.tenant.fault("error-before", count=2, skip=1, **WRITE)
    assert api.get("/clients").status_code == 200
    assert [patch().status_code for _ in range(4)] == [200, 503, 503, 200]


def test_rules_are_used_up_in_their_order_and_can_be_forgotten(auth0, patch):
    auth0.tenant.fault("error-before", **WRITE)
    auth0.tenant.fault("html", **WRITE)
    auth0.tenant.fault("html", count=9, **WRITE)
    assert [patch().status_code for _ in range(2)] == [503, 502]
    auth0.tenant.clear_faults()
    assert patch().status_code == 200


def test_a_struck_request_is_among_the_requests(auth0, patch):
    auth0.tenant.fault("dropped", **WRITE)
    with pytest.raises(httpx.RemoteProtocolError):
        patch()
    assert [one.method for one in auth0.tenant.requests] == ["PATCH"]


def test_a_client_that_goes_away_during_a_slow_answer_disturbs_nobody(capfd):
    with LocalAuth0() as auth0:
        auth0.tenant.add_client("Billing")
        auth0.tenant.add_api_token("t", ["update:client_keys"])
        auth0.tenant.fault("slow-after", delay=timedelta(seconds=0.2))
        url, body = f"{auth0.url}/api/v2/clients/Billing", {"client_secret": "S1"}
        with httpx.Client(trust_env=False, headers={"Authorization": "Bearer t"}) as http:
            with pytest.raises(httpx.ReadTimeout):
                http.patch(url, json=body, timeout=0.05)
            deadline = time.monotonic() + 30  # the client has gone; the server may still be at it
            while stored(auth0) != "S1" and time.monotonic() < deadline:
                time.sleep(0.01)
            assert stored(auth0) == "S1"
            assert http.patch(url, json=body).status_code == 200
    assert capfd.readouterr().err == ""
