"""TLS as every connection speaks it, and the examination of a server's certificate.

An examination tells how long a certificate is valid, and why it is not accepted. It sends nothing but the handshake.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

TIMEOUT = 5.0  # seconds
EXPIRED = {10}  # X509_V_ERR_CERT_HAS_EXPIRED (openssl-verify)
OTHER_NAME = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class Fault(StrEnum):
    """Why a certificate is not accepted.

    `AUTHORITY` is also the result for every other reason.
    """

    NONE = ""
    EXPIRED = "expired"
    NAME = "name"
    AUTHORITY = "authority"


@dataclass(frozen=True)
class Certificate:
    """A server's certificate, and whether it is accepted.

    It is read for the findings of `doctor` only. Requests do their own check.
    """

    host: str
    """The host and port that presented it."""
    ends: datetime
    """When it expires."""
    names: tuple[str, ...]
    """The DNS names and IP addresses that it is valid for."""
    fault: Fault
    """Why it is not accepted, or `Fault.NONE`."""


def context() -> ssl.SSLContext:
    """Return a context that checks certificates and host names. It trusts nobody yet.

    The contexts that `ssl` and the libraries create obey SSLKEYLOGFILE. With the keys in that file, somebody could read
    the secrets that were sent. This one does not obey it.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def certificate(
    url: str, *, ca_file: str | None = None, ca_path: str | None = None, name: str | None = None
) -> Certificate | None:
    """Return a server's certificate, or None if the server speaks no TLS or cannot be reached directly.

    It opens two connections, and sends nothing but the handshake. `ca_file` and `ca_path` name the authorities to
    trust. By default these are the ones that the HTTP libraries use. `name` is requested and expected instead of the
    URL's host name.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    address = (parts.hostname, parts.port or 443)
    named = name or parts.hostname
    try:
        # Two handshakes, because one that fails its check does not give the certificate that explains why.
        fault = _fault(address, named, ca_file, ca_path)
        encoded = _encoded(address, named)
    except (OSError, ValueError):
        return None
    return _read(parts.netloc, encoded, fault) if encoded else None


def _fault(address: tuple[str, int], name: str, ca_file: str | None, ca_path: str | None) -> Fault:
    checking = context()
    if ca_file is None and ca_path is None:
        import certifi  # the bundle of the HTTP libraries, unless one of their variables names another

        named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        ca_file = named or certifi.where()
    checking.load_verify_locations(ca_file, ca_path)
    try:
        with socket.create_connection(address, TIMEOUT) as plain, checking.wrap_socket(plain, server_hostname=name):
            return Fault.NONE
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in OTHER_NAME:
            return Fault.NAME
        return Fault.EXPIRED if error.verify_code in EXPIRED else Fault.AUTHORITY


def _encoded(address: tuple[str, int], name: str) -> bytes | None:
    trusting = context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE  # only to read the certificate: nothing is sent to an unverified server
    with (
        socket.create_connection(address, TIMEOUT) as plain,
        trusting.wrap_socket(plain, server_hostname=name) as wrapped,
    ):
        return wrapped.getpeercert(binary_form=True)


def _read(host: str, encoded: bytes, fault: Fault) -> Certificate:
    from cryptography import x509

    found = x509.load_der_x509_certificate(encoded)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Certificate(host, found.not_valid_after_utc, (), fault)
    told = (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))
    return Certificate(host, found.not_valid_after_utc, told, fault)
