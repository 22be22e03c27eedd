"""Facts about a Vault server, a token, a mount and a key. It only reads, and other modules judge the facts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sinks.errors import Denied
from sinks.vault.connection import Connection
from sinks.vault.environment import token_reference
from sinks.vault.errors import Missing, answers
from sinks.vault.responses import DEFAULT_MAX_VERSIONS
from sinks.vault.settings import Settings

if TYPE_CHECKING:
    import hvac

    from sinks.clock import Clock
    from sinks.secret import Secret
    from sinks.shared import Shared

HEALTH = "/v1/sys/health?standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200&drsecondarycode=200"
"""The server answers this with 200 in every state, and its body says which one."""
NEVER = "0s"
"""The value of `delete_version_after` with which the server deletes nothing by itself."""


@dataclass(frozen=True)
class Health:
    """A server's state.

    `skew` is how far this machine's clock is ahead of the server's. Negative: it is behind.
    """

    sealed: bool
    standby: bool
    version: str
    skew: timedelta


@dataclass(frozen=True)
class TokenFacts:
    """Facts about a token. `left` is its remaining lifetime, None for a token without an end."""

    left: timedelta | None
    renewable: bool
    policies: tuple[str, ...]


@dataclass(frozen=True)
class Mounted:
    """The mount that serves a path, and the path's name below it.

    `version` is that of KV, "1" or "2". It is empty where the mount is no KV mount.
    """

    mount: str
    name: str
    version: str


@dataclass(frozen=True)
class Limits:
    """What a mount or a key says about its versions.

    The server combines both. `kept` says how many versions that makes.
    """

    max_versions: int
    """How many versions the server keeps. 0: there is no setting here."""
    delete_version_after: str
    """The time after which the server deletes a version by itself (`NEVER`: it does not)."""
    cas_required: bool
    """Whether every write needs a compare-and-set."""
    metadata_cas_required: bool
    """Whether every write of metadata needs a compare-and-set. OpenBao only."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The custom metadata of a key."""
    metadata_version: int = 0
    """Version of the key's metadata. OpenBao only."""


def kept(mount: Limits | None, key: Limits | None) -> int:
    """Return how many versions the server keeps of a key: the larger of the key's setting and the mount's.

    Where neither has a setting, it is the server's default.
    """
    return max(mount.max_versions if mount else 0, key.max_versions if key else 0) or DEFAULT_MAX_VERSIONS


class Inspector:
    """Asks one server for facts. Every method but `close` may raise `SinkError`.

    A missing right or a missing path is a fact too: methods that can return None then do.
    """

    def __init__(self, settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared) -> None:
        self._settings = settings
        self._clock = clock
        self._connection = shared.one((Connection, settings), lambda: Connection(settings, resolve, clock))
        self._outside = _Outside(replace(settings, namespace=None), resolve, clock)  # sys/health is in no namespace

    @property
    def tokenless(self) -> bool:
        """Whether the login needs a token and there is none.

        No request is sent for that.
        """
        auth = self._settings.auth
        return auth.method == "token" and auth.token is None and token_reference(os.environ) is None

    def close(self) -> None:
        """Close the connections."""
        self._connection.adapter.close()
        self._outside.adapter.close()

    def health(self) -> Health:
        """Ask for the server's state. No token is sent.

        The difference of the clocks comes from the answer's Date, in whole seconds.
        """
        with answers(f"ask {self._settings.url} how it is (sys/health)"):
            data = self._outside.client().adapter.get(HEALTH)
            skew = self._clock.now() - self._outside.adapter.now()
            return Health(bool(data["sealed"]), bool(data["standby"]), str(data.get("version", "?")), skew)

    def log_in(self) -> None:
        """Log in, or take the existing token without a trial of it.

        Raises:
            Denied: the login was refused, or there is no token.
            BadAddress: a setting that the login needs is missing.
        """
        self._connection.client()

    def token(self) -> TokenFacts:
        """Look the token up. Vault's policy 'default' allows that.

        The policies include those of the token's identity.
        """
        client = self._connection.client()
        with answers("look up the Vault token (auth/token/lookup-self)"):
            data = client.auth.token.lookup_self()["data"]
            # A root token has no expiry time, and its "ttl" of 0 does not mean that it ends now.
            left = timedelta(seconds=int(data["ttl"])) if data.get("expire_time") else None
            policies = {*(data.get("policies") or ()), *(data.get("identity_policies") or ())}
            return TokenFacts(left, bool(data.get("renewable")), tuple(sorted(policies)))

    def mounted(self, path: str) -> Mounted | None:
        """Return the mount that serves a path.

        Returns None where no mount does, or where the token may see nothing there.
        """
        client = self._connection.client()
        try:
            with answers(f"find the mount of {path}"):
                data = client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}")["data"]
                mount, kind = str(data["path"]).strip("/"), data["type"]
                # A KV mount without that option is of version 1.
                version = str((data["options"] or {}).get("version", "1")) if kind in ("kv", "generic") else ""
        except (Missing, Denied):
            return None
        return Mounted(mount, path[len(mount) + 1 :], version)

    def mount_limits(self, mount: str) -> Limits | None:
        """Read a mount's settings.

        None: the token may not, which is common, because `MOUNT/config` is an administrator's path.
        """
        return self._limits(f"{mount}/config")

    def key_limits(self, at: Mounted) -> Limits | None:
        """Read a key's settings.

        None: there is no such key, or the token may not read its metadata.
        """
        return self._limits(f"{at.mount}/metadata/{at.name}")

    def _limits(self, path: str) -> Limits | None:
        client = self._connection.client()
        try:
            with answers(f"read {path}"):
                data: Mapping[str, Any] = client.adapter.get(f"/v1/{path}")["data"]
                return Limits(
                    max_versions=int(data.get("max_versions") or 0),
                    delete_version_after=str(data.get("delete_version_after") or NEVER),
                    cas_required=bool(data.get("cas_required")),
                    metadata_cas_required=bool(data.get("metadata_cas_required")),
                    tags=data.get("custom_metadata") or {},
                    metadata_version=int(data.get("current_metadata_version") or 0),
                )
        except (Missing, Denied):
            return None

    def takes_patch(self, at: Mounted) -> bool:
        """Return whether the server, and every gateway before it, takes a PATCH of a key's metadata.

        Nothing is changed: the request has a content type that a server refuses for every PATCH, before it looks at
        the token or the path (415). Whoever does not know the method, or may not let it through, answers otherwise.
        """
        client = self._connection.client()
        headers = {"Content-Type": "application/json"}
        try:
            with answers(f"try PATCH at {self._settings.url}"):
                found = client.adapter.request(
                    "patch", f"/v1/{at.mount}/metadata/{at.name}", headers=headers, raise_exception=False
                )
        except Denied:  # 405
            return False
        return found.status_code not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_IMPLEMENTED)

    def lacking(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Return the wanted capabilities that the token lacks, by API path ("secret/data/apps/billing")."""
        client = self._connection.client()
        with answers("ask for the token's capabilities (sys/capabilities-self)"):
            granted = client.sys.get_capabilities(paths=list(wanted))["data"]
            found = {
                path: tuple(each for each in needed if "root" not in granted[path] and each not in granted[path])
                for path, needed in wanted.items()
            }
        return {path: several for path, several in found.items() if several}


class _Outside(Connection):
    def client(self) -> hvac.Client:
        if self._client is None:
            self._client = self._connect()
        return self._client
