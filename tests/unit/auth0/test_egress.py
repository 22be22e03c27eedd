"""Proxies and authorities from the environment: obeyed, or refused by the variable's name, or left alone."""

from __future__ import annotations

import gzip
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.auth0.api import connect
from bridge.auth0.egress import authorities, egress
from bridge.auth0.errors import Unreachable
from bridge.auth0.http import Http
from bridge.consumer import ClientCredentials, TokenError
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings
from sinks.clock import SystemClock
from sinks.secret import Secret
from tests.unit.auth0.slow_server import SlowServer, drops, head, took
from tests.unit.doctor.certificates import Authority, Behind

NESTED, BOMB, GZIP = b"[" * 200_000, gzip.compress(bytes(2**25)), "Content-Encoding: gzip"
BASE = "https://acme.eu.auth0.com"
LOCAL = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


def opened(base: str = BASE) -> None:
    settings = TenantSettings("main", base, api_token="env:T")
    connect(settings, lambda _: Secret("t"), SystemClock()).tenant.http.close()


PROXIES = (
    "socks://127.0.0.1:1080", "socks4://127.0.0.1:1080", "ftp://proxy", "http://", "http://:3128", "http://proxy:99999",
    "http://proxy:x", "http://[::1", "//proxy", "http://pro xy", "http://proxy\n:1", "://", "http://user:hunter2@",
    "http://\u202eproxy", "socks5://127.0.0.1:1080", "file:///etc/passwd", "\udcff",
)  # fmt: skip


@pytest.mark.parametrize("text", PROXIES)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(Usage, match=rf"^{variable}: ") as caught:
        opened()
    assert caught.value.exit_status == 2
    assert "NO_PROXY" in str(caught.value.hint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"NO_PROXY": "::1/128"}, {"NO_PROXY": "[::1"}, {"NO_PROXY": "10.0.0.0/8, ::1/128,http://[,*.x,:99999"},
        {"no_proxy": "\u202e"}, {"HTTP_PROXY": "nonsense://"}, {"http_proxy": "socks://x"}, {"FTP_PROXY": "x://"},
        {"ALL_PROXY": "socks://x", "HTTPS_PROXY": "http://127.0.0.1:9"}, {"HTTPS_PROXY": ""}, {"ALL_PROXY": ""},
        {"HTTPS_PROXY": "socks://x", "NO_PROXY": "auth0.com"}, {"HTTPS_PROXY": "x://", "NO_PROXY": "a, *"},
        {"ALL_PROXY": "socks://x", "no_proxy": "acme.eu.auth0.com:443,acme.eu.auth0.com"},
        {"HTTPS_PROXY": "proxy.example"}, {"HTTPS_PROXY": "http://user:p%40ss@[::1]:3128"},
        {"SSLKEYLOGFILE": "/no/such/directory/keys"}, {"REQUESTS_CA_BUNDLE": "/none"}, {"CURL_CA_BUNDLE": "/none"},
        {"SSL_CERT_FILE": ""}, {"SSL_CERT_DIR": ""},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_matter_is_left_alone(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    opened()


@pytest.mark.parametrize("text", PROXIES)
def test_no_variable_matters_for_this_machine_itself(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, text)
    opened(LOCAL)


def test_keys_of_connections_are_not_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = egress(BASE).context
    assert context is not None
    assert context.keylog_filename is None
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")


def files(tmp_path: Path) -> dict[str, Path]:
    """Return files that hold no authority, by what they are."""
    made = {name: tmp_path / name for name in ("none", "empty", "garbage", "binary", "key", "huge", "pipe", "cut")}
    made["empty"].touch()
    made["garbage"].write_text("not a certificate\n")
    made["binary"].write_bytes(bytes(range(256)))
    made["key"].write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    made["cut"].write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    with made["huge"].open("wb") as file:
        file.truncate(17 * 2**20)
    os.mkfifo(made["pipe"])
    return made | {"directory": tmp_path, "zero": Path("/dev/zero"), "null": Path("/dev/null")}


@pytest.mark.parametrize(
    "kind", ["none", "empty", "garbage", "binary", "key", "huge", "pipe", "cut", "directory", "zero", "null"]
)
def test_a_file_of_authorities_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    path = files(tmp_path)[kind]
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(Usage, match=rf"^SSL_CERT_FILE: the file {path} ") as caught:
        opened()
    assert "unset SSL_CERT_FILE" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["none", "empty", "/dev/null"])
