"""What makes a sink unfit is refused by name, on a real server, before anything is changed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.errors import BadAddress, Busy, Denied, Refused, Unavailable
from sinks.port import Deed, Stage
from sinks.secret import Secret
from sinks.vault import Auth, Settings
from tests.contract.harness import KEY, VaultHarness, admin
from tests.contract.operator import P1, S0, filled, lock, record
from tests.unit.sinks.vault.support import sink_at


@pytest.fixture
def mount(root: Any, unique: str) -> Iterator[str]:
    """A KV version 2 mount of the test's own, whose name holds slashes."""
    name = f"teams/{unique}/kv"
    root.sys.enable_secrets_engine("kv", path=name, options={"version": "2"})
    yield name
    root.sys.disable_secrets_engine(name)


def configure(root: Any, mount: str, **settings: Any) -> None:
    root.adapter.post(f"/v1/{mount}/config", json=settings)


def test_a_mount_with_slashes_is_found_by_asking_the_server(bao: OpenBao, root: Any, mount: str) -> None:
    _upgraded(root, mount)
    root.secrets.kv.v2.create_or_update_secret("apps/deep/x", {KEY: S0.reveal()}, mount_point=mount)
    assert sink_at(bao, f"{mount}/apps/deep/x").read().value(Stage.CURRENT) == S0
    assert sink_at(bao, f"{mount}/apps/deep/y").survey().exists is False


def _upgraded(root: Any, mount: str) -> None:
    """Wait until a mount that was just made takes writes."""
    for _ in range(100):
        try:
            root.secrets.kv.v2.create_or_update_secret(".ready", {"a": "b"}, mount_point=mount)
        except Exception as error:
            if "pgrading" not in str(error):
                raise
            threading.Event().wait(0.02)
        else:
            return


def test_a_mount_that_does_not_exist_is_named(bao: OpenBao) -> None:
    with pytest.raises(Refused, match=r"no mount serves 'nope/apps/x' on http://127.0.0.1:\d+ \('nope/'\)"):
        sink_at(bao, "nope/apps/x").read()


def test_kv_version_1_is_named_with_the_upgrade(bao: OpenBao, root: Any, unique: str) -> None:
    root.sys.enable_secrets_engine("kv", path=f"one-{unique}", options={"version": "1"})
    with pytest.raises(Refused, match=f"the mount 'one-{unique}/' is KV version 1; secret-bridge needs") as caught:
        sink_at(bao, f"one-{unique}/apps/x").read()
    assert caught.value.hint == f"upgrade it: bao kv enable-versioning one-{unique}/"
    root.secrets.kv.v1.create_or_update_secret("config", {"a": "b"}, mount_point=f"one-{unique}")
    with pytest.raises(Refused, match="is KV version 1"):
        sink_at(bao, f"one-{unique}/apps/x").read()
    root.sys.disable_secrets_engine(f"one-{unique}")


def test_a_mount_of_another_type_is_named(bao: OpenBao) -> None:
    with pytest.raises(Refused, match="the mount 'cubbyhole/' is of type cubbyhole"):
        sink_at(bao, "cubbyhole/apps/x").read()


def test_a_mount_itself_is_not_a_place(bao: OpenBao, mount: str) -> None:
    with pytest.raises(Refused, match=f"'{mount}' is a mount; name a document in it"):
        sink_at(bao, mount).read()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("secret", "names no document"),
        ("secret/", "names no document"),
        ("secret//x", "names no document"),
        ("secret/data/apps/x", "did you mean vault://secret/apps/x"),
        ("secret/apps/x#", "names an empty key"),
    ],
)
def test_an_address_that_names_no_document_is_refused_without_asking(target: str, told: str) -> None:
    with pytest.raises(BadAddress) as caught:
        sink_at("http://127.0.0.1:9", target)
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_a_sealed_server_is_named() -> None:
    with OpenBao.dev() as server:
        admin(server).sys.seal()
        with pytest.raises(Unavailable, match=r"could not .*: Vault is sealed"):
            sink_at(server, "secret/apps/x").read()


class Standby(BaseHTTPRequestHandler):
    """Answers everything with "ask the active node", and remembers who was asked with which token."""

    seen: list[tuple[str, str | None]]
    active: str

    def do_GET(self) -> None:
        self.seen.append((self.headers["Host"], self.headers.get("X-Vault-Token")))
        self.send_response(307)
        self.send_header("Location", f"{self.active}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815  # http.server wants these names

    def log_message(self, *args: object) -> None: ...


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_standby_is_named_and_the_token_is_not_sent_on() -> None:
    standby = type("S", (Standby,), {"seen": []})
    active = type("A", (Standby,), {"seen": [], "active": "http://127.0.0.1:9"})
    with serving(active) as there, serving(standby) as here:
        standby.active = there  # type: ignore[attr-defined]  # added to the server
        with pytest.raises(Unavailable, match=r"standby.*the token was not sent on") as caught:
            sink_at(here, "secret/apps/x").read()
    assert caught.value.hint == f"set VAULT_ADDR to the active node ({there})"
    assert standby.seen  # type: ignore[attr-defined]  # added to the server
    assert active.seen == []  # type: ignore[attr-defined]  # added to the server


def test_nobody_at_the_address_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"no connection to 127.0.0.1:\d+ \(ConnectionError\)"):
        sink_at("http://127.0.0.1:9", "secret/apps/x").read()


