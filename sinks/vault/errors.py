"""The one place where exceptions of hvac and requests become ours.

Their texts are not quoted, because they hold bodies of requests and answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from hvac import exceptions as hv

from sinks.errors import BadAddress, Conflict, Denied, Refused, SinkError, Unavailable

PROXIES = frozenset({"HTTPS_PROXY", "ALL_PROXY"})  # plain http:// is for loopback, and goes through no proxy
CA_VARIABLES = ("VAULT_CACERT", "VAULT_CAPATH", "VAULT_CLIENT_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXY_HINT = "write it as http://HOST:PORT, or unset it; NO_PROXY names the servers that are reached without it"
AGAIN = "nothing is lost; run the same command again"
UNREACHED = f"check that it runs, and its address (url, VAULT_ADDR); {AGAIN}"
LACKING = "the token's policy lacks this path, or the token has expired"
ENDED = "log in again, or store another one"
METADATA_CAS = "metadata_cas_required is set for {}, so tags cannot be written without racing other writers of metadata"
METADATA_CAS_HINT = "unset it: bao write MOUNT/config metadata_cas_required=false; on a key 'doctor' tells how"


class Missing(SinkError):
    """404: there is nothing at this path, or (`no_mount`) no such mount."""

    def __init__(self, message: str, *, no_mount: bool) -> None:
        super().__init__(message)
        self.no_mount = no_mount


@contextmanager
def answers(doing: str, *, login: bool = False) -> Iterator[None]:
    """Translate whatever goes wrong while `doing`, for example "read metadata of secret/apps/billing".

    With `login`, a refusal means that the credentials are wrong, not that the token lacks a right.
    """
    try:
        yield
    except hv.VaultError as error:
        raise _from_vault(error, doing, login=login) from None
    # Before its base classes below, because it has a remedy of its own.
    except requests.exceptions.SSLError:
        raise Unavailable(
            f"could not {doing}: the server's certificate was not accepted",
            "set ca_file (VAULT_CACERT) to the CA that signed it, or tls_server_name to the name in it",
        ) from None
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
        raise BadAddress(f"could not {doing}: {_proxy()} cannot be used", PROXY_HINT) from None
    except requests.exceptions.ProxyError:
        raise Unavailable(f"could not {doing}: {_proxy()} does not let it through", PROXY_HINT) from None
    except requests.exceptions.Timeout as error:
        raise Unavailable(f"could not {doing}: no answer in time from {_server(error)}", UNREACHED) from None
    except requests.exceptions.RequestException as error:
        told = f"no connection to {_server(error)} ({type(error).__name__})"
        raise Unavailable(f"could not {doing}: {told}", UNREACHED) from None
    except OSError as error:  # those of requests are caught above: this one is about a file on this machine
        named = " and ".join(name for name in CA_VARIABLES if os.environ.get(name))
        raise BadAddress(
            f"could not {doing}: a certificate's file cannot be read ({type(error).__name__})",
            f"check {named or 'ca_file, ca_path, client_cert and client_key (VAULT_CACERT and the like)'}",
        ) from None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise Unavailable(f"could not {doing}: the answer made no sense (half an answer?)", AGAIN) from None


def _server(error: requests.exceptions.RequestException) -> str:
    # Addresses with a password in them are refused (`sinks.vault.address`).
    return urlsplit(str(error.request.url)).netloc if error.request is not None else "the server"


def _proxy() -> str:
    """Return the words for the proxy that the environment names, with its variables and never with its address."""
    # In their texts there may be a password.
    named = sorted(name for name, text in os.environ.items() if name.upper() in PROXIES and text)
    return f"the proxy in {' or '.join(named)}" if named else "the server's address"


def _from_vault(error: hv.VaultError, doing: str, *, login: bool) -> SinkError:
    told = " ".join(str(e) for e in error.errors or ()).lower()
    # hvac raises the same for an empty path, a missing mount and a missing auth method.
    if isinstance(error, hv.InvalidPath):
        if login:
            return Denied(f"could not {doing}: no such auth method is mounted", "check auth.method and auth.mount")
        return Missing(f"could not {doing}: nothing there", no_mount="no handler for route" in told)
    if login and isinstance(error, (hv.InvalidRequest, hv.Forbidden, hv.Unauthorized)):
        return Denied(
            f"could not {doing}: the credentials were refused", "check the role and the secret it logs in with"
        )
    if isinstance(error, (hv.Forbidden, hv.Unauthorized)):
        if "invalid token" in told or "bad token" in told:
            return Denied(f"could not {doing}: the token is not valid (any more)", ENDED)
        return Denied(f"could not {doing}: permission denied", LACKING)
    if isinstance(error, hv.InvalidRequest):
        return _from_bad_request(told, doing)
    if isinstance(error, hv.VaultDown):
        if "sealed" in told or not told:
            return Unavailable(f"could not {doing}: Vault is sealed", "unseal it, then run the same command again")
        return Unavailable(f"could not {doing}: Vault is not available (503)", AGAIN)
    # Not `Refused`: the same request may succeed a moment later.
    if isinstance(error, hv.RateLimitExceeded):
        return Unavailable(f"could not {doing}: Vault's rate limit was reached (429)", AGAIN)
    return Unavailable(f"could not {doing}: Vault answered with an error ({type(error).__name__})", AGAIN)


def _from_bad_request(told: str, doing: str) -> SinkError:
    # All of these have status 400, so only the text tells them apart. It is compared and never shown.
    if "did not match the current version" in told:
        return Conflict(f"could not {doing}: somebody else wrote first")
    if "check-and-set parameter required" in told:
        return Refused(f"could not {doing}: {METADATA_CAS.format('it')}", METADATA_CAS_HINT)
    if "upgrading from non-versioned" in told:
        return Unavailable(f"could not {doing}: the mount is being upgraded to version 2", "try again in a few seconds")
    return Refused(f"could not {doing}: Vault called the request invalid (400)")
