from __future__ import annotations

import pytest

NO_CLIENT = {
    "statusCode": 404,
    "error": "Not Found",
    "message": "The client does not exist",
    "errorCode": "inexistent_client",
}


@pytest.fixture
def client(auth0):
    return auth0.tenant.add_client("Billing", kind="web", name="billing")


def test_an_unknown_client_is_404_with_the_recorded_body(api):
    for answer in (api.get("/clients/nobody"), api.patch("/clients/nobody", json={"client_secret": "x"}),
                   api.post("/clients/nobody/rotate-secret")):  # fmt: skip
        assert (answer.status_code, answer.json()) == (404, NO_CLIENT)


def test_a_bad_path_is_400_invalid_uri(api):
    answer = api.get("/clients/a b")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_uri")


def test_an_unknown_endpoint_is_404(api):
    assert api.get("/nothing").json() == {"statusCode": 404, "error": "Not Found", "message": "Not Found"}


@pytest.mark.parametrize(
    ("header", "message"),
    [({}, "Missing authentication"), ({"Authorization": "Bearer nonsense"}, "Invalid token"),
     ({"Authorization": "Basic eDp5"}, "Missing authentication")],
)  # fmt: skip
def test_without_a_valid_token_it_is_401_with_the_recorded_message(http, header, message):
    answer = http.get("/api/v2/clients", headers=header)
    assert answer.status_code == 401
    assert answer.json() == {"statusCode": 401, "error": "Unauthorized", "message": message}