def limited(root: Any, policy: str) -> str:
    """Return a token that may do what the policy says."""
    name = f"p-{uuid.uuid4().hex[:12]}"
    root.sys.create_or_update_policy(name, policy)
    token: str = root.auth.token.create(policies=[name], ttl="5m")["auth"]["client_token"]
    return token


READ_ONLY = 'path "secret/*" { capabilities = ["read", "list"] }'
METADATA_ONLY = 'path "secret/metadata/*" { capabilities = ["read"] }'


def test_what_a_token_lacks_is_named_by_path_and_capability(bao: OpenBao, root: Any, place: VaultHarness) -> None:
    filled(place)
    sink = sink_at(bao, f"secret/{place.path}", references={"env:ROOT": limited(root, READ_ONLY)})
    with pytest.raises(Denied) as caught:
        sink.check(sink.read(), frozenset({Deed.HOLD, Deed.FILL, Deed.PROMOTE, Deed.RETIRE}))
    for lacking in (
        f"create on secret/data/{place.path}",
        f"update on secret/data/{place.path}",
        f"patch on secret/metadata/{place.path}",
        f"update on secret/destroy/{place.path}",
        f"create on secret/data/{place.path}/pending",
        f"update on secret/data/{place.path}/pending",
        f"patch on secret/metadata/{place.path}/pending",
        f"update on secret/destroy/{place.path}/pending",
    ):
        assert lacking in caught.value.message
    assert "read on" not in caught.value.message


def test_a_survey_needs_no_right_to_values(bao: OpenBao, root: Any, place: VaultHarness) -> None:
    filled(place)
    sink = sink_at(bao, f"secret/{place.path}", references={"env:ROOT": limited(root, METADATA_ONLY)})
    assert sink.survey().exists
    with pytest.raises(Denied, match=rf"secret/data/{place.path}(/pending)? \(capability: read\): permission denied"):
        sink.read()


def test_a_claim_that_may_not_tag_is_given_back(bao: OpenBao, root: Any, place: VaultHarness) -> None:
    filled(place)
    policy = 'path "secret/data/*" { capabilities = ["create", "read", "update"] }'
    policy += (
        ' path "secret/destroy/*" { capabilities = ["update"] } path "secret/metadata/*" { capabilities = ["read"] }'
    )
    sink = sink_at(bao, f"secret/{place.path}", references={"env:ROOT": limited(root, policy)})
    with pytest.raises(Denied, match=rf"tag secret/metadata/{place.path}/pending \(capability: patch\)"):
        sink.claim(sink.read(), lock(place), P1)
    assert place.pending() is None
    assert place.sink().read().lock is None


def test_a_key_that_keeps_too_few_versions_is_refused(bao: OpenBao, root: Any, place: VaultHarness) -> None:
    filled(place)
    root.secrets.kv.v2.update_metadata(place.path, max_versions=2)
    with pytest.raises(Refused, match=f"max_versions is 2 at {place.uri}") as caught:
        place.sink().read()
    assert caught.value.hint == f"raise it: bao kv metadata put -max-versions=20 secret/{place.path}"


def test_the_larger_number_of_versions_counts_as_on_the_server(bao: OpenBao, root: Any, mount: str) -> None:
    _upgraded(root, mount)
    configure(root, mount, max_versions=2)
    with pytest.raises(Refused, match="max_versions is 2"):
        sink_at(bao, f"{mount}/apps/x").read()
    kv = root.secrets.kv.v2
    kv.update_metadata("apps/x", max_versions=4, mount_point=mount)
    sink_at(bao, f"{mount}/apps/x").read()
    for _ in range(6):
        kv.create_or_update_secret("apps/x", {KEY: "value"}, mount_point=mount)
    assert len(kv.read_secret_metadata("apps/x", mount_point=mount)["data"]["versions"]) == 4


def test_room_is_told_as_the_server_counts(bao: OpenBao, root: Any, mount: str) -> None:
    _upgraded(root, mount)
    configure(root, mount, max_versions=25)
    kv = root.secrets.kv.v2
    kv.create_or_update_secret("apps/x", {KEY: S0.reveal()}, mount_point=mount)
    kv.update_metadata("apps/x", max_versions=3, mount_point=mount)
    place = VaultHarness(bao, "x")
    sink = sink_at(bao, f"{mount}/apps/x")
    held = sink.claim(sink.read(), lock(place), P1)
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert (sink.survey().room, sink.read().room) == (23, 23)
    for _ in range(23):
        kv.create_or_update_secret("apps/x", {KEY: P1.reveal()}, mount_point=mount)
    assert sink.read().room == 0
    assert sink.read().value(Stage.FALLBACK) == S0
    kv.create_or_update_secret("apps/x", {KEY: P1.reveal()}, mount_point=mount)
    assert sink.read().value(Stage.FALLBACK) is None


