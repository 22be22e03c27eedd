"""A server that only talks to those who show a certificate, and the files that settings name."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sinks.errors import BadAddress, Denied, Unavailable
from sinks.vault import Auth, Settings
from tests.unit.sinks.vault.support import sink_at


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """One certificate that is its own authority, the server's and the client's, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
    return public, private


class Forbidding(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"errors": ["permission denied"]}')

    def log_message(self, *args: object) -> None: ...


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None: ...


@pytest.fixture
def url(certificate: tuple[Path, Path]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.load_verify_locations(certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    with Quiet(("127.0.0.1", 0), Forbidding) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_configured_certificate_is_shown(url: str, certificate: tuple[Path, Path]) -> None:
    public, private = map(str, certificate)
    auth = Auth(token="env:ROOT")
    shown = Settings(url, ca_file=public, client_cert=public, client_key=private, auth=auth)
    with pytest.raises(Denied):  # the server has spoken
        sink_at(url, "secret/apps/x", settings=shown).read()
    with pytest.raises(Unavailable, match=r"certificate|connection"):
        sink_at(url, "secret/apps/x", settings=Settings(url, ca_file=public, auth=auth)).read()


def test_the_keys_of_connections_are_not_written_down(
    url: str, certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has them can read the secrets that were sent. The libraries write them where this variable says so."""
    written = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(written))
    public, private = map(str, certificate)
    vault = Settings(url, ca_file=public, client_cert=public, client_key=private, auth=Auth(token="env:ROOT"))
    with pytest.raises(Denied):
        sink_at(url, "secret/apps/x", settings=vault).read()
    assert not written.exists() or not [line for line in written.read_text().splitlines() if line[:1] != "#"]


def unfit(certificate: tuple[Path, Path], tmp_path: Path) -> dict[str, str]:
    """Return files that nothing can be read from, by what they are."""
    names = ("empty", "garbage", "cut", "pipe", "locked")
    made = {name: str(tmp_path / name) for name in names}
    os.mkfifo(made["pipe"])
    (tmp_path / "empty").touch()
    (tmp_path / "garbage").write_bytes(bytes(range(256)))
    (tmp_path / "cut").write_bytes(certificate[0].read_bytes()[:300])
    key = serialization.load_pem_private_key(certificate[1].read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"passphrase")
    locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (tmp_path / "locked").write_bytes(certificate[0].read_bytes() + locked)
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "other").write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    made |= {"none": str(tmp_path / "none"), "directory": str(tmp_path), "zero": "/dev/zero", "NUL": "a\0b"}
    return made | {"public": str(certificate[0]), "private": str(certificate[1]), "other": str(tmp_path / "other")}


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"ca_file": "none"}, r"ca_file \(VAULT_CACERT\): .*none does not exist"),
        ({"ca_file": "empty"}, r"ca_file .*empty holds no certificate"),
        ({"ca_file": "garbage"}, r"ca_file .*garbage holds no certificate"),
        ({"ca_file": "cut"}, r"ca_file .*cut holds no certificate"),
        ({"ca_file": "private"}, r"ca_file .*holds no certificate"),
        ({"ca_file": "pipe"}, r"ca_file .*pipe is not a regular file"),
        ({"ca_file": "zero"}, r"ca_file .*zero is not a regular file"),
        ({"ca_file": "directory"}, r"ca_file .* cannot be read \(IsADirectoryError\)"),
        ({"ca_file": "NUL"}, r"ca_file .* cannot be read \(ValueError\)"),
        ({"ca_file": "none", "client_cert": "pipe", "client_key": "zero"}, "ca_file.*; client_cert.*; client_key"),
        ({"client_key": "private"}, "client_key .* without client_cert"),
        ({"client_cert": "garbage", "client_key": "private"}, "client_cert .* expected a certificate"),
        ({"client_cert": "public"}, "client_cert .* expected a certificate and its own private key"),
        ({"client_cert": "public", "client_key": "other"}, "client_cert .* and client_key .*other: expected"),
        ({"client_cert": "public", "client_key": "locked"}, "has a passphrase"),
        ({"client_cert": "locked"}, "has a passphrase"),
    ],
    ids=str,
)
def test_files_that_cannot_be_used_are_named(
    certificate: tuple[Path, Path], tmp_path: Path, named: dict[str, str], told: str
) -> None:
    """Without a request, without waiting for a writer, and without a question on the terminal."""
    files = unfit(certificate, tmp_path)
    nobody = "https://127.0.0.1:9"
    settings = Settings(nobody, auth=Auth(token="env:ROOT"), **{name: files[kind] for name, kind in named.items()})
    with pytest.raises(BadAddress, match=told) as caught:
        sink_at(nobody, "secret/apps/x", settings=settings).read()
    assert caught.value.hint
