"""How an operator comes by a token, and keeps it alive."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hvac.exceptions import VaultError

from bridge.sandbox.openbao import OpenBao
from sinks.clock import SystemClock
from sinks.errors import BadAddress, Denied, Unavailable
from sinks.port import Stage
from sinks.secret import Secret
from sinks.shared import Shared, give_back_all
from sinks.vault import Auth, Settings, connection, from_environment
from sinks.vault.connection import Connection
from tests.contract.clock import ManualClock
from tests.contract.harness import VaultHarness, admin
from tests.contract.operator import P1, S0, filled, lock
from tests.support.proxy import Answer, Proxy
from tests.unit.sinks.vault.support import sink_at

POLICY = 'path "secret/*" { capabilities = ["create", "read", "update", "patch"] }'


@pytest.fixture
def operator(root: Any, unique: str) -> str:
    """A policy's name."""
    root.sys.create_or_update_policy(f"operator-{unique}", POLICY)
    return f"operator-{unique}"


def reads(place: VaultHarness, auth: Auth, references: dict[str, str], **settings: Any) -> bool:
    """Tell whether a sink can be read after such a login."""
    found = Settings(settings.pop("url", place.server.url), auth=auth, **settings)
    sink = sink_at(place.server, f"secret/{place.path}", settings=found, references=references)
    return sink.read().value(Stage.CURRENT) == S0


def test_a_token_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, place: VaultHarness) -> None:
    filled(place)
    monkeypatch.setenv("VAULT_TOKEN", "anything")
    assert reads(place, Auth(), {"env:VAULT_TOKEN": place.server.token})
    settings = from_environment({"BAO_ADDR": place.server.url, "BAO_TOKEN": "anything"})
    assert (settings.url, settings.auth.token) == (place.server.url, "env:BAO_TOKEN")
    with pytest.raises(BadAddress, match="VAULT_ADDR is not set"):
        from_environment({})


def test_a_token_is_taken_from_the_file_that_login_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: VaultHarness
) -> None:
    filled(place)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Denied, match=r"VAULT_TOKEN is not set and ~/\.vault-token does not exist"):
        reads(place, Auth(), {})
    (tmp_path / ".vault-token").write_text(place.server.token)
    assert reads(place, Auth(), {f"file:{tmp_path}/.vault-token": place.server.token})


def test_a_token_that_is_no_good_is_denied(place: VaultHarness) -> None:
    with pytest.raises(Denied, match="the Vault token, which is unknown or has expired"):
        reads(place, Auth(token="env:BAD"), {"env:BAD": "s.nothing"})


def test_approle(root: Any, place: VaultHarness, operator: str, unique: str) -> None:
    filled(place)
    mount = f"approle-{unique}"
    root.sys.enable_auth_method("approle", path=mount)
    root.auth.approle.create_or_update_approle("ci", token_policies=[operator], mount_point=mount)
    role_id = root.auth.approle.read_role_id("ci", mount_point=mount)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("ci", mount_point=mount)["data"]["secret_id"]
    auth = Auth(method="approle", mount=mount, role_id="env:R", secret_id="env:S")
    assert reads(place, auth, {"env:R": role_id, "env:S": secret_id})
    with pytest.raises(
        Denied, match=f"could not log in to {place.server.url} by approle: the credentials were refused"
    ):
        reads(place, auth, {"env:R": role_id, "env:S": "wrong"})
    with pytest.raises(BadAddress, match=r"auth.role_id is missing: approle needs it"):
        reads(place, Auth(method="approle", mount=mount), {})


def test_userpass_and_a_method_that_is_not_mounted(root: Any, place: VaultHarness, operator: str, unique: str) -> None:
    filled(place)
    mount = f"people-{unique}"
    root.sys.enable_auth_method("userpass", path=mount)
    root.auth.userpass.create_or_update_user("ann", password="pw", policies=[operator], mount_point=mount)
    auth = Auth(method="userpass", mount=mount, username="ann", password="env:PW")
    assert reads(place, auth, {"env:PW": "pw"})
    with pytest.raises(Denied, match="the credentials were refused"):
        reads(place, auth, {"env:PW": "wrong"})
    nowhere = Auth(method="userpass", mount=f"nowhere-{unique}", username="ann", password="env:PW")
    with pytest.raises(Denied, match=r"credentials were refused|no such auth method"):
        reads(place, nowhere, {"env:PW": "pw"})


