"""Against the sandbox's Auth0, over real connections: its errors, its propagation, its lost answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.auth0.api import Auth0, connect
from bridge.auth0.client import Client, objections
from bridge.auth0.errors import Forbidden, NotFound, Unauthorised, Unreachable
from bridge.auth0.pace import NEAREST, Pacing
from bridge.auth0.probe import PROBE_USER_AGENT, Verdict
from bridge.auth0.values import generate
from bridge.config.references import resolve
from bridge.model.origin import Origin, Settable
from bridge.model.tenant import TenantSettings
from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.auth0.limits import Rate
from sinks.errors import Expired
from sinks.secret import Secret

MADE = Settable(Secret("x" * 64), Origin.GENERATED)
ALL = ("read:clients", "read:client_keys", "update:client_keys")


@pytest.fixture
def local(clock: Any) -> Iterator[LocalAuth0]:
    with LocalAuth0(timedelta(seconds=30), clock=clock, random=Random(7)) as running:
        yield running


def opened(local: LocalAuth0, clock: Any, scopes: tuple[str, ...] = ALL, pacing: Pacing | None = None) -> Auth0:
    own = local.tenant.add_management_client(scopes)
    settings = TenantSettings("local", local.url, client_id=own.client_id, client_secret="env:OWN_SECRET")
    resolver = partial(resolve, environ={"OWN_SECRET": own.client_secret})
    return connect(settings, resolver, clock, pacing=pacing or Pacing())


def patches(local: LocalAuth0) -> int:
    return sum(1 for request in local.tenant.requests if request.method == "PATCH")


def test_many_clients_behind_many_others_are_read_by_the_page(local: LocalAuth0, clock: Any) -> None:
    """So it is for a command that goes on: what it has done stands on the first pages."""
    made = [local.tenant.add_client(name=f"app{number}").client_id for number in range(640)]
    auth0 = opened(local, clock, pacing=Pacing(clients=40, together=True))
    assert [auth0.get_client(client_id).client_id for client_id in made[-40:]] == made[-40:]
    asked = [request.path for request in local.tenant.requests if request.path.startswith("/api/v2")]
    assert set(asked) == {"/api/v2/clients"}
    assert len(asked) <= 9  # of 76 or 100


def test_a_secret_is_read_set_and_read_back(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client(kind="machine", name="billing")
    auth0 = opened(local, clock)
    client = auth0.get_client(billing.client_id)
    assert (client.name, client.app_type, client.alg) == ("billing", "non_interactive", "RS256")
    assert auth0.live_secret(billing.client_id) == Secret(billing.client_secret)
    new = generate(client)
    auth0.set_secret(billing.client_id, Settable(new, Origin.GENERATED), before=clock.monotonic() + 10)
    assert auth0.live_secret(billing.client_id) == new
    assert [request.path for request in local.tenant.requests].count("/oauth/token") == 1


def test_the_probe_sees_either_value_during_propagation_and_one_afterwards(local: LocalAuth0, clock: Any) -> None:
    for kind in ("machine", "basic", "absent", "web"):
        billing = local.tenant.add_client(kind=kind)
        auth0 = opened(local, clock)
        client, old = auth0.get_client(billing.client_id), Secret(billing.client_secret)
        assert [auth0.probe(client, old) for _ in range(4)] == [Verdict.ACCEPTED] * 4
        assert auth0.probe(client, Secret("invented")) is Verdict.REFUSED
        new = generate(client)
        auth0.set_secret(billing.client_id, Settable(new, Origin.GENERATED), before=None)
        for value in (old, new):
            assert {auth0.probe(client, value) for _ in range(30)} == {Verdict.ACCEPTED, Verdict.REFUSED}
        clock.passed += 31
        assert {auth0.probe(client, new) for _ in range(10)} == {Verdict.ACCEPTED}
        assert {auth0.probe(client, old) for _ in range(10)} == {Verdict.REFUSED}


def test_probes_are_told_from_consumers_in_the_tenants_log(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock, (*ALL, "read:logs"))
    auth0.probe(auth0.get_client(billing.client_id), Secret("invented"))
    entries = auth0.get("/logs", {"per_page": "100", "page": "0"}, doing="the logs")
    assert PROBE_USER_AGENT in {entry.get("user_agent") for entry in entries if entry["type"] == "feacft"}


def test_rotate_secret_returns_the_value_that_is_live(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    assert auth0.rotate_secret(billing.client_id, before=None) == Secret(local.tenant.secret(billing.client_id))


@pytest.mark.parametrize("fault", ["lost", "error-after", "html-after", "truncated"])
def test_a_lost_answer_to_rotate_secret_rotates_once_and_can_be_read_back(
    local: LocalAuth0, clock: Any, fault: str
) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    local.tenant.fault(fault, method="POST", path="rotate-secret", count=5)
    with pytest.raises(Unreachable) as caught:
        auth0.rotate_secret(billing.client_id, before=clock.monotonic() + 10)
    assert caught.value.maybe_done
    assert len(local.tenant.secret_history(billing.client_id)) == 2
    assert auth0.live_secret(billing.client_id) == Secret(local.tenant.secret(billing.client_id))


@pytest.mark.parametrize("fault", ["lost", "dropped", "error-before", "error-after", "html", "truncated", "limited"])
def test_setting_within_a_lease_survives_a_lost_or_refused_answer(local: LocalAuth0, clock: Any, fault: str) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    new = generate(auth0.get_client(billing.client_id))
    local.tenant.fault(fault, method="PATCH")
    auth0.set_secret(billing.client_id, Settable(new, Origin.GENERATED), before=clock.monotonic() + 10)
    assert patches(local) == 2
    assert auth0.live_secret(billing.client_id) == new


def test_a_redirect_takes_no_secret_anywhere(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    local.tenant.fault("redirect", method="PATCH", location=f"{local.url}/elsewhere")
    with pytest.raises(Exception, match="not as Auth0 does"):
        auth0.set_secret(billing.client_id, MADE, before=None)
    assert "/elsewhere" not in [request.path for request in local.tenant.requests]


def test_missing_scopes_are_found_before_anything_is_sent_and_named_when_auth0_finds_them(
    local: LocalAuth0, clock: Any
) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock, ("read:clients",))
    assert auth0.can("update:client_keys") is False
    assert auth0.live_secret(billing.client_id) is None
    for call in (
        lambda: auth0.require("update:client_keys"),
        lambda: auth0.set_secret(billing.client_id, MADE, before=None),
        lambda: auth0.rotate_secret(billing.client_id, before=None),
    ):
        with pytest.raises(Forbidden, match="update:client_keys") as caught:
            call()
        assert "update:client_keys" in caught.value.scopes
    assert local.tenant.secret(billing.client_id) == billing.client_secret


def test_updating_keys_alone_is_enough_to_set_a_secret(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock, ("update:client_keys",))
    auth0.set_secret(billing.client_id, MADE, before=None)
    with pytest.raises(Forbidden, match="read:clients"):
        auth0.get_client(billing.client_id)


def test_an_unknown_client_and_wrong_own_credentials_are_named(local: LocalAuth0, clock: Any) -> None:
    with pytest.raises(NotFound, match="no application missing in 127"):
        opened(local, clock).get_client("missing")
    own = local.tenant.add_management_client(ALL)
    settings = TenantSettings("local", local.url, client_id=own.client_id, client_secret="env:X")
    with pytest.raises(Unauthorised, match=own.client_id):
        connect(settings, lambda _: Secret("wrong"), clock).get_client("AbC123")


def test_an_expired_token_is_replaced(local: LocalAuth0, clock: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    auth0.get_client(billing.client_id)
    local.tenant.fault("expired", path="/clients/")
    assert auth0.get_client(billing.client_id).client_id == billing.client_id
    clock.passed += 25 * 3600
    assert auth0.get_client(billing.client_id).client_id == billing.client_id


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_free_plans_rate_limit_is_obeyed(local: LocalAuth0, clock: Any, retry_after: Any) -> None:
    billing = local.tenant.add_client()
    auth0 = opened(local, clock)
    local.tenant.limit("management", Rate(2, 2, retry_after=retry_after))
    for _ in range(8):
        auth0.get_client(billing.client_id)
    assert clock.slept
    assert sum(clock.slept) <= 8


def test_the_bridge_may_prove_itself_by_a_key_or_a_ready_made_token(local: LocalAuth0, clock: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    own = local.tenant.add_management_client(
        ALL, kind="private_key_jwt", public_keys=[key.public_key().public_bytes(encoding, public).decode()]
    )
    billing = local.tenant.add_client()
    local.tenant.add_api_token("ready-made", ALL)
    resolver = {"env:KEY": Secret(pem), "env:TOKEN": Secret("ready-made")}.__getitem__
    for settings in (
        TenantSettings("local", local.url, client_id=own.client_id, private_key="env:KEY"),
        TenantSettings("local", local.url, api_token="env:TOKEN"),
    ):
        assert connect(settings, resolver, clock).get_client(billing.client_id).client_id == billing.client_id


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("machine", False), ("web", False), ("basic", False), ("third_party", False), ("secret_encoded", False),
        ("absent", True), ("none", True), ("spa", True), ("native", True), ("private_key_jwt", True), ("global", True),
        ("hs256", True), ("no_alg", True),
    ],
)  # fmt: skip
def test_each_kind_of_client_is_recognised(local: LocalAuth0, clock: Any, kind: str, refused: Any) -> None:
    credentials = local.tenant.add_client(kind=kind)
    client = opened(local, clock).get_client(credentials.client_id)
    assert isinstance(client, Client)
    found = objections(client, accept=frozenset(), own_client_id=None, strategy="staged")
    assert bool(found) is refused


def test_nobody_listening_is_unreachable_and_certainly_not_done(clock: Any) -> None:
    with LocalAuth0(clock=clock) as local:
        url = local.url
    auth0 = connect(TenantSettings("local", url, api_token="env:T"), lambda _: Secret("t"), clock)
    with pytest.raises(Unreachable, match="ConnectError") as caught:
        auth0.set_secret("AbC123", MADE, before=clock.monotonic() + 10)
    assert not caught.value.maybe_done


class SlowToConnect(httpx.HTTPTransport):
    """Lets time pass when a connection is made."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        inner = request.extensions["trace"]

        def trace(step: str, info: dict[str, Any]) -> None:
            if step == "connection.connect_tcp.complete":
                self._clock.passed += 4
            inner(step, info)

        request.extensions["trace"] = trace
        return super().handle_request(request)


def test_a_write_is_not_sent_when_connecting_took_its_whole_lease(local: LocalAuth0, clock: Any) -> None:
    local.tenant.add_api_token("ready-made", ALL)
    settings = TenantSettings("local", local.url, api_token="env:T")
    auth0 = connect(settings, lambda _: Secret("ready-made"), clock, SlowToConnect(clock))
    with pytest.raises(Expired, match="nothing was sent"):
        auth0.set_secret("AbC123", MADE, before=clock.monotonic() + 3)
    assert not local.tenant.requests


def test_the_next_request_keeps_its_distance_from_when_the_one_before_was_sent(local: LocalAuth0, clock: Any) -> None:
    local.tenant.add_api_token("ready-made", ALL)
    billing = local.tenant.add_client(kind="machine", name="billing")
    settings = TenantSettings("local", local.url, api_token="env:T")
    auth0 = connect(settings, lambda _: Secret("ready-made"), clock, SlowToConnect(clock), Pacing(1.0, clients=2))
    auth0.get_client(billing.client_id)
    before = clock.monotonic()
    auth0.get_client(billing.client_id)
    assert clock.monotonic() - before == pytest.approx(NEAREST)