def test_versions_that_delete_themselves_are_refused_on_the_key(root: Any, place: VaultHarness) -> None:
    filled(place)
    root.secrets.kv.v2.update_metadata(place.path, delete_version_after="720h")
    with pytest.raises(Refused, match="delete_version_after is 720h0m0s on the key of"):
        place.sink().read()


def test_versions_that_delete_themselves_are_refused_on_the_mount(bao: OpenBao, root: Any, mount: str) -> None:
    configure(root, mount, delete_version_after="1h")
    with pytest.raises(Refused, match="delete_version_after is 1h0m0s on the mount of"):
        sink_at(bao, f"{mount}/apps/x").read()
    configure(root, mount, delete_version_after="-1s")  # how it is switched off
    assert sink_at(bao, f"{mount}/apps/x").read().exists is False


def test_cas_required_on_the_mount_is_no_obstacle(bao: OpenBao, root: Any, mount: str) -> None:
    _upgraded(root, mount)
    configure(root, mount, cas_required=True)
    place = VaultHarness(bao, "x")
    sink = sink_at(bao, f"{mount}/apps/x")
    held = sink.claim(sink.read(), lock(place), P1, initial=S0)
    sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert sink.read().value(Stage.CURRENT) == P1


def test_metadata_cas_required_is_refused_by_name_on_key_and_mount(
    bao: OpenBao, root: Any, mount: str, place: VaultHarness
) -> None:
    filled(place)
    root.adapter.post(f"/v1/secret/metadata/{place.path}", json={"metadata_cas_required": True})
    with pytest.raises(Refused, match=f"metadata_cas_required is set for {place.uri}"):
        place.sink().read()
    configure(root, mount, metadata_cas_required=True)
    with pytest.raises(Refused, match="metadata_cas_required is set for"):
        sink_at(bao, f"{mount}/apps/x").read()


def test_metadata_cas_required_that_comes_late_is_named_and_holds_nothing_up(root: Any, place: VaultHarness) -> None:
    filled(place)
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place), P1)
    root.adapter.post(
        f"/v1/secret/metadata/{place.path}", json={"metadata_cas_required": True, "custom_metadata": place.tags()}
    )
    promoted = sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    assert "metadata_cas_required is set" in promoted.untold
    assert (place.document() or {})[KEY] == P1.reveal()


def test_a_document_that_would_be_too_large_is_refused_by_size(place: VaultHarness) -> None:
    filled(place)
    place.write_key("big", "x" * 999_950)
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place), P1)
    with pytest.raises(Refused, match="would be larger than 1000000 bytes"):
        sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "given up")
    assert (place.document() or {})[KEY] == S0.reveal()


def test_a_foreign_document_where_the_lock_belongs_is_named_and_left_alone(root: Any, place: VaultHarness) -> None:
    filled(place)
    free = place.sink().read()
    root.secrets.kv.v2.create_or_update_secret(f"{place.path}/pending", {"order": "4711"})
    seen = place.sink().read()
    assert seen.foreign.startswith(f"somebody else's text stands at secret/{place.path}/pending (v1, ")
    assert "keys: order" in seen.foreign
    for view in (free, seen):
        with pytest.raises(Busy):
            place.sink().claim(view, lock(place), P1)
    found = root.secrets.kv.v2.read_secret_version(f"{place.path}/pending", raise_on_deleted_version=True)
    assert found["data"]["data"] == {"order": "4711"}
    other = Settings(place.server.url, pending_suffix="/bridge", auth=Auth(token="env:ROOT"))
    seen = sink_at(place.server, f"secret/{place.path}", settings=other).read()
    assert (seen.value(Stage.CURRENT), seen.foreign) == (S0, "")


def test_a_missing_key_shows_the_names_that_are_there(place: VaultHarness) -> None:
    place.write_key("auth0_secret", "theirs")
    place.write_key("db_url", "theirs")
    seen = place.sink().read()
    assert (seen.exists, seen.keys, dict(seen.values)) == (True, ("auth0_secret", "db_url"), {})
    found = sink_at(place.server, f"secret/{place.path}#auth0_secret").read()
    assert found.value(Stage.CURRENT) == Secret("theirs")


def test_tags_that_somebody_replaced_are_noted(root: Any, place: VaultHarness) -> None:
    filled(place)
    root.secrets.kv.v2.update_metadata(place.path, custom_metadata={"bridge_current": "2"})
    assert any("somebody replaced the custom metadata" in note for note in place.sink().survey().notes)


def test_a_pruned_fallback_is_no_fallback(root: Any, place: VaultHarness) -> None:
    filled(place)
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place), P1)
    promoted = sink.promote(held, P1, record(place, P1, S0))
    sink.release(held, "rotated")
    root.secrets.kv.v2.destroy_secret_versions(place.path, [int(promoted.fallback or 0)])
    seen = place.sink().read()
    assert seen.history.at(Stage.FALLBACK) is None
    assert (seen.value(Stage.FALLBACK), seen.room) == (None, None)
