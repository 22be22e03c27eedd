"""The tenant's address and its management token."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.auth0 import api
from bridge.auth0.errors import Forbidden, Unauthorised, Unreachable
from bridge.auth0.limits import ATTEMPTS
from bridge.auth0.tenant import Credentials
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings
from bridge.model.tenant_address import base_url, display_name
from sinks.loopback import is_loopback
from sinks.secret import Secret
from tests.unit.auth0.conftest import TOKEN

MACHINE = Credentials("M2M", Secret("own-secret"))


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([
            "http://", "https://", "HTTP:", "//", "/", "\\", "@", ":", "127.0.0.1", "127.1", "0x7f.1", "2130706433",
            "localhost", "evil.example", ".", "[", "]", "::1", "::ffff:127.0.0.1", "%2e", "#", "?", ";", "\t", "\n",
            "\u3002", "\uff11", " ", "80",
        ]) | st.text(max_size=3),
        max_size=8,
    )
)  # fmt: skip
def test_plain_http_goes_nowhere_but_to_this_machine_itself(parts: list[str]) -> None:
    try:
        base = base_url("".join(parts))
    except ValueError:
        return
    asked = httpx.URL(base)  # another parser than that of the check: it says where the request goes
    assert asked.scheme == "https" or is_loopback(asked.host)
    assert (asked.userinfo, asked.path, asked.query, asked.fragment) == (b"", "/", b"", "")


@pytest.mark.parametrize("name", ["acme.eu.auth0.com", "127.0.0.1:8443"])
def test_messages_call_a_tenant_by_its_domain(name: str) -> None:
    assert display_name(f"https://{name}") == display_name(name) == name


@pytest.mark.parametrize(
    ("domain", "base"),
    [
        ("acme.eu.auth0.com", "https://acme.eu.auth0.com"),
        (" https://acme.eu.auth0.com/ ", "https://acme.eu.auth0.com"),
        ("https://LOGIN.acme.example:8443", "https://login.acme.example:8443"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_a_domain_may_be_a_whole_url(domain: str, base: str) -> None:
    assert base_url(domain) == base


@pytest.mark.parametrize(
    "domain",
    [
        "http://acme.eu.auth0.com", "http://127.0.0.1.evil.example", "http://localhost.evil.example",
        "http://localhost@evil.example", "http://10.0.0.1", "https://user:hunter2@acme.example", "ftp://acme.example",
        "https://acme.example/api/v2/", "https://acme.example?x=1", "acme example", "", "https://", "https://a:b:c",
        "https://acme.example:99999", "https://acme.example\\@evil.example", "-acme.example",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_without_repeating_them(connect: Any, domain: str) -> None:
    with pytest.raises(Usage) as caught:
        connect(domain=domain)
    assert "hunter2" not in str(caught.value)


def test_plain_http_elsewhere_says_that_it_is_for_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        base_url("http://acme.eu.auth0.com")


def test_a_token_is_asked_for_once_and_renewed_before_it_expires(connect: Any, wire: Any, clock: Any) -> None:
    auth0 = connect(MACHINE)
    for _ in range(2):
        assert auth0.tenant.token().value == Secret("fetched")
    assert json.loads(wire.token_requests[0].content) == {
        "grant_type": "client_credentials",
        "audience": "https://acme.eu.auth0.com/api/v2/",
        "client_id": "M2M",
        "client_secret": "own-secret",
    }
    assert len(wire.token_requests) == 1
    clock.passed += 86400 - 59
    auth0.tenant.token()
    assert len(wire.token_requests) == 2


def test_a_set_audience_is_used(connect: Any, wire: Any) -> None:
    connect(MACHINE, audience="https://acme.eu.auth0.com/api/v2/", domain="login.acme.example").tenant.token()
    assert json.loads(wire.token_requests[0].content)["audience"] == "https://acme.eu.auth0.com/api/v2/"


def test_a_private_key_signs_an_assertion_instead_of_a_secret(connect: Any, wire: Any, clock: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    connect(Credentials("M2M", private_key=Secret(pem))).tenant.token()
    body = json.loads(wire.token_requests[0].content)
    assert "client_secret" not in body
    assert body["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    audience, checks = "https://acme.eu.auth0.com/", {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(body["client_assertion"], key.public_key(), ["RS256"], audience=audience, options=checks)
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("M2M", "M2M", 60)
    assert claims["iat"] == int(clock.now().timestamp())


def test_a_key_that_is_none_is_a_usage_error_that_does_not_show_it(connect: Any) -> None:
    with pytest.raises(Usage, match="not an RSA private key") as caught:
        connect(Credentials("M2M", private_key=Secret("hunter2"))).tenant.token()
    assert "hunter2" not in str(caught.value)


def test_own_credentials_that_are_refused_are_named_as_such(connect: Any, wire: Any) -> None:
    wire.tokens = [httpx.Response(401, json={"error": "access_denied", "error_description": "Unauthorized"})]
    with pytest.raises(Unauthorised, match=r"the bridge's own credentials \(application M2M\)"):
        connect(MACHINE).get_client("AbC123")
    assert not wire.requests


@pytest.mark.parametrize("body", [{}, [], {"access_token": ""}, {"access_token": 1}, {"access_token": "a\nb"}])
def test_a_token_answer_without_a_token_is_no_answer(connect: Any, wire: Any, body: Any) -> None:
    wire.tokens = [httpx.Response(200, json=body)]
    with pytest.raises(Unreachable):
        connect(MACHINE).tenant.token()


def test_scopes_are_known_from_the_token_answer(connect: Any, wire: Any) -> None:
    auth0 = connect(MACHINE)
    assert auth0.can("update:client_keys") is True
    assert auth0.can("read:client_keys") is False
    auth0.require("update:client_keys")
    with pytest.raises(Forbidden, match="lacks the scope read:client_keys"):
        auth0.require("read:client_keys")
    assert not wire.requests


def ready_made(**claims: Any) -> Credentials:
    return Credentials(api_token=Secret(jwt.encode(claims, "k" * 32, "HS256")))


def test_scopes_of_a_ready_made_token_are_read_from_it_and_unknown_when_it_is_opaque(connect: Any) -> None:
    known = connect(ready_made(scope="read:clients", azp="M2M"))
    assert (known.can("read:clients"), known.can("update:client_keys")) == (True, False)
    assert known.own_client_id == "M2M"
    for opaque in ("opaque", "a.b.c", "a.!!.c", "a.WzFd.c", "e30.WzFd.c2ln", "a.b.c.d.e"):
        unknown = connect(Credentials(api_token=Secret(opaque)))
        assert unknown.can("update:client_keys") is None
        assert unknown.own_client_id is None
        unknown.require("update:client_keys")


@pytest.mark.parametrize(
    ("claims", "expires"),
    [
        ({"exp": 1_000_000_000}, datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
        ({"nbf": 32_000_000_000, "exp": 32_000_000_000}, datetime.fromtimestamp(32_000_000_000, UTC)),
        ({"exp": "soon", "azp": 1, "scope": ["read:clients"], "sub": 1, "iat": "now"}, None),
        ({"exp": 10**12}, None),
        ({}, None),
    ],
)
def test_a_ready_made_token_says_when_it_ends_whenever_that_is_and_whatever_else_it_says(
    connect: Any, claims: dict[str, Any], expires: datetime | None
) -> None:
    auth0 = connect(ready_made(**claims))
    token = auth0.tenant.token()
    assert (token.expires, token.scopes, auth0.own_client_id) == (expires, None, None)


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        (("api_token", "private_key", "client_secret"), ["env:API_TOKEN"]),
        (("private_key", "client_secret"), ["env:CLIENT_ID", "env:PRIVATE_KEY"]),
        (("client_secret",), ["env:CLIENT_ID", "env:CLIENT_SECRET"]),
    ],
)
def test_only_the_references_of_the_credentials_that_are_used_are_resolved(
    clock: Any, given: tuple[str, ...], resolved: list[str]
) -> None:
    asked: list[str] = []

    def resolve(reference: str) -> Secret:
        asked.append(reference)
        return Secret("resolved")

    references = {name: f"env:{name.upper()}" for name in ("client_id", *given)}
    auth0 = api.connect(TenantSettings("prod", "acme.eu.auth0.com", **references), resolve, clock)
    assert sorted(asked) == resolved
    assert auth0.own_client_id == (None if "api_token" in given else "resolved")


def test_a_client_id_that_is_no_reference_is_known_beside_an_api_token(clock: Any) -> None:
    settings = TenantSettings("prod", "acme.eu.auth0.com", client_id="M2M", api_token="env:API_TOKEN")
    assert api.connect(settings, lambda _: Secret("opaque"), clock).own_client_id == "M2M"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(), Credentials("M2M"), Credentials(None, Secret("s")), Credentials(api_token=Secret("hunter2\n")),
        Credentials(api_token=Secret("hunter2.\udcff.x")),
    ],
)  # fmt: skip
def test_incomplete_credentials_are_a_usage_error(connect: Any, credentials: Credentials) -> None:
    with pytest.raises(Usage) as caught:
        connect(credentials)
    assert "hunter2" not in str(caught.value)


def test_threads_that_wait_for_another_ones_attempt_share_its_failure(connect: Any, wire: Any) -> None:
    """Otherwise each client of a tenant that does not answer would take its turn of attempts, one after the other."""
    auth0, all_wait = connect(MACHINE), threading.Event()

    def answer(_request: httpx.Request) -> httpx.Response:
        all_wait.wait(10)
        return httpx.Response(503)

    wire.tokens = [answer]
    errors: list[Unreachable] = []

    def ask() -> None:
        try:
            auth0.tenant.token()
        except Unreachable as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    while not wire.token_requests:
        time.sleep(0.005)
    time.sleep(0.1)
    all_wait.set()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 5
    assert len({id(error) for error in errors}) == 5  # each client adds hints of its own
    attempts = len(wire.token_requests)
    assert attempts <= ATTEMPTS
    wire.tokens = [httpx.Response(200, json=TOKEN)]
    assert auth0.tenant.token().value.reveal() == TOKEN["access_token"]
