"""HashiCorp Vault's KV version 2, and OpenBao with the same API.

hvac is loaded when the first sink is opened, because every command imports this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.clock import Clock
from sinks.vault.address import DEFAULT_KEY, Target, identity, parse
from sinks.vault.environment import TOKENS, from_environment, initial, is_described, objections, unasked
from sinks.vault.settings import Auth, Settings

if TYPE_CHECKING:
    import sinks.vault
    from sinks.diagnosis import Known
    from sinks.kinds import Kind, SurveyTogether
    from sinks.rights import Block, Deed, Role
    from sinks.secret import Secret
    from sinks.shared import Shared
    from sinks.state import SinkState
    from sinks.vault.api import Kv
    from sinks.vault.diagnose import VaultDiagnosis
    from sinks.vault.reader import VaultReader
    from sinks.vault.sink import VaultSink

    complete: Kind[Settings, Target] = sinks.vault
    together: SurveyTogether[Settings] = sinks.vault.survey_together

__all__ = [
    "ADDRESS",
    "CREDENTIALS",
    "DEFAULT_KEY",
    "POLICY_FORMAT",
    "PREFIXES",
    "REFERENCES",
    "Auth",
    "Settings",
    "Target",
    "diagnosis",
    "findings",
    "from_environment",
    "identity",
    "initial",
    "is_described",
    "location",
    "objections",
    "open",
    "open_reader",
    "parse",
    "policy_for",
    "policy_for_references",
    "survey_together",
    "unasked",
]

ADDRESS = "vault://MOUNT/PATH"
REFERENCES = ("auth.token", "auth.role_id", "auth.secret_id", "auth.jwt", "auth.password")
CREDENTIALS = TOKENS
PREFIXES: tuple[str, ...] = ()
POLICY_FORMAT = "hcl"


def location(settings: Settings) -> str:
    """Return the server's URL."""
    return settings.url


def open(  # noqa: A001  # the name that every kind of store offers
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    lease: timedelta,
    shared: Shared,
) -> VaultSink:
    """Open the document at `target`, without a request.

    The login follows when the first method is called that asks the server. All sinks of one vault share it.

    Raises:
        BadAddress: the address has another form, or its server would get the token over plain http://.
    """
    from sinks.vault.sink import VaultSink

    address = parse(target, settings)
    return VaultSink(
        f"{name}://{address.path}",
        _kv(settings, resolve, clock, shared),
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
    shared: Shared,
) -> VaultReader:
    """Open the document at `target` for reading, without a request.

    The login follows with the first reading. `timeout` is not used: the HTTP adapter has its own limits.

    Raises:
        BadAddress: as in `open`.
    """
    from sinks.vault.reader import VaultReader

    address = parse(target, settings)
    kv = _kv(settings, resolve, clock, shared)
    lock_path = address.path + settings.pending_suffix
    return VaultReader(f"{name}://{address.path}", kv, address.path, address.key, lock_path=lock_path)


def survey_together(
    name: str,
    targets: tuple[str, ...],
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    shared: Shared,
) -> Mapping[str, SinkState]:
    """Survey documents that share folders, with a few requests for each folder.

    Only OpenBao can tell that, and only to a token that may `list` and `scan`.
    """
    from sinks.vault.together import states

    paths = (parse(target, settings).path for target in targets)
    return states(name, paths, settings.pending_suffix, _kv(settings, resolve, clock, shared))


def _kv(settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared) -> Kv:
    from sinks.vault.api import Kv
    from sinks.vault.connection import Connection

    return Kv(shared.one((Connection, settings), lambda: Connection(settings, resolve, clock)))


def policy_for(
    name: str, settings: Settings, asked: Mapping[Target, frozenset[Deed]], role: Role, mounts: tuple[str, ...]
) -> Block:
    """Return what a role needs for documents in one Vault, in HCL.

    Raises:
        BadAddress: a policy cannot name one of the paths.
    """
    from sinks.vault.policy import policy

    return policy(name, settings, asked, role, mounts)


def policy_for_references(targets: tuple[Target, ...], mounts: tuple[str, ...]) -> Block:
    """Return what reading references needs, in the Vault that the environment names.

    Raises:
        BadAddress: a policy cannot name one of the paths.
    """
    from sinks.vault.policy import credentials

    return credentials(targets, mounts)


def diagnosis(
    name: str, settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared
) -> VaultDiagnosis:
    """Return the examination of one server.

    No request is sent before its first method is called.
    """
    from sinks.vault.diagnose import VaultDiagnosis

    return VaultDiagnosis(name, settings, resolve, clock, shared)


def findings() -> Mapping[str, Known]:
    """Return the findings that only this kind knows."""
    from sinks.vault.known import FINDINGS

    return FINDINGS
