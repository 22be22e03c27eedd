from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

API = "https://api.acme"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
UNAUTHORIZED = {"error": "access_denied", "error_description": "Unauthorized"}


@pytest.fixture
def client(auth0):
    return auth0.tenant.add_client("Billing", grants={API: ("read:bills", "write:bills")})


def form(http, **fields):
    return http.post("/oauth/token", data=fields)


def test_a_client_grant_gets_a_bearer_token_by_json_and_by_form(http, ask, client):
    body = {"grant_type": "client_credentials", "audience": API, "client_id": client[0], "client_secret": client[1]}
    for answer in (ask(*client, audience=API), form(http, **body)):
        assert answer.status_code == 200
        told = answer.json()
        assert told.keys() == {"access_token", "scope", "expires_in", "token_type"}
        assert (told["scope"], told["expires_in"], told["token_type"]) == ("read:bills write:bills", 86400, "Bearer")


def test_tokens_are_signed_with_a_key_that_the_key_set_publishes(auth0, http, ask, client):
    token = ask(*client, audience=API).json()["access_token"]
    keys = jwt.PyJWKSet.from_dict(http.get("/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["RS256"], {"verify_iat": False, "verify_exp": False}, audience=API)
    assert claims["iss"] == f"{auth0.url}/"
    assert (claims["azp"], claims["sub"], claims["exp"] - claims["iat"]) == ("Billing", "Billing@clients", 86400)


@pytest.mark.parametrize("wrong", [{"secret": "wrong"}, {"client_id": "nobody"}])
def test_the_secret_comes_first_so_everything_else_wrong_is_401(ask, client, wrong):
    who = {"client_id": client.client_id, "secret": client.client_secret, **wrong}
    answer = ask(**who, grant_type="password", audience="https://unknown", scope="none")
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


def test_the_documented_error_for_a_wrong_secret_can_be_had_instead(auth0, ask, client):
    auth0.tenant.settings.documented_errors = True
    answer = ask(client.client_id, "wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_the_grant_type_comes_before_the_audience(auth0, ask):
    web = auth0.tenant.add_client(grant_types=["authorization_code"])
    answer = ask(*web, audience="https://unknown")
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "unauthorized_client",
        "error_description": "Grant type 'client_credentials' not allowed for the client.",
    }


def test_the_audience_comes_before_the_client_grant(ask, client):
    unknown, foreign = ask(*client, audience="https://unknown"), ask(*client)
    assert (unknown.status_code, foreign.status_code) == (403, 403)
    assert unknown.json() == {
        "error": "access_denied",
        "error_description": "Service not enabled within domain: https://unknown",
    }
    assert foreign.json()["error"] == "access_denied"
    assert foreign.json()["error_description"].startswith("Client is not authorized to access")


def test_a_scope_that_was_not_granted_is_403(ask, client):
    answer = ask(*client, audience=API, scope="read:bills delete:bills")
    assert answer.status_code == 403
    assert answer.json()["error_description"] == "Client has not been granted scopes: delete:bills"
    assert ask(*client, audience=API, scope="read:bills").json()["scope"] == "read:bills"


def test_a_missing_audience_is_403(http, client):
    answer = form(http, grant_type="client_credentials", client_id=client[0], client_secret=client[1])
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")


@pytest.mark.parametrize("grant_types", [["authorization_code"], ["client_credentials"], None])
def test_an_invented_code_is_403_with_the_right_secret_and_401_with_a_wrong_one(auth0, http, grant_types):
    client = auth0.tenant.add_client(grant_types=grant_types)
    fields = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "https://x", "client_id": client[0]}
    right = form(http, **fields, client_secret=client[1])
    assert right.status_code == 403
    if grant_types != ["client_credentials"]:
        assert right.json() == {"error": "invalid_grant", "error_description": "Invalid authorization code"}
    assert form(http, **fields, client_secret="wrong").status_code == 401


@pytest.mark.parametrize(
    ("declared", "takes"),
    [(None, {"basic", "post"}), ("client_secret_basic", {"basic"}), ("client_secret_post", {"post"})],
)
def test_the_secret_is_taken_the_way_the_client_declares(auth0, http, declared, takes):
    client = auth0.tenant.add_client(token_endpoint_auth_method=declared, grants={API: ()})
    fields = {"grant_type": "client_credentials", "audience": API}
    posted = form(http, **fields, client_id=client[0], client_secret=client[1])
    basic = http.post("/oauth/token", json=fields, auth=tuple(client))
    assert {"post"} & takes == ({"post"} if posted.status_code == 200 else set())
    assert {"basic"} & takes == ({"basic"} if basic.status_code == 200 else set())
    assert {posted.status_code, basic.status_code} <= {200, 401}


def test_basic_takes_a_value_with_special_characters_encoded_or_not(auth0, http):
    client = auth0.tenant.add_client("C", kind="absent", client_secret="a+b=c-d_e.f", grants={API: ()})
    fields = {"grant_type": "client_credentials", "audience": API}
    assert http.post("/oauth/token", data=fields, auth=tuple(client)).status_code == 200
    assert http.post("/oauth/token", data=fields, auth=("C", "a%2Bb%3Dc-d_e.f")).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"grant_type": 1}', b"{}"])
