"""HashiCorp Vault's KV version 2, and OpenBao with the same API. hvac is loaded when the first place is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from sinks.clock import Clock
from sinks.errors import BadAddress

if TYPE_CHECKING:
    from sinks.secret import Secret
    from sinks.vault.reader import VaultReader
    from sinks.vault.sink import VaultSink

DEFAULT_KEY = "client_secret"
REFERENCES = ("auth.token", "auth.role_id", "auth.secret_id", "auth.jwt", "auth.password")
KUBERNETES_JWT = "file:/var/run/secrets/kubernetes.io/serviceaccount/token"


@dataclass(frozen=True)
class Auth:
    """How to log in. Fields whose text may be secret are references.

    `token` needs nothing (VAULT_TOKEN or `~/.vault-token`), `approle` role_id and secret_id, `userpass` username and
    password, `jwt` role and jwt, `kubernetes` role.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    method: Literal["token", "approle", "kubernetes", "jwt", "userpass"] = "token"
    """The auth method."""
    mount: str | None = None
    """Where the method is mounted. The default is the method's name."""
    token: str | None = None
    """Reference to a token, for `token`."""
    role_id: str | None = None
    """Reference to the role id, for `approle`."""
    secret_id: str | None = None
    """Reference to the secret id, for `approle`."""
    role: str | None = None
    """Name of the role, for `jwt` and `kubernetes`."""
    jwt: str | None = None
    """Reference to the JWT, for `jwt` and `kubernetes` (whose default is the pod's service account token)."""
    username: str | None = None
    """Name of the user, for `userpass`."""
    password: str | None = None
    """Reference to the password, for `userpass`."""


@dataclass(frozen=True)
class Settings:
    """One Vault server."""

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # as above

    url: str
    """Address of the server. Plain http:// is for loopback only."""
    namespace: str | None = None
    """The server's namespace to work in."""
    ca_file: str | None = None
    """File with the CA certificate that signed the server's."""
    ca_path: str | None = None
    """Directory of CA certificates. `ca_file` takes precedence."""
    client_cert: str | None = None
    """File with the client certificate."""
    client_key: str | None = None
    """File with the client certificate's key, where `client_cert` does not contain it."""
    tls_server_name: str | None = None
    """The server's name in TLS, where it differs from the one in `url`."""
    pending_suffix: str = "/pending"
    """What is appended to a document's path to give the path of its lock key, with the pending value."""
    auth: Auth = field(default_factory=Auth)
    """How to log in."""


@dataclass(frozen=True)
class Target:
    """An address in its parts: the document's path with its mount, and the key in the document.

    Where the mount ends in the path is known only to the server.
    """

    path: str
    key: str


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read Vault's usual variables. `BAO_*` applies where `VAULT_*` is not set.

    Raises:
        BadAddress: there is no address.
    """

    def get(name: str) -> str | None:
        return environ.get(f"VAULT_{name}") or environ.get(f"BAO_{name}") or None

    url = get("ADDR")
    if url is None:
        raise BadAddress("VAULT_ADDR is not set", "set it to the server's address, for example https://vault:8200")
    return Settings(
        url=url,
        namespace=get("NAMESPACE"),
        ca_file=get("CACERT"),
        ca_path=get("CAPATH"),
        client_cert=get("CLIENT_CERT"),
        client_key=get("CLIENT_KEY"),
        tls_server_name=get("TLS_SERVER_NAME"),
        auth=Auth(token=token_reference(environ)),
    )


def token_reference(environ: Mapping[str, str]) -> str | None:
    """Return a reference to the operator's own token: VAULT_TOKEN, BAO_TOKEN, else `~/.vault-token`.

    Returns None where none of them exists.
    """
    for name in ("VAULT_TOKEN", "BAO_TOKEN"):
        if environ.get(name):
            return f"env:{name}"
    path = Path(environ.get("HOME") or "~").expanduser() / ".vault-token"
    return f"file:{path}" if path.is_file() else None


def parse(target: str, settings: Settings | None = None) -> Target:
    """Split `mount/path[#key]` into its parts, and check that the connection to its server is private.

    Raises:
        BadAddress: no path below the mount, an empty part, an API path, an empty key, or plain http:// to another
            machine.
    """
    if settings is not None and not _is_private(settings.url):
        raise BadAddress(
            f"the Vault at {settings.url} would get the token in clear text: plain http:// is for loopback only",
            "use https://, with ca_file (VAULT_CACERT) for a CA of your own",
        )
    path, marked, key = target.partition("#")
    parts = path.split("/")
    if len(parts) < 2 or not all(part.strip() for part in parts):  # a mount and a path
        raise BadAddress(
            f"'vault://{target}' names no document: expected MOUNT/PATH, found '{path}'",
            "for example vault://secret/apps/billing",
        )
    if parts[1] in ("data", "metadata") and len(parts) > 2:
        meant = "/".join([parts[0], *parts[2:]])
        raise BadAddress(
            f"'vault://{target}' looks like an API path", f"leave out '{parts[1]}': did you mean vault://{meant} ?"
        )
    if marked and not key:
        raise BadAddress(f"'vault://{target}' names an empty key", f"write #KEY, or leave it out for #{DEFAULT_KEY}")
    return Target(path, key or DEFAULT_KEY)


def _is_private(url: str) -> bool:
    """Return whether the connection is private: TLS, or loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "::1") or host.startswith("127.")


def open(  # noqa: A001  # the name that every kind of store offers
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    lease: timedelta,
) -> VaultSink:
    """Open the document at `target`. The first request is sent when the first method is called."""
    from sinks.vault.api import Kv
    from sinks.vault.connection import Connection
    from sinks.vault.sink import VaultSink

    address = parse(target, settings)
    kv = Kv(Connection(settings, resolve, clock))
    return VaultSink(
        f"{name}://{address.path}",
        kv,
        address.path,
        address.key,
        lock_path=address.path + settings.pending_suffix,
        clock=clock,
        lease=lease,
    )


def open_reader(
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    timeout: timedelta,  # noqa: ARG001  # the adapter has its own
) -> VaultReader:
    """Open the document at `target` for reading. The first request is sent when the first method is called.

    `timeout` is not used: the HTTP adapter has its own limits.
    """
    from sinks.vault.api import Kv
    from sinks.vault.connection import Connection
    from sinks.vault.reader import VaultReader

    address = parse(target, settings)
    kv = Kv(Connection(settings, resolve, clock))
    lock_path = address.path + settings.pending_suffix
    return VaultReader(f"{name}://{address.path}", kv, address.path, address.key, lock_path=lock_path)
