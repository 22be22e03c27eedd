"""The configuration of one Vault server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


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