def test_a_directory_of_authorities_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "authority.pem").touch()  # without its hash as its name, OpenSSL does not see it
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / kind))
    with pytest.raises(Usage, match=r"^SSL_CERT_DIR: the directory ") as caught:
        opened()
    assert "unset SSL_CERT_DIR" in str(caught.value.hint)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authority_of_your_own_is_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    authority = Authority(tmp_path)
    made = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", authority.file], capture_output=True, text=True, check=True
    )
    (tmp_path / f"{made.stdout.strip()}.0").symlink_to(authority.file)
    body = b'{"name": "billing"}'
    with SlowServer([head(body), body]) as server, Behind(server.url, authority.context()) as behind:
        http = Http(behind.url, SystemClock())
        with pytest.raises(httpx.ConnectError):
            http.client.get("/")
        http.close()
        monkeypatch.setenv(variable, str(authority.file if variable == "SSL_CERT_FILE" else tmp_path))
        http = Http(behind.url, SystemClock())
        assert http.client.get("/").json() == {"name": "billing"}
        http.close()


def test_the_file_wins_over_the_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert authorities()[0] is not None
    monkeypatch.setenv("SSL_CERT_DIR", "/none")
    assert authorities() == (None, "/none")
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).file))
    assert authorities() == (str(tmp_path / "authority.pem"), None)
    opened()


@pytest.mark.parametrize("url", ["nonsense.invalid", "http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_a_proxy_that_is_not_there_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    settings = TenantSettings("main", BASE, api_token="env:T")
    auth0 = connect(settings, lambda _: Secret("t"), SystemClock())
    monkeypatch.setattr("bridge.auth0.http.ATTEMPTS", 1)
    with pytest.raises(Unreachable, match="cannot be reached through the proxy of HTTPS_PROXY") as caught:
        auth0.get_client("AbC123")
    assert not caught.value.maybe_done
    auth0.tenant.http.close()


def test_requests_go_through_the_proxy_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with SlowServer([refusal]) as server:
        monkeypatch.setenv("ALL_PROXY", server.url.replace("//", "//user:hunter2@"))
        http = Http(BASE, SystemClock())
        assert http.proxy_variable == "ALL_PROXY"
        with pytest.raises(httpx.ProxyError):
            http.client.get("/")
        http.close()
        assert server.asked == 1


class Source:
    """A secret of an application, as `ClientCredentials` uses it."""

    client_id, uri = "AbC123", "vault://secret/x"

    def candidates(self) -> Any:
        class One:
            def reveal(self) -> str:
                return "a-value"

            def accepted(self) -> None:
                """Nothing is kept here."""

        yield One()


@pytest.mark.parametrize(
    ("variable", "text"), [("HTTPS_PROXY", "x://"), ("ALL_PROXY", "socks://x"), ("SSL_CERT_FILE", "/none")]
)
def test_an_application_is_told_the_variable_too(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    monkeypatch.setenv(variable, text)
    source: Any = Source()
    with pytest.raises(TokenError, match=rf"^{variable}: "):
        ClientCredentials("acme.eu.auth0.com", source).token()


def test_an_application_asks_this_machine_itself_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"access_token": "t", "expires_in": 60}'
    monkeypatch.setenv("HTTP_PROXY", LOCAL)
    source: Any = Source()
    with SlowServer([head(body), body]) as server:
        auth = ClientCredentials(server.url, source)
        assert auth.token() == "t"
        auth.close()


@pytest.mark.parametrize("pieces", [drops(head(b"{}") + b"{}"), [head(NESTED), NESTED], [head(BOMB, GZIP), BOMB]])
def test_an_application_waits_no_longer_than_its_timeout_and_keeps_no_more_than_it_needs(
    monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]
) -> None:
    monkeypatch.setattr("bridge.consumer.client_credentials.TIMEOUT", 1.0)
    source: Any = Source()
    with SlowServer(pieces, pause=0.2 if len(pieces) > 2 else 0.0) as server:
        auth, began = ClientCredentials(server.url, source), time.monotonic()
        with pytest.raises(TokenError, match=r"no answer from|without a token"):
            auth.token()
        assert took(began) < 3
        auth.close()
