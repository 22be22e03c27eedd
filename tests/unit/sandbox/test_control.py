from __future__ import annotations

from datetime import timedelta

from bridge.sandbox.auth0 import LocalAuth0


def test_another_process_creates_a_client_and_reads_the_state(auth0, http, ask):
    body = {"client_id": "Billing", "name": "billing", "grants": {"https://api.acme": ["read:x"]}}
    added = http.post("/_sandbox/clients", json=body)
    assert added.status_code == 201
    assert ask(*added.json().values(), audience="https://api.acme").status_code == 200
    state = http.get("/_sandbox/state").json()
    assert state["url"] == auth0.url
    (client,) = state["clients"]
    assert client["client_secret"] == auth0.tenant.secret("Billing")
    assert client["history"][0]["by"] == "creation"
    assert state["requests"] == [["POST", "/oauth/token"]]


def test_another_process_changes_a_secret_in_the_dashboard(auth0, http):
    auth0.tenant.add_client("Billing")
    assert http.post("/_sandbox/clients/Billing/secret", json={"client_secret": "S1"}).status_code == 200
    assert auth0.tenant.secret("Billing") == "S1"
    generated = http.post("/_sandbox/clients/Billing/secret").json()["client_secret"]
    assert auth0.tenant.secret("Billing") == generated != "S1"
    assert [one.by for one in auth0.tenant.secret_history("Billing")] == ["creation", "dashboard", "dashboard"]
    told = [one["details"]["request"]["path"] for one in auth0.tenant.logs() if one["type"] == "sapi"]
    assert told == ["/api/v2/clients/Billing/rotate-secret"] * 2


def test_another_process_sets_propagation_and_faults(auth0, http, api):
    http.put("/_sandbox/propagation", json={"seconds": 3})
    assert auth0.tenant.settings.propagation == timedelta(seconds=3)
    rule = {"kind": "limited", "path": "/api/v2/clients", "retry_after": 2}
    assert http.post("/_sandbox/faults", json=rule).status_code == 201
    assert api.get("/clients").headers["Retry-After"] == "2"


def test_another_process_sets_the_limits_of_a_plan(http, api):
    assert http.put("/_sandbox/plan", json={"plan": "enterprise"}).status_code == 200
    assert api.get("/clients").headers["x-ratelimit-limit"] == "50"


def test_what_another_process_says_wrong_is_a_client_error(http):
    assert http.post("/_sandbox/faults", json={"kind": "nonsense"}).status_code == 400
    assert http.post("/_sandbox/faults", json={}).status_code == 400
    assert http.put("/_sandbox/propagation", json={}).status_code == 400
    assert http.put("/_sandbox/plan", json={"plan": "nonsense"}).status_code == 400
    assert http.post("/_sandbox/clients", json={"kind": "nonsense"}).status_code == 400
    assert http.post("/_sandbox/clients/nobody/secret").status_code == 404


def test_a_name_that_is_not_this_machines_reaches_nothing(http):
    assert http.get("/_sandbox/state", headers={"Host": "evil.example"}).status_code == 404


def test_it_listens_on_loopback_only_and_frees_its_port():
    with LocalAuth0() as auth0:
        assert auth0.url.startswith("http://127.0.0.1:")
        port = int(auth0.url.rpartition(":")[2])
    with LocalAuth0(port=port) as again:
        assert again.url == auth0.url
