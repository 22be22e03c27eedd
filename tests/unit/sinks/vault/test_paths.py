"""Every request of a run reaches the one document that the address names, whatever is in its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import hvac
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.sandbox.openbao import OpenBao
from sinks.clock import SystemClock
from sinks.document import Document
from sinks.errors import BadAddress, SinkError
from sinks.secret import Secret
from sinks.vault import Auth, Settings
from sinks.vault.address import parse
from sinks.vault.api import Kv
from sinks.vault.connection import Connection
from tests.support.proxy import Answer, Proxy

ENDPOINTS = ("data", "metadata", "destroy", "delete", "undelete")
# Neighbours of what URLs, policies and shells give a meaning to.
ODD = st.sampled_from(
    [*"?%#;&=+*:@!$',()[]{}|\\^`\"<>~ .-_", "%2F", "%2e%2e", "%00", "//", "/../", "é", "漢", "\u202e", "\n"]
)
NAMES = st.lists(st.one_of(ODD, st.text(min_size=1, max_size=3)), min_size=1, max_size=6).map("".join)


def kv_at(url: str, bao: OpenBao) -> Kv:
    settings = Settings(url=url, auth=Auth(token="env:VAULT_TOKEN"))
    return Kv(Connection(settings, lambda _: Secret(bao.token), SystemClock()))


def run(kv: Kv, path: str) -> None:
    """Send one request of each kind."""
    written = kv.write(path, Document({"client_secret": "v"}), cas=0)
    kv.write(path, Document({"client_secret": "w"}), cas=written.version)
    assert kv.read(path, 1) == kv.read(path, 1)
    kv.tag(path, {"bridge_current": "2"})
    meta = kv.metadata(path)
    assert meta is not None
    assert (meta.current, meta.tags) == (2, {"bridge_current": "2"})
    kv.delete(path, [1])
    kv.undelete(path, [1])
    kv.destroy(path, [1])
    entry = kv.read(path)
    assert entry is not None
    assert entry.document == Document({"client_secret": "w"})


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(NAMES)
def test_all_requests_reach_one_document(bao: OpenBao, root: Any, unique: str, name: str) -> None:
    asked: list[str] = []

    def watching(what: str, ask: Callable[[], Answer]) -> Answer:
        asked.append(what.partition(" ")[2].partition("?")[0])
        return ask()

    try:
        target = parse(f"secret/{unique}/{name}")
    except BadAddress:
        return
    with Proxy(bao.url, gate=watching) as proxy:
        kv = kv_at(proxy.url, bao)
        try:
            run(kv, target.path)
        except SinkError:  # the server refuses the name: then it has no such document
            assert "keys" not in listed(root, unique)
            return
        finally:
            kv.close()
    key = target.path.removeprefix("secret/")
    meant = {f"/v1/secret/{endpoint}/{key}" for endpoint in ENDPOINTS} | {"/v1/secret/config"}
    assert {unquote(path) for path in asked} == meant
    assert only_one(root, key, unique)
    root.secrets.kv.v2.delete_metadata_and_all_versions(key, mount_point="secret")


def listed(root: Any, unique: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = root.secrets.kv.v2.list_secrets(unique, mount_point="secret")["data"]
    except hvac.exceptions.InvalidPath:
        return {}
    return found


def only_one(root: Any, key: str, unique: str) -> bool:
    """Whether there is one document below `unique`, and it is this one."""
    first = key.removeprefix(f"{unique}/").partition("/")
    return listed(root, unique)["keys"] == ["".join(first[:2])]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("secret/apps/../other", "'.' or '..'"),
        ("secret/./apps", "'.' or '..'"),
        ("secret/a..b", "'.' or '..'"),
        ("secret/..", "'.' or '..'"),
        ("secret/apps/b\n", "cannot be printed"),
        ("secret/apps/\u202eb", "cannot be printed"),
        ("secret/apps/\x00", "cannot be printed"),
        ("secret/apps /b", "a space at an end"),
        ("secret/apps/ b", "a space at an end"),
        ("secret//b", "names no document"),
        ("secret/b/", "names no document"),
        ("/secret/b", "names no document"),
    ],
)
def test_spellings_that_something_may_read_otherwise_are_refused(address: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as caught:
        parse(address)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("address", ["secret/apps/q?y", "secret/a%2Fb", "secret/a b", "secret/é", "secret/a;b", "s/.a"])
def test_other_spellings_are_names(address: str) -> None:
    assert parse(address).path == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("vault:8200", "not the address"),
        ("127.0.0.1:8200", "not the address"),
        ("https://", "not the address"),
        ("https://[::1", "not the address"),
        ("http://127.0.0.1:99999", "not the address"),
        ("http://127.0.0.1:port", "not the address"),
        ("https://user:their-password@vault.example", "not the address"),
        ("https://vault.example?x=1", "not the address"),
        ("https://vault.example#x", "not the address"),
        ("https://ex ample", "not the address"),
        ("https://vault.example\n", "not the address"),
        ("unix:///run/agent.sock", "not the address"),
        ("https://vault.example/v1", "the server's address alone"),
        ("https://vault.example/v1/", "the server's address alone"),
        ("http://vault.example", "in clear text"),
        ("http://127.evil.example:8200", "in clear text"),
        ("http://localhost.evil.example", "in clear text"),
    ],
)
def test_an_address_that_is_none_or_not_private_is_refused_before_anything_is_sent(url: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as caught:
        parse("secret/a", Settings(url=url))
    told = f"{caught.value.message} {caught.value.hint}"
    assert "their-password" not in told
    assert told.isprintable()


@pytest.mark.parametrize(
    "url",
    [
        "https://vault.example",
        "HTTPS://vault.example:8200/",
        "http://127.0.0.1:8200",
        "https://h/prefix",
        "http://[::1]:1",
    ],
)
def test_an_address_may_have_a_port_and_a_prefix(url: str) -> None:
    assert parse("secret/a", Settings(url=url)).path == "secret/a"