def test_a_request_that_cannot_be_read_is_400(http, body):
    answer = http.post("/oauth/token", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_access_tokens_outlive_a_rotation_and_end_at_their_expiry(auth0, http, ask, clock):
    client = auth0.tenant.add_management_client(["read:clients"])
    token = ask(*client).json()["access_token"]
    auth0.tenant.set_in_dashboard(client.client_id)
    clock.sleep(3600)
    assert ask(*client).status_code == 401
    own = f"/api/v2/clients/{client.client_id}"
    assert http.get(own, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    clock.sleep(86400)
    expired = http.get(own, headers={"Authorization": f"Bearer {token}"})
    assert (expired.status_code, expired.json()["message"]) == (
        401,
        "Expired token received for JSON Web Token validation",
    )


def test_a_used_up_quota_is_429_with_retry_after_and_spares_the_management_api(auth0, ask, client):
    auth0.tenant.settings.token_quota = 1
    auth0.tenant.grant(client.client_id, auth0.tenant.audience, ["read:clients"])
    assert ask(*client, audience=API).status_code == 200
    limited = ask(*client, audience=API)
    assert (limited.status_code, limited.json()["error"]) == (429, "too_many_requests")
    assert int(limited.headers["Retry-After"]) > 0
    assert ask(*client).status_code == 200


def test_another_host_name_gets_no_answer_but_404(http):
    assert http.post("/oauth/token", headers={"Host": "acme.eu.auth0.com"}).status_code == 404


@pytest.fixture(scope="module")
def keys():
    private = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    form_ = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private, private[0].public_key().public_bytes(*form_).decode()


def assertion(auth0, key, **claims):
    at = int(auth0.tenant.clock.now().timestamp())
    told = {"iss": "Keyed", "sub": "Keyed", "aud": f"{auth0.url}/", "exp": at + 60, "jti": str(time.monotonic_ns())}
    return jwt.encode({**told, **claims}, key, "RS256")


def test_a_client_with_a_key_is_known_by_its_assertion_and_never_by_a_secret(auth0, http, ask, keys):
    private, public = keys
    client = auth0.tenant.add_client("Keyed", kind="private_key_jwt", public_keys=[public], grants={API: ()})
    fields = {"grant_type": "client_credentials", "audience": API, "client_assertion_type": ASSERTION}

    def prove(key=private[0], **claims):
        return form(http, **fields, client_assertion=assertion(auth0, key, **claims)).status_code

    assert prove() == 200
    assert prove(key=private[1]) == 401
    assert prove(aud="https://elsewhere/") == 401
    assert prove(iss="Other") == 401
    assert prove(exp=int((auth0.tenant.clock.now() - timedelta(seconds=1)).timestamp())) == 401
    assert form(http, **fields, client_assertion="garbage").status_code == 401
    assert ask(*client, audience=API).status_code == 401


def test_one_connection_serves_many_requests(http, ask, client):
    streams = [ask(*client, audience=API).extensions["network_stream"] for _ in range(3)]
    assert len({stream.get_extra_info("client_addr") for stream in streams}) == 1


def test_many_at_once_are_all_answered_while_the_secret_changes(auth0, ask, client):
    def work(number):
        if number % 10 == 0:
            auth0.tenant.set_in_dashboard("Billing")
        return ask(*client, audience=API).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(100))) == {200, 401}
    assert len(auth0.tenant.requests) == len(auth0.tenant.logs()) == 100
    assert len(auth0.tenant.secret_history("Billing")) == 11
