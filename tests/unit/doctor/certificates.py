"""Certificates made for a test, and a server behind TLS with one."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.proxy import Proxy

LOOPBACK = "127.0.0.1"
YEAR = timedelta(days=365)


class Authority:
    """An authority of its own; `file` is what has to be trusted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of a test")])
        self.file = directory / "authority.pem"
        made = self._builder(self._name, self._key.public_key(), YEAR)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def context(self, name: str = LOOPBACK, lasts: timedelta = YEAR) -> ssl.SSLContext:
        """Return what a server with a certificate for a name needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name)) if name == LOOPBACK else x509.DNSName(name)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(subject, key.public_key(), lasts)
        made = made.add_extension(x509.SubjectAlternativeName([known]), critical=False)
        pem = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._directory / f"{name}.pem"
        file.write_bytes(pem + text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, lasts: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + lasts)
        )


class Behind(Proxy):
    """A server behind TLS; `url` is where it answers, `context` may be replaced while it serves."""

    def __init__(self, upstream: str, context: ssl.SSLContext) -> None:
        super().__init__(upstream)
        self.context = context
        self.url = self.url.replace("http:", "https:")
        accept = self._server.get_request

        def wrapped() -> Any:
            plain, address = accept()
            return self.context.wrap_socket(plain, server_side=True), address

        self._server.get_request = wrapped  # type: ignore[method-assign]  # of this server alone
