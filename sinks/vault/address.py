"""Addresses: `mount/path[#key]`. Pure.

An address names a document and never an API path, so that it is what people type into the command line of Vault.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sinks.errors import BadAddress
from sinks.loopback import is_private
from sinks.vault.settings import Settings

DEFAULT_KEY = "client_secret"


@dataclass(frozen=True)
class Target:
    """An address in its parts: the document's path with its mount, and the key in the document.

    Where the mount ends in the path is known only to the server.
    """

    path: str
    key: str

    @property
    def canonical(self) -> str:
        """The path: an address without its key."""
        return self.path


def parse(target: str, settings: Settings | None = None) -> Target:
    """Split `mount/path[#key]` into its parts, and check that the connection to its server is private.

    Raises:
        BadAddress: no path below the mount, an empty part, an API path, an empty key, or plain http:// to another
            machine.
    """
    if settings is not None:
        _check_server(settings.url)
    path, marked, key = target.partition("#")
    parts = path.split("/")
    _check_characters(target, parts)
    if len(parts) < 2 or not all(part.strip() for part in parts):  # a mount and a path
        raise BadAddress(
            f"'vault://{target}' names no document: expected MOUNT/PATH, found '{path}'",
            "for example vault://secret/apps/billing",
        )
    # Taken literally, such a path would make a second document beside the one that is meant, and nobody would read it.
    if parts[1] in ("data", "metadata") and len(parts) > 2:
        meant = "/".join([parts[0], *parts[2:]])
        raise BadAddress(
            f"'vault://{target}' looks like an API path", f"leave out '{parts[1]}': did you mean vault://{meant} ?"
        )
    if marked and not key:
        raise BadAddress(f"'vault://{target}' names an empty key", f"write #KEY, or leave it out for #{DEFAULT_KEY}")
    return Target(path, key or DEFAULT_KEY)


def _check_server(url: str) -> None:
    """Check a server's address. It is shown only once it is known that no password is in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in url or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise BadAddress(
            "url (VAULT_ADDR) is not the address of a server", "write https://HOST:PORT, without a user or a query"
        )
    if parts.path.rstrip("/").endswith("/v1"):
        raise BadAddress(f"url (VAULT_ADDR): found {url}, expected the server's address alone", "leave out /v1")
    if not is_private(url):
        raise BadAddress(
            f"the Vault at {url} would get the token in clear text: plain http:// is for loopback only",
            "use https://, with ca_file (VAULT_CACERT) for a CA of your own",
        )


def _check_characters(target: str, parts: list[str]) -> None:
    """Refuse what a server, a proxy or a terminal may read as another path than it is."""
    shown = target if target.isprintable() else ascii(target)[1:-1]
    if not target.isprintable():
        raise BadAddress(f"'vault://{shown}' has characters that cannot be printed", "write the path without them")
    if any(".." in part or part == "." for part in parts):
        raise BadAddress(f"'vault://{shown}' has '.' or '..' in its path", "write the path itself")
    if any(part != part.strip() for part in parts if part.strip()):
        raise BadAddress(f"'vault://{shown}' has a space at an end of a part of its path", "write the path without it")


def identity(target: Target, settings: Settings) -> tuple[str, ...]:
    """Return server, namespace and path.

    Two keys of one document are the same sink, because they share one lock key. Aliases of a server are not recognized.
    """
    return ("vault", settings.url.rstrip("/").lower(), settings.namespace or "", target.path)
