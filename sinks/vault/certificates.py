"""The files with certificates and keys that a server's settings name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from sinks import files, tls
from sinks.errors import BadAddress
from sinks.vault.settings import Settings

FILES = (("ca_file", "VAULT_CACERT"), ("client_cert", "VAULT_CLIENT_CERT"), ("client_key", "VAULT_CLIENT_KEY"))
"""The settings that name a file, and the variable of each."""


def load(settings: Settings, context: ssl.SSLContext) -> None:
    """Check the files that the settings name, and load the client's certificate and its key into a context.

    Raises:
        BadAddress: a file cannot be read, the key has a passphrase, or the two do not belong together.
    """
    if found := tuple(_unfit(settings)):
        raise BadAddress("; ".join(found), "correct them, or remove the setting or the variable")
    if settings.client_key and not settings.client_cert:
        raise BadAddress("client_key (VAULT_CLIENT_KEY) is set without client_cert (VAULT_CLIENT_CERT)", "set both")
    if settings.client_cert is None:
        return
    named = f"client_cert {settings.client_cert}"
    if settings.client_key:
        named += f" and client_key {settings.client_key}"
    try:
        # With a function for the passphrase: without one, OpenSSL asks for it on the terminal.
        context.load_cert_chain(settings.client_cert, settings.client_key, password=_passphrase)
    except (ssl.SSLError, ValueError):
        raise BadAddress(
            f"{named}: expected a certificate and its own private key, in PEM form",
            "check that both are there and belong together: openssl x509 -noout -pubkey, openssl pkey -pubout",
        ) from None


def _unfit(settings: Settings) -> Iterator[str]:
    for name, variable in FILES:
        path = getattr(settings, name)
        if not path:
            continue
        try:
            files.opened(Path(path)).close()
            if name == "ca_file":
                tls.context().load_verify_locations(path)
        except FileNotFoundError:
            yield f"{name} ({variable}): {path} does not exist"
        except files.Unfit as error:
            yield f"{name} ({variable}): {path} {error}"
        except ssl.SSLError:
            yield f"{name} ({variable}): {path} holds no certificate in PEM form"
        except (OSError, ValueError) as error:
            yield f"{name} ({variable}): {path} cannot be read ({type(error).__name__})"


def _passphrase() -> bytes:
    raise BadAddress(
        "the key of client_cert (VAULT_CLIENT_CERT) has a passphrase, and nobody is asked for one",
        "write a key without one: openssl pkey -in KEY -out NEW (readable by this user only)",
    )