def test_a_token_for_another_audience_is_invalid(auth0, http, ask):
    client = auth0.tenant.add_client(grants={"https://api.acme": ()})
    token = ask(*client, audience="https://api.acme").json()["access_token"]
    answer = http.get("/api/v2/clients", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid token")


def test_a_token_of_another_tenant_is_invalid(auth0, http):
    token = auth0.tenant.key.sign({"aud": "https://other.auth0.com/api/v2/", "exp": 2**40})
    assert http.get("/api/v2/clients", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize(
    ("scope", "call", "expected"),
    [
        ("read:logs", ("GET", "/clients/Billing"),
         "read:clients, read:client_keys, read:client_credentials, read:client_summary"),
        ("read:clients", ("PATCH", "/clients/Billing"),
         "update:clients, update:client_keys, update:client_credentials, update:client_token_vault_privileged_access"),
        ("update:clients", ("POST", "/clients/Billing/rotate-secret"), "update:client_keys"),
        ("read:clients", ("GET", "/logs"), "read:logs, read:logs_users"),
    ],
)  # fmt: skip
def test_a_missing_scope_is_403_and_named(client, api_with, scope, call, expected):
    answer = api_with(scope).request(*call)
    assert answer.status_code == 403
    assert answer.json() == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": f"Insufficient scope, expected any of: {expected}",
        "errorCode": "insufficient_scope",
    }


def test_a_secret_takes_its_own_scope_to_change_and_a_name_takes_another(client, auth0, api_with):
    keys, clients = api_with("update:client_keys"), api_with("update:clients")
    assert keys.patch("/clients/Billing", json={"client_secret": "new"}).status_code == 200
    assert clients.patch("/clients/Billing", json={"name": "other"}).status_code == 200
    assert clients.patch("/clients/Billing", json={"client_secret": "newer"}).status_code == 403
    assert keys.patch("/clients/Billing", json={"name": "third"}).status_code == 403
    assert keys.patch("/clients/Billing", json={"name": "third", "client_secret": "newer"}).status_code == 403
    assert auth0.tenant.secret("Billing") == "new"


def test_the_secret_is_shown_with_its_scope_refused_when_asked_for_without_and_left_out_otherwise(client, api_with):
    with_keys, without = api_with("read:client_keys"), api_with("read:clients")
    assert with_keys.get("/clients/Billing").json()["client_secret"] == client.client_secret
    assert "client_secret" not in without.get("/clients/Billing").json()
    assert "client_secret" not in without.get("/clients").json()[0]
    assert with_keys.get("/clients").json()[0]["client_secret"] == client.client_secret
    refused = without.get("/clients/Billing", params={"fields": "client_id,client_secret"})
    assert refused.status_code == 403
    assert refused.json()["message"] == "You cannot read the following fields: client_secret"
    kept = without.get("/clients/Billing", params={"fields": "client_secret", "include_fields": "false"})
    assert kept.status_code == 200


def test_read_client_keys_alone_reads_every_other_field(client, api_with):
    shown = api_with("read:client_keys").get("/clients/Billing", params={"fields": "app_type,grant_types"})
    assert shown.json().keys() == {"app_type", "grant_types"}


def test_read_client_summary_reads_little(client, api_with):
    summary = api_with("read:client_summary").get("/clients/Billing").json()
    assert summary["name"] == "billing"
    assert not {"client_secret", "grant_types", "jwt_configuration"} & summary.keys()


def test_fields_are_included_or_excluded_dotted_ones_too(client, api):
    def fields(names, include):
        return api.get("/clients/Billing", params={"fields": names, "include_fields": include}).json()

    assert fields("client_id,jwt_configuration.alg", "true") == {
        "client_id": "Billing",
        "jwt_configuration": {"alg": "RS256"},
    }
    rest = fields("client_secret,jwt_configuration.alg", "false")
    assert "client_secret" not in rest
    assert rest["jwt_configuration"] == {"lifetime_in_seconds": 36000, "secret_encoded": False}
    unknown = api.get("/clients/Billing", params={"fields": "password"})
    assert (unknown.status_code, unknown.json()["errorCode"]) == (400, "invalid_query_string")


def test_clients_are_listed_in_three_shapes(auth0, api):
    ids = [auth0.tenant.add_client(f"C{n}").client_id for n in range(5)]

    def get(**query):
        return api.get("/clients", params=query).json()

    assert [one["client_id"] for one in get(page=1, per_page=2)] == ids[2:4]
    totals = get(page=1, per_page=2, include_totals="true")
    assert (totals["total"], totals["start"], totals["limit"], len(totals["clients"])) == (5, 2, 2, 2)
    first = get(take=3)
    assert [one["client_id"] for one in first["clients"]] == ids[:3]
    last = get(**{"from": first["next"], "take": 3})
    assert [one["client_id"] for one in last["clients"]] == ids[3:]
    assert "next" not in last


def test_a_page_holds_fifty_clients_unless_told_and_a_hundred_at_most(auth0, api):
    for _ in range(60):
        auth0.tenant.add_client()
    assert len(api.get("/clients").json()) == 50
    assert len(api.get("/clients", params={"per_page": 100}).json()) == 60
    for query in ({"per_page": 101}, {"take": 101}, {"take": 0}, {"page": -1}, {"page": "x"}, {"from": "nobody"},
                  {"include_totals": "yes"}, {"app_type": "toaster"}):  # fmt: skip
        answer = api.get("/clients", params=query)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string"), query


def test_pages_end_at_a_thousand_clients_and_checkpoints_do_not(api, auth0):
    for n in range(1101):
        auth0.tenant.add_client(f"C{n}")
    assert len(api.get("/clients", params={"page": 9, "per_page": 100}).json()) == 100
    refused = api.get("/clients", params={"page": 10, "per_page": 100})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("Requesting page 10 exceeds the allowed maximum of 1000 records.")
    last = api.get("/clients", params={"from": "C1099", "take": 100}).json()
    assert [one["client_id"] for one in last["clients"]] == ["C1100"]


def test_clients_are_filtered(auth0, api):
    for kind in ("machine", "web", "spa", "global", "third_party"):
        auth0.tenant.add_client(kind.replace("_", ""), kind=kind)

    def found(**query):
        return {one["client_id"] for one in api.get("/clients", params=query).json()}

    assert found(is_global="true") == {"global"}
    assert found(is_global="false") == {"machine", "web", "spa", "thirdparty"}
    assert found(is_first_party="false") == {"thirdparty"}
    assert found(app_type="spa,non_interactive") == {"spa", "machine"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"client_secret": ""}, "'String is too short (0 chars), minimum 1' on property client_secret."),
        ({"client_secret": 7}, "'Expected type string but found type integer' on property client_secret."),
        ({"client_secret": None}, "'Expected type string but found type null' on property client_secret."),
        ({"secret": "x"}, "'Additional properties not allowed: secret'."),
        ({}, "'Too few properties defined (0), minimum 1'."),
        ([], "'Expected type object but found type array'."),
        ({"name": "<b>"}, "'String does not match pattern ^[^<>]+$: <b>' on property name."),
        ({"description": "x" * 141}, "'String is too long (141 chars), maximum 140' on property description."),
        ({"token_endpoint_auth_method": "x"}, "'No enum match for: x' on property token_endpoint_auth_method."),
        ({"app_type": "x"}, "'No enum match for: x' on property app_type."),
    ],
)
def test_a_payload_that_does_not_fit_is_400_and_changes_nothing(client, auth0, api, body, message):
    answer = api.patch("/clients/Billing", json=body)
    assert answer.json() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": f"Payload validation error: {message}",
        "errorCode": "invalid_body",
    }
    assert auth0.tenant.secret("Billing") == client.client_secret


def test_a_payload_that_is_not_json_is_400(client, api):
    assert api.patch("/clients/Billing", content=b"{").json()["errorCode"] == "invalid_body"


def test_other_fields_are_changed_and_null_removes_one(client, api):
    changed = api.patch("/clients/Billing", json={"name": "bills", "token_endpoint_auth_method": None}).json()
    assert changed["name"] == "bills"
    assert "token_endpoint_auth_method" not in api.get("/clients/Billing").json()
