"""Derives policies from a configuration: one for each vault and one for each tenant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sinks.aws
import sinks.vault
from bridge.config.settings import ClientSettings, Settings, VaultSettings
from bridge.model.errors import Usage
from bridge.planning.role_rights import deeds
from bridge.policy import Block, auth0, aws, vault
from sinks import kind, split
from sinks.rights import Deed, Role
from sinks.vault.rights import mount_of

Chosen = tuple[Settings, ClientSettings]
"""A client, with the configuration that it comes from."""


def blocks(chosen: Sequence[Chosen], role: Role, mounts: Iterable[str] = ()) -> tuple[Block, ...]:
    """Return what a role needs for clients, vault by vault, then tenant by tenant.

    `mounts` are those mounts of Vault that have a slash in their names. Of any other path, the first part is the mount.

    Raises:
        Usage: no policy can be written for a vault or a path, or no place is in one of the mounts.
    """
    known = tuple(mount.strip("/") for mount in mounts)
    vaults: dict[str, tuple[VaultSettings, dict[Any, frozenset[Deed]]]] = {}
    tenants: dict[str, tuple[str, list[ClientSettings]]] = {}
    for settings, client in chosen:
        for uri in client.sinks:
            scheme, target = split(uri)
            found = settings.vaults[scheme]
            _, asked = vaults.setdefault(scheme, (found, {}))
            parsed, wanted = kind(found.type).parse(target, found.options), deeds(role, companions=client.companions)
            asked[parsed] = asked.get(parsed, frozenset()) | wanted
        tenant = settings.tenants.get(client.tenant)
        tenants.setdefault(client.tenant, (tenant.domain if tenant else "AUTH0_DOMAIN", []))[1].append(client)
    references = [reference for settings, client in chosen for reference in _references(settings, client)]
    in_vault, in_aws = _parsed(references)
    paths = [t.path for found, asked in vaults.values() if found.type == "vault" for t in asked]
    _all_used(known, [*paths, *(target.path for target in in_vault)])
    own = role is Role.OPERATOR  # only this role uses the credentials that the configuration refers to
    return (
        *(_of_vault(found, asked, role, known) for found, asked in vaults.values()),
        *([vault.credentials(in_vault, known)] if own and in_vault else ()),
        *([aws.credentials(in_aws)] if own and in_aws else ()),
        *(auth0.scopes(name, domain, clients, role) for name, (domain, clients) in tenants.items()),
    )


def _of_vault(found: VaultSettings, asked: Mapping[Any, frozenset[Deed]], role: Role, mounts: tuple[str, ...]) -> Block:
    """Return what a role needs in one vault.

    Raises:
        Usage: the policies of this type of vault are not known.
    """
    if isinstance(found.options, sinks.vault.Settings):
        return vault.policy(found.name, found.options, asked, role, mounts)
    if isinstance(found.options, sinks.aws.Settings):
        return aws.policy(found.name, found.options, asked, role)
    raise Usage(f"vaults.{found.name}.type: found {found.type}, whose policies are not known; expected vault or aws")


def _all_used(mounts: tuple[str, ...], paths: Iterable[str]) -> None:
    """Check that some path begins with each of the given mounts.

    Raises:
        Usage: no path begins with one of them.
    """
    used = {mount_of(path, mounts) for path in paths}
    if unused := [mount for mount in mounts if mount not in used]:
        raise Usage(
            *(f"--mount: found {mount}, expected what a path in Vault begins with" for mount in unused),
            hint=f"the paths are: {', '.join(dict.fromkeys(paths)) or 'none'}",
        )


def _parsed(references: Iterable[str]) -> tuple[list[sinks.vault.Target], list[sinks.aws.Target]]:
    """Return the references that name a place in Vault or AWS. The environment says which server that is."""
    stored = [split(reference) for reference in dict.fromkeys(references) if "://" in reference]
    return (
        [sinks.vault.parse(target) for scheme, target in stored if scheme == "vault"],
        [sinks.aws.parse(target, sinks.aws.Settings()) for scheme, target in stored if scheme == "aws"],
    )


def _references(settings: Settings, client: ClientSettings) -> Iterable[str]:
    """Yield the references that are resolved for a client.

    They must match what `bridge.auth0.api.connect` and the logins to the vaults resolve.
    """
    tenant = settings.tenants.get(client.tenant)
    if tenant and (reference := tenant.api_token or tenant.private_key or tenant.client_secret):
        yield reference
    for scheme in dict.fromkeys(split(uri)[0] for uri in client.sinks):
        for path in kind(settings.vaults[scheme].type).REFERENCES:
            value: Any = settings.vaults[scheme].options
            for part in path.split("."):
                value = getattr(value, part, None)
            if isinstance(value, str):
                yield value
