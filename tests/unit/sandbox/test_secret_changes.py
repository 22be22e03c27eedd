from __future__ import annotations

from datetime import timedelta

import pytest

API = "https://api.acme"


@pytest.fixture
def client(auth0):
    return auth0.tenant.add_client("Billing", client_secret="S0", grants={API: ()})


@pytest.fixture
def statuses(ask):
    """The statuses that twenty requests with a value get."""

    def get(value, times=20):
        return {ask("Billing", value, audience=API).status_code for _ in range(times)}

    return get


def patch(api, value):
    return api.patch("/clients/Billing", json={"client_secret": value})


def test_during_propagation_each_request_meets_the_old_or_the_new_value(client, api, auth0, clock, statuses):
    patch(api, "S1")
    clock.sleep(29.9)
    assert statuses("S0") == statuses("S1") == {200, 401}
    assert statuses("S2") == {401}
    assert auth0.tenant.accepted("Billing", "S0") == auth0.tenant.accepted("Billing", "S1") == "maybe"
    assert auth0.tenant.accepted("Billing", "S2") == "no"
    clock.sleep(0.1)
    assert (statuses("S0"), statuses("S1")) == ({401}, {200})
    assert (auth0.tenant.accepted("Billing", "S0"), auth0.tenant.accepted("Billing", "S1")) == ("no", "yes")


def test_without_propagation_the_change_is_immediate(client, api, auth0, statuses):
    auth0.tenant.settings.propagation = timedelta(0)
    patch(api, "S1")
    assert (statuses("S0"), statuses("S1")) == ({401}, {200})


def test_changed_twice_within_the_window_three_values_may_be_met(client, api, auth0, clock):
    patch(api, "S1")
    clock.sleep(20)
    patch(api, "S2")
    assert [auth0.tenant.accepted("Billing", value) for value in ("S0", "S1", "S2")] == ["maybe"] * 3
    clock.sleep(10)
    assert [auth0.tenant.accepted("Billing", value) for value in ("S0", "S1", "S2")] == ["no", "maybe", "maybe"]
    clock.sleep(20)
    assert [auth0.tenant.accepted("Billing", value) for value in ("S0", "S1", "S2")] == ["no", "no", "yes"]


def test_the_old_value_may_be_patched_back(client, api, auth0, clock, statuses):
    patch(api, "S1")
    assert patch(api, "S0").status_code == 200
    clock.sleep(30)
    assert (statuses("S0"), statuses("S1")) == ({200}, {401})


def test_patching_the_same_value_again_disturbs_nobody(client, api, auth0, clock, statuses):
    assert patch(api, "S0").status_code == 200
    assert statuses("S0") == {200}
    assert auth0.tenant.accepted("Billing", "S0") == "yes"


def test_what_is_read_back_is_the_new_value_at_once(client, api):
    value = "V+alue-with_special=characters.50-chars-long-0123456"
    assert patch(api, value).json()["client_secret"] == value
    assert api.get("/clients/Billing").json()["client_secret"] == value


def test_the_answer_to_a_patch_shows_the_secret_only_with_the_scope_to_read_it(client, api_with):
    answer = patch(api_with("update:client_keys"), "S1")
    assert answer.status_code == 200
    assert answer.json()["client_id"] == "Billing"
    assert "client_secret" not in answer.json()


def test_rotate_secret_answers_with_a_value_of_64_characters(client, api, auth0, clock, statuses):
    value = api.post("/clients/Billing/rotate-secret").json()["client_secret"]
    assert len(value) == 64
    assert auth0.tenant.secret("Billing") == value
    assert statuses("S0") == statuses(value) == {200, 401}
    again = api.post("/clients/Billing/rotate-secret").json()["client_secret"]
    assert again != value


def test_the_answer_to_rotate_secret_may_lack_the_secret(client, api, auth0):
    auth0.tenant.settings.rotate_shows_secret = False
    answer = api.post("/clients/Billing/rotate-secret")
    assert answer.status_code == 200
    assert "client_secret" not in answer.json()
    assert api.get("/clients/Billing").json()["client_secret"] == auth0.tenant.secret("Billing") != "S0"


def test_every_value_is_remembered_with_who_set_it_and_when(client, api, auth0, http, ask, clock):
    other = auth0.tenant.add_management_client(["update:client_keys"], "Manager")
    token = ask(*other).json()["access_token"]
    patch(api, "S1")
    clock.sleep(60)
    http.patch("/api/v2/clients/Billing", json={"client_secret": "S2"}, headers={"Authorization": f"Bearer {token}"})
    auth0.tenant.set_in_dashboard("Billing", "S3")
    history = auth0.tenant.secret_history("Billing")
    assert [(one.value, one.by) for one in history] == [
        ("S0", "creation"), ("S1", "api-token"), ("S2", "Manager"), ("S3", "dashboard"),
    ]  # fmt: skip
    assert history[2].at - history[1].at == timedelta(seconds=60)
    assert "S1" not in repr(history)


def test_requests_are_remembered_without_their_bodies_and_queries(client, api, auth0):
    patch(api, "S1")
    api.get("/clients/Billing", params={"fields": "client_secret"})
    told = [(one.method, one.path) for one in auth0.tenant.requests]
    assert told == [("PATCH", "/api/v2/clients/Billing"), ("GET", "/api/v2/clients/Billing")]
    assert "S1" not in repr(auth0.tenant.requests)
