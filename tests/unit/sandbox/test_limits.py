from __future__ import annotations

import pytest

from bridge.sandbox.auth0.limits import PLANS, Rate


def told(answer):
    return tuple(int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining"))


def test_nothing_is_limited_until_it_is_asked_for(api):
    assert all("x-ratelimit-limit" not in api.get("/clients").headers for _ in range(50))


@pytest.mark.parametrize("retry_after", [True, False])
def test_beyond_the_burst_it_is_429_with_the_recorded_body(auth0, api, clock, retry_after):
    auth0.tenant.limit("read_clients", Rate(2, 0.5, retry_after))
    assert [told(api.get("/clients")) for _ in range(2)] == [(2, 1), (2, 0)]
    answer = api.get("/clients")
    assert answer.status_code == 429
    assert answer.json() == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }
    assert int(answer.headers["x-ratelimit-reset"]) == clock.now().timestamp() + 2
    assert answer.headers.get("Retry-After") == ("2" if retry_after else None)
    clock.sleep(2)
    assert api.get("/clients").status_code == 200
    auth0.tenant.limit("read_clients", None)
    assert all(api.get("/clients").status_code == 200 for _ in range(5))


def test_a_refused_write_has_no_effect_and_is_logged(auth0, api):
    auth0.tenant.add_client("Billing", client_secret="S0")
    auth0.tenant.limit("write_clients", Rate(0, 1))
    assert api.patch("/clients/Billing", json={"client_secret": "S1"}).status_code == 429
    assert auth0.tenant.secret("Billing") == "S0"
    assert [entry["type"] for entry in auth0.tenant.logs()] == ["api_limit"]


def test_the_token_endpoint_has_a_limit_of_its_own_and_answers_in_its_own_form(auth0, api, ask):
    client = auth0.tenant.add_management_client(["read:clients"])
    auth0.tenant.limit("token", Rate(1, 1, retry_after=True))
    assert ask(*client).status_code == 200
    limited = ask(*client)
    assert (limited.status_code, limited.json()["error"], limited.headers["Retry-After"]) == (
        429,
        "too_many_requests",
        "1",
    )
    assert api.get("/clients").status_code == 200


def test_the_scarcest_limit_is_told(auth0, api):
    auth0.tenant.limit("management", Rate(10, 1))
    auth0.tenant.limit("read_logs", Rate(3, 1))
    assert told(api.get("/logs")) == (3, 2)
    assert told(api.get("/clients")) == (10, 8)


@pytest.mark.parametrize("plan", PLANS)
def test_published_plans_can_be_set(auth0, api, plan):
    auth0.tenant.set_plan(plan)
    assert "x-ratelimit-limit" in api.get("/clients").headers


def test_an_unknown_group_is_an_error(auth0):
    with pytest.raises(ValueError, match="no such group"):
        auth0.tenant.limit("everything", Rate(1, 1))
