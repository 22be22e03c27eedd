from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.sandbox.auth0.query import BadQuery, parse

API = "https://api.acme"


@pytest.fixture
def logs(api):
    def get(**query):
        answer = api.get("/logs", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


def types(entries):
    return [entry["type"] for entry in entries]


def test_exchanges_and_failures_of_every_grant_are_logged(auth0, http, ask, logs):
    client = auth0.tenant.add_client("Billing", kind="web", name="billing", grants={API: ("read:x",)})
    headers = {"User-Agent": "stale-service/1.0"}
    body = {"client_id": "Billing", "client_secret": client.client_secret, "audience": API}
    for grant in ("client_credentials", "authorization_code", "refresh_token"):
        http.post("/oauth/token", json={**body, "grant_type": grant}, headers=headers)
    stale = {**body, "grant_type": "client_credentials", "client_secret": "stale-value"}
    http.post("/oauth/token", json=stale, headers=headers)
    entries = logs(sort="date:1")
    assert types(entries) == ["seccft", "feacft", "fertft", "feccft"]
    failed = entries[3]
    assert failed["description"] == "Unauthorized"
    assert (failed["client_id"], failed["client_name"], failed["ip"]) == ("Billing", "billing", "127.0.0.1")
    assert failed["user_agent"] == "stale-service/1.0"
    assert failed["date"] == "2026-11-23T02:14:00.000Z"
    assert failed["log_id"] == failed["_id"]
    assert "stale-value" not in str(entries)
    assert client.client_secret not in str(entries)


def test_the_client_of_a_failure_may_be_wrong_or_missing(http, logs):
    http.post("/oauth/token", json={"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"})
    http.post("/oauth/token", json={"grant_type": "client_credentials"})
    wrong, missing = logs(sort="date:1")
    assert wrong["client_id"] == "nobody"
    assert "client_id" not in missing


def test_writes_and_reads_of_secrets_are_logged_with_who_did_it(auth0, api, logs):
    auth0.tenant.add_client("Billing")
    api.patch("/clients/Billing", json={"client_secret": "S1"})
    api.post("/clients/Billing/rotate-secret")
    api.get("/clients/Billing", params={"fields": "name"})
    api.get("/clients/Billing")
    entries = logs(sort="date:1")
    assert types(entries) == ["sapi", "sapi", "mgmt_api_read"]
    assert {entry["client_id"] for entry in entries} == {"api-token"}
    assert entries[0]["details"]["request"] == {"method": "patch", "path": "/api/v2/clients/Billing"}


def test_a_search_takes_types_a_client_and_a_time(auth0, clock, logs):
    for number, type_ in enumerate(["feccft", "seccft", "feacft", "fertft", "feccft"]):
        auth0.tenant.write_log(type_, client_id="A" if number != 3 else "B", description=str(number))
        clock.sleep(60)
    query = 'type:(feccft OR feacft OR fertft) AND client_id:"A" AND date:[2026-11-23T02:14:01 TO *]'
    assert [entry["description"] for entry in logs(q=query)] == ["4", "2"]
    assert [entry["description"] for entry in logs(q=query, sort="date:1")] == ["2", "4"]
    assert [entry["description"] for entry in logs(search="type:seccft")] == ["1"]
    assert [entry["description"] for entry in logs(q='type:(feccft OR fertft) AND client_id:("B" OR "A")')] == [
        "4", "3", "0",
    ]  # fmt: skip
    assert len(logs(q="date:[2026-11-23T02:15:00Z TO 2026-11-23T04:16:00+02:00]")) == 2


@pytest.mark.parametrize(
    "query",
    ["feccft", "type:x OR type:y", "nothing:x", "date:[x TO *]", "type:(a b)", "type:[a TO b]", "type:a AND"],
)
def test_a_search_beyond_the_subset_is_refused_and_never_ignored(api, query):
    with pytest.raises(BadQuery):
        parse(query)
    answer = api.get("/logs", params={"q": query})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


def test_a_search_gives_a_thousand_entries_at_most(auth0, api, logs):
    for _ in range(1100):
        auth0.tenant.write_log("feccft")
    assert len(logs(page=9, per_page=100)) == 100
    beyond = api.get("/logs", params={"page": 10, "per_page": 100})
    assert (beyond.status_code, beyond.json()["errorCode"]) == (400, "invalid_paging")
    assert api.get("/logs", params={"per_page": 101}).status_code == 400
    totals = logs(page=2, per_page=50, include_totals="true")
    assert (totals["total"], totals["start"], totals["limit"], totals["length"]) == (1100, 100, 50, 50)


def test_pages_do_not_overlap(auth0, logs):
    for _ in range(25):
        auth0.tenant.write_log("feccft")
    ids = [entry["log_id"] for page in range(3) for entry in logs(page=page, per_page=10)]
    assert len(set(ids)) == 25


def test_checkpoints_ignore_the_search_and_link_to_what_follows(auth0, api):
    ids = [auth0.tenant.write_log("feccft" if n % 2 else "seccft") for n in range(5)]
    answer = api.get("/logs", params={"from": ids[0], "take": 3, "q": "type:none"})
    assert [entry["log_id"] for entry in answer.json()] == ids[1:4]
    rest = api.get(answer.links["next"]["url"])
    assert [entry["log_id"] for entry in rest.json()] == ids[4:]
    end = api.get(rest.links["next"]["url"])
    assert end.json() == []
    assert end.links == rest.links


def test_entries_arrive_late_and_are_forgotten(auth0, clock, logs):
    auth0.tenant.settings.log_delay = timedelta(seconds=20)
    auth0.tenant.settings.log_retention = timedelta(days=1)
    auth0.tenant.write_log("feccft")
    clock.sleep(19)
    assert logs() == []
    clock.sleep(1)
    assert types(logs()) == ["feccft"]
    clock.sleep(86400)
    assert logs() == []


def test_one_entry_is_read_by_its_id_and_fields_are_chosen(auth0, api, logs):
    log_id = auth0.tenant.write_log("feccft", client_id="A")
    assert api.get(f"/logs/{log_id}").json()["client_id"] == "A"
    assert api.get("/logs/900").status_code == 404
    assert logs(fields="type,client_id") == [{"type": "feccft", "client_id": "A"}]
    assert "type" not in logs(fields="type", include_fields="false")[0]
    assert api.get("/logs", params={"sort": "date"}).status_code == 400