def test_the_token_of_an_own_login_is_given_back_at_the_end_and_a_given_one_is_not(
    root: Any, place: VaultHarness, operator: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount = f"people-{unique}"
    root.sys.enable_auth_method("userpass", path=mount)
    root.auth.userpass.create_or_update_user("ann", password="pw", policies=[operator], mount_point=mount)
    given = root.auth.token.create(policies=[operator])["auth"]["client_token"]
    values = {"env:PW": Secret("pw"), "env:GIVEN": Secret(given)}

    def connected(auth: Auth) -> Connection:
        return Connection(Settings(place.server.url, auth=auth), values.__getitem__, SystemClock())

    own = connected(Auth(method="userpass", mount=mount, username="ann", password="env:PW"))
    other, never = connected(Auth(token="env:GIVEN")), connected(Auth(token="env:NOTHING"))
    shared = Shared()
    for number, made in enumerate((own, other, never, "no connection")):
        shared.one(number, lambda made=made: made)
    tokens = [str(each.client().token) for each in (own, other)]
    assert [is_valid(root, token) for token in tokens] == [True, True]
    give_back_all()
    assert [is_valid(root, token) for token in tokens] == [False, True]
    again = str(own.client().token)  # whoever goes on logs in anew
    assert is_valid(root, again)
    monkeypatch.setattr(connection, "GIVING_BACK", 0.01)
    held, go = threading.Event(), threading.Event()

    def hang() -> None:
        with own._lock:
            held.set()
            go.wait(20)

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait(20)
    own.give_back()  # a login that hangs keeps nobody
    go.set()
    thread.join()
    assert is_valid(root, again)
    root.auth.token.revoke(again)
    own.give_back()  # that it fails is nobody's business


def is_valid(root: Any, token: str) -> bool:
    try:
        root.auth.token.lookup(token)
    except VaultError:
        return False
    return True


def test_jwt_with_a_static_key(root: Any, place: VaultHarness, operator: str, unique: str) -> None:
    filled(place)
    mount = f"jwt-{unique}"
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip
    root.sys.enable_auth_method("jwt", path=mount)
    root.adapter.post(f"/v1/auth/{mount}/config", json={"jwt_validation_pubkeys": [public]})
    root.adapter.post(
        f"/v1/auth/{mount}/role/ci",
        json={"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": [operator]},
    )
    told = {"sub": "repo:acme/ops", "aud": "vault", "iat": int(time.time()), "exp": int(time.time()) + 60}
    auth = Auth(method="jwt", mount=mount, role="ci", jwt="env:JWT")
    assert reads(place, auth, {"env:JWT": jwt.encode(told, key, "ES256")})
    with pytest.raises(Denied, match="by jwt: the credentials were refused"):
        reads(place, auth, {"env:JWT": jwt.encode(told | {"aud": "else"}, key, "ES256")})


class TokenReview(BaseHTTPRequestHandler):
    """What Kubernetes answers when a server asks whose token this is."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = jwt.decode(asked["spec"]["token"], options={"verify_signature": False})["iss"] == "our cluster"
        user = {"username": "system:serviceaccount:ops:bridge", "uid": "u-1", "groups": ["system:serviceaccounts"]}
        status = {"authenticated": good, "user": user if good else {}, "audiences": []}
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@contextmanager
def kubernetes() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenReview) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def service_account(issuer: str = "our cluster") -> str:
    told = {
        "iss": issuer,
        "sub": "system:serviceaccount:ops:bridge",
        "nbf": int(time.time()) - 5,
        "iat": int(time.time()) - 5,
        "exp": int(time.time()) + 600,
        "kubernetes.io/serviceaccount/namespace": "ops",
        "kubernetes.io/serviceaccount/service-account.name": "bridge",
        "kubernetes.io/serviceaccount/service-account.uid": "u-1",
    }
    return jwt.encode(told, ec.generate_private_key(ec.SECP256R1()), "ES256")


def test_kubernetes_with_the_service_accounts_token(
    bao_tls: OpenBao, root: Any, place: VaultHarness, operator: str, unique: str
) -> None:
    filled(place)
    mount = f"k8s-{unique}"
    root.sys.enable_auth_method("kubernetes", path=mount)
    with kubernetes() as url:
        root.adapter.post(
            f"/v1/auth/{mount}/config",
            json={
                "kubernetes_host": url,
                "kubernetes_ca_cert": (bao_tls.ca_file or Path()).read_text(),  # not used: the stub speaks plain HTTP
                "token_reviewer_jwt": "reviewer",
                "disable_local_ca_jwt": True,
            },
        )
        root.adapter.post(
            f"/v1/auth/{mount}/role/bridge",
            json={
                "bound_service_account_names": ["bridge"],
                "bound_service_account_namespaces": ["ops"],
                "token_policies": [operator],
            },
        )
        auth = Auth(method="kubernetes", mount=mount, role="bridge")
        where = "file:/var/run/secrets/kubernetes.io/serviceaccount/token"
        assert reads(place, auth, {where: service_account()})
        with pytest.raises(Denied, match="by kubernetes: the credentials were refused"):
            reads(place, auth, {where: service_account("another cluster")})


def test_a_namespace_is_a_world_of_its_own(bao: OpenBao, root: Any, unique: str) -> None:
    root.adapter.post(f"/v1/sys/namespaces/team-{unique}", json={})
    theirs = admin(bao)
    theirs.adapter.namespace = f"team-{unique}"
    theirs.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    settings = Settings(bao.url, namespace=f"team-{unique}", auth=Auth(token="env:ROOT"))
    for _ in range(100):
        try:
            theirs.secrets.kv.v2.create_or_update_secret("apps/x", {"client_secret": S0.reveal()})
            break
        except Exception as error:
            if "pgrading" not in str(error):
                raise
            threading.Event().wait(0.02)
    assert sink_at(bao, "secret/apps/x", settings=settings).read().value(Stage.CURRENT) == S0
    assert not sink_at(bao, f"secret/apps/x-{unique}").read().exists


def test_a_certificate_is_checked_and_the_ca_file_is_what_it_is_checked_with(bao_tls: OpenBao, unique: str) -> None:
    place = VaultHarness(bao_tls, unique)
    filled(place)
    references = {"env:T": bao_tls.token}
    assert reads(place, Auth(token="env:T"), references, ca_file=str(bao_tls.ca_file))
    with pytest.raises(Unavailable, match="certificate was not accepted"):
        reads(place, Auth(token="env:T"), references)
    wrong = bao_tls.url.replace("127.0.0.1", "localhost")
    assert reads(
        place, Auth(token="env:T"), references, url=wrong, ca_file=str(bao_tls.ca_file), tls_server_name="127.0.0.1"
    )


def test_a_login_is_renewed_during_long_work_though_its_secret_id_was_good_for_one_login(
    root: Any, place: VaultHarness, operator: str, unique: str
) -> None:
    filled(place)
    mount = f"once-{unique}"
    root.sys.enable_auth_method("approle", path=mount)
    root.auth.approle.create_or_update_approle(
        "ci", token_policies=[operator], token_ttl="2s", token_max_ttl="1h", secret_id_num_uses=1, mount_point=mount
    )
    role_id = root.auth.approle.read_role_id("ci", mount_point=mount)["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("ci", mount_point=mount)["data"]["secret_id"]
    settings = Settings(place.server.url, auth=Auth(method="approle", mount=mount, role_id="env:R", secret_id="env:S"))
    sink = sink_at(
        place.server, f"secret/{place.path}", settings=settings, references={"env:R": role_id, "env:S": secret_id},
        clock=SystemClock(),
    )  # fmt: skip
    end = time.monotonic() + 4
    while time.monotonic() < end:  # twice as long as the token lives
        assert sink.read().value(Stage.CURRENT) == S0
        time.sleep(0.2)


def test_a_login_is_renewed_when_two_thirds_of_its_lease_are_over_and_not_before(
    root: Any, place: VaultHarness, operator: str, unique: str
) -> None:
    filled(place)
    mount = f"people-{unique}"
    root.sys.enable_auth_method("userpass", path=mount)
    root.auth.userpass.create_or_update_user("ann", password="pw", policies=[operator], mount_point=mount)
    root.adapter.post(f"/v1/auth/{mount}/users/ann", json={"token_ttl": "1h", "token_policies": [operator]})
    asked: list[str] = []

    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        asked.extend(word for word in ("login", "renew-self") if word in what)
        return ask()

    clock = ManualClock()
    with Proxy(place.server.url, gate=gate) as proxy:
        auth = Auth(method="userpass", mount=mount, username="ann", password="env:PW")
        settings = Settings(proxy.url, auth=auth)
        sink = sink_at(proxy.url, f"secret/{place.path}", settings=settings, references={"env:PW": "pw"}, clock=clock)
        seen = []
        for seconds in (0, 2395, 10, 2385, 20):
            clock.advance(seconds)
            sink.read()
            seen.append(list(asked))
    once, twice = ["login", "renew-self"], ["login", "renew-self", "renew-self"]
    assert seen == [["login"], ["login"], once, once, twice]


def test_a_token_that_cannot_be_renewed_longer_is_replaced_by_another_login(
    root: Any, place: VaultHarness, operator: str, unique: str
) -> None:
    filled(place)
    mount = f"people-{unique}"
    root.sys.enable_auth_method("userpass", path=mount)
    root.auth.userpass.create_or_update_user("ann", password="pw", policies=[operator], mount_point=mount)
    root.adapter.post(
        f"/v1/auth/{mount}/users/ann", json={"token_ttl": "2s", "token_max_ttl": "3s", "token_policies": [operator]}
    )
    auth = Auth(method="userpass", mount=mount, username="ann", password="env:PW")
    sink = sink_at(
        place.server, f"secret/{place.path}", settings=Settings(place.server.url, auth=auth),
        references={"env:PW": "pw"}, clock=SystemClock(),
    )  # fmt: skip
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        assert sink.read().value(Stage.CURRENT) == S0
        time.sleep(0.2)


def test_a_token_that_was_given_is_renewed_during_long_work(root: Any, place: VaultHarness, operator: str) -> None:
    filled(place)
    token = root.auth.token.create(policies=[operator], ttl="1m")["auth"]["client_token"]
    clock = ManualClock()
    sink = sink_at(place.server, f"secret/{place.path}", references={"env:ROOT": token}, clock=clock)
    sink.read()
    time.sleep(2)  # the server's clock: it shows whether the token was renewed
    assert root.auth.token.lookup(token)["data"]["ttl"] <= 58
    clock.advance(15)
    sink.read()
    assert root.auth.token.lookup(token)["data"]["ttl"] > 58


def test_a_root_token_needs_no_renewal(place: VaultHarness) -> None:
    filled(place)
    sink = place.sink()
    for _ in range(3):
        assert sink.read().value(Stage.CURRENT) == S0
        place.clock.advance(3600)


@pytest.mark.parametrize("noticed", [True, False], ids=["by the clock", "by a denial"])
def test_a_token_that_ended_during_a_long_wait_is_obtained_again(
    root: Any, place: VaultHarness, operator: str, unique: str, noticed: bool
) -> None:
    filled(place)
    clock, asked = ManualClock(), []

    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        asked.extend(word for word in ("login", "lookup-self") if word in what)
        return ask()

    auth = user(root, unique, operator, token_ttl="1s")
    with Proxy(place.server.url, gate=gate) as proxy:
        settings = Settings(proxy.url, auth=auth)
        sink = sink_at(proxy.url, f"secret/{place.path}", settings=settings, references={"env:PW": "pw"}, clock=clock)
        state = sink.read()
        time.sleep(1.5)  # as long as consumers may need to read a pending value
        clock.advance(60 if noticed else 0)
        held = sink.claim(state, lock(place), P1)  # a write comes first
        assert sink.renew(held)
        sink.release(held, "given back")
    assert asked == ["login", *([] if noticed else ["lookup-self"]), "login"]


def test_a_right_that_is_missing_is_not_taken_for_an_ended_token(root: Any, place: VaultHarness, unique: str) -> None:
    filled(place)
    asked: list[str] = []

    def gate(what: str, ask: Callable[[], Answer]) -> Answer:
        asked.extend(word for word in ("login", "lookup-self") if word in what)
        return ask()

    with Proxy(place.server.url, gate=gate) as proxy:
        root.sys.create_or_update_policy(f"reader-{unique}", 'path "secret/*" { capabilities = ["read"] }')
        settings = Settings(proxy.url, auth=user(root, unique, f"reader-{unique}"))
        sink = sink_at(proxy.url, f"secret/{place.path}", settings=settings, references={"env:PW": "pw"})
        with pytest.raises(Denied, match="permission denied"):
            sink.claim(sink.read(), lock(place), P1)
    assert asked.count("login") == 1


def test_where_no_other_login_is_possible_the_first_denial_is_what_is_said(
    root: Any, place: VaultHarness, operator: str, unique: str
) -> None:
    filled(place)
    clock, references = ManualClock(), {"env:PW": "pw"}
    settings = Settings(place.server.url, auth=user(root, unique, operator, token_ttl="1s"))
    sink = sink_at(place.server, f"secret/{place.path}", settings=settings, references=references, clock=clock)
    sink.read()
    time.sleep(1.5)
    root.auth.userpass.delete_user("ann", mount_point=f"people-{unique}")
    with pytest.raises(Denied, match="permission denied"):
        sink.read()


def user(root: Any, unique: str, policy: str, **more: str) -> Auth:
    mount = f"people-{unique}"
    root.sys.enable_auth_method("userpass", path=mount)
    root.auth.userpass.create_or_update_user("ann", password="pw", policies=[policy], mount_point=mount)
    root.adapter.post(f"/v1/auth/{mount}/users/ann", json={"token_policies": [policy], **more})
    return Auth(method="userpass", mount=mount, username="ann", password="env:PW")
