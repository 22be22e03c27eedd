"""How requests leave this machine: through which proxy, and which certificate authorities they trust.

The variables are those that httpx would read by itself. They are read here, because httpx raises errors of many kinds
for a variable that it does not understand, and names none. Variables that do not matter for the tenant are not judged.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bridge.model.errors import Usage
from sinks import tls

if TYPE_CHECKING:
    import httpx

CA_FILE, CA_DIRECTORY = "SSL_CERT_FILE", "SSL_CERT_DIR"
LARGEST = 16 * 2**20  # bytes: a hundred times the usual bundle of all public authorities
SCHEMES = ("http", "https", "socks5", "socks5h")
EXPECTED = "the URL of a proxy, such as http://proxy.example:3128"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


@dataclass(frozen=True)
class Egress:
    """The way to one server: its TLS context, and the proxy in between, or None.

    `variable` names where the proxy comes from. The proxy's URL may hold a password, so it is never shown.
    """

    context: ssl.SSLContext | None = None
    proxy: httpx.Proxy | None = None
    variable: str = ""


def egress(base: str) -> Egress:
    """Return the way to the server at the URL `base`, as the environment describes it.

    Plain http:// is for this machine itself only. No proxy may see it, so no variable is read for it.

    Raises:
        Usage: a variable that matters cannot be used. The message names the variable.
    """
    if not base.startswith("https://"):
        return Egress()
    url, variable = _chosen_proxy(urlsplit(base).netloc)
    return Egress(_context(), _proxy(url, variable) if url else None, variable)


def authorities() -> tuple[str | None, str | None]:
    """Return the file and the directory of the authorities that are trusted. One of them is None.

    By default it is the bundle that httpx ships with (certifi).
    """
    import certifi

    file, directory = os.environ.get(CA_FILE), os.environ.get(CA_DIRECTORY)
    if directory and not file:
        return None, directory
    return file or certifi.where(), None


def _chosen_proxy(netloc: str) -> tuple[str, str]:
    """Return the URL of the proxy for a host and port, and the variable that names it. Both are empty without one."""
    found = getproxies()
    # `proxy_bypass` understands a star only where nothing stands beside it.
    spared = "*" in (name.strip() for name in found.get("no", "").split(","))
    kind = next((kind for kind in ("https", "all") if found.get(kind)), None)
    if kind is None or spared or proxy_bypass(netloc):
        return "", ""
    # The lower-case name wins, as in `getproxies`.
    names = sorted((name for name in os.environ if name.lower() == f"{kind}_proxy"), reverse=True)
    return found[kind], next((name for name in names if os.environ[name]), "the system's proxy settings")


def _proxy(text: str, variable: str) -> httpx.Proxy:
    import httpx

    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        fit = bool(proxy.url.host) and 0 < (proxy.url.port or 1) < 2**16 and text.isprintable() and " " not in text
    except (ValueError, TypeError, httpx.InvalidURL):
        fit = False
    if not fit:
        scheme = text.partition("://")[0] if "://" in text else ""
        known = scheme.lower() in (*SCHEMES, "") or not scheme.isalnum()
        found = "a text that is none (not shown)" if known else f'the scheme "{scheme}"'
        raise Usage(f"{variable}: found {found}, expected {EXPECTED}", hint=_remedy(variable))
    if proxy.url.scheme.startswith("socks") and not _has_socks():
        raise Usage(
            f"{variable}: a SOCKS proxy needs the package socksio, which is not installed",
            hint=f"install it: pip install 'httpx[socks]'; or {_remedy(variable)}",
        )
    return proxy


def _has_socks() -> bool:
    from importlib.util import find_spec

    return find_spec("socksio") is not None


def _remedy(variable: str) -> str:
    instead = "; or name another one in HTTPS_PROXY" if variable.lower() == "all_proxy" else ""
    return f"correct or unset {variable}{instead}; or name the tenant's domain in NO_PROXY"


def _context() -> ssl.SSLContext:
    context = tls.context()
    file, directory = authorities()
    if directory is not None:
        _check_directory(directory)
        context.load_verify_locations(capath=directory)
    if file is not None:
        _load_file(context, file)
    return context


def _load_file(context: ssl.SSLContext, file: str) -> None:
    try:
        found = Path(file).stat()
        # Anything else might never end, or wait for somebody who writes.
        if not stat.S_ISREG(found.st_mode):
            raise _unfit(CA_FILE, file, "is not a regular file")
        if found.st_size > LARGEST:
            raise _unfit(CA_FILE, file, f"has more than {LARGEST >> 20} MiB")
        context.load_verify_locations(cafile=file)
    except FileNotFoundError:
        raise _unfit(CA_FILE, file, "does not exist") from None
    except ssl.SSLError:
        raise _unfit(CA_FILE, file, "holds no certificate in PEM form") from None
    except (OSError, ValueError) as error:
        raise _unfit(CA_FILE, file, f"cannot be read ({type(error).__name__})") from None
    if not context.cert_store_stats()["x509"]:
        raise _unfit(CA_FILE, file, "holds no certificate in PEM form")


def _check_directory(directory: str) -> None:
    # OpenSSL ignores a directory that does not help, and then trusts nobody. As in OpenSSL, there may be several.
    try:
        names = [name for each in directory.split(os.pathsep) if each for name in _names(each)]
    except FileNotFoundError:
        raise _unfit(CA_DIRECTORY, directory, "does not exist") from None
    except (OSError, ValueError) as error:
        raise _unfit(CA_DIRECTORY, directory, f"cannot be read ({type(error).__name__})") from None
    if not any(_HASHED.fullmatch(name) for name in names):
        raise _unfit(CA_DIRECTORY, directory, "holds no certificate under its hash (see openssl-rehash)")


def _names(directory: str) -> list[str]:
    return [entry.name for entry in os.scandir(directory)]


def _unfit(variable: str, path: str, why: str) -> Usage:
    named = "directory" if variable == CA_DIRECTORY else "file"
    return Usage(f"{variable}: the {named} {path} {why}", hint=f"correct it, or unset {variable}: public authorities")
