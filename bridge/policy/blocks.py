"""Derives policies from a configuration: one for each vault and one for each tenant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bridge.config.settings import ClientSettings, Settings, VaultSettings
from bridge.config.stored import Stored
from bridge.model.errors import Usage
from bridge.planning.role_rights import deeds
from bridge.policy import auth0
from sinks import kinds, split
from sinks.errors import BadAddress
from sinks.rights import Block, Deed, Role

Chosen = tuple[Settings, ClientSettings]
"""A client, with the configuration that it comes from."""


def blocks(chosen: Sequence[Chosen], role: Role, mounts: Iterable[str] = ()) -> tuple[Block, ...]:
    """Return what a role needs for clients, vault by vault, then tenant by tenant.

    `mounts` are the mounts that the user named.

    Raises:
        Usage: no policy can be written for a path, or no sink is in one of the mounts.
    """
    # A mount may have slashes in its name, and without a request to the vault nothing shows where it ends.
    known = tuple(mount.strip("/") for mount in mounts)
    vaults: dict[str, tuple[VaultSettings, dict[Any, frozenset[Deed]]]] = {}
    tenants: dict[str, tuple[str, list[ClientSettings]]] = {}
    for settings, client in chosen:
        for uri in client.sinks:
            scheme, target = split(uri)
            found = settings.vaults[scheme]
            _, asked = vaults.setdefault(scheme, (found, {}))
            parsed = kinds.kind(found.type).parse(target, found.options)
            asked[parsed] = asked.get(parsed, frozenset()) | deeds(role, sibling_keys=client.sibling_keys)
        # Sinks can be named without a tenant (`--sink`). The policy is printed all
        # the same, with a placeholder for the domain.
        tenant = settings.tenants.get(client.tenant)
        tenants.setdefault(client.tenant, (tenant.domain if tenant else "AUTH0_DOMAIN", []))[1].append(client)
    references = {
        reference: reference.vault if isinstance(reference, Stored) else None
        for settings, client in chosen
        for reference in _references(settings, client)
    }
    try:
        stored = [
            kinds.kind(vault.type).policy_for(vault.name, vault.options, asked, role, known)
            for vault, asked in vaults.values()
        ]
        # Only the operator uses the credentials that the configuration refers to.
        stored += _for_references(references, known) if role is Role.OPERATOR else ()
    except BadAddress as error:
        raise Usage(error.message, hint=error.hint) from None
    _all_used(known, stored)
    return (*stored, *(auth0.scopes(name, domain, clients, role) for name, (domain, clients) in tenants.items()))


def _for_references(references: Mapping[str, VaultSettings | None], mounts: tuple[str, ...]) -> Iterator[Block]:
    """Yield what reading references needs, for each vault that they name.

    It is one of the file, or the environment says which one it is. They are credentials of the bridge itself. A policy
    without them would let the bridge's first login fail.
    """
    asked: dict[str, tuple[VaultSettings | None, list[str]]] = {}
    for reference, vault in references.items():
        if "://" in reference:
            scheme, target = split(reference)
            asked.setdefault(scheme, (vault, []))[1].append(target)
    for scheme in sorted(asked):
        vault, targets = asked[scheme]
        kind, options = kinds.kind(vault.type if vault else scheme), vault.options if vault else None
        block = kind.policy_for_references(tuple(kind.parse(target, options) for target in targets), mounts)
        told = f"{scheme}: the bridge's own credentials, to which the configuration refers"
        yield replace(block, name=scheme, comments=(told, *block.comments[1:])) if vault else block


def _all_used(mounts: tuple[str, ...], found: Iterable[Block]) -> None:
    """Check that some path is in each of the given mounts.

    Raises:
        Usage: no path is in one of them.
    """
    # A mistyped mount would otherwise be ignored silently, and the printed
    # policy would be for a path that does not exist.
    used = tuple(dict.fromkeys(mount for block in found for mount in block.mounts))
    if unused := [mount for mount in mounts if mount not in used]:
        raise Usage(
            *(f"--mount: found {mount}, expected what a path in a vault begins with" for mount in unused),
            hint=f"the mounts are: {', '.join(used) or 'none'}",
        )


def _references(settings: Settings, client: ClientSettings) -> Iterable[str]:
    """Yield the references that are resolved for a client.

    They must match what `bridge.auth0.api.connect` and the logins to the vaults resolve.
    """
    tenant = settings.tenants.get(client.tenant)
    if tenant and (reference := tenant.api_token or tenant.private_key or tenant.client_secret):
        yield reference
    for scheme in dict.fromkeys(split(uri)[0] for uri in client.sinks):
        for path in kinds.kind(settings.vaults[scheme].type).REFERENCES:
            value: Any = settings.vaults[scheme].options
            for part in path.split("."):
                value = getattr(value, part, None)
            if isinstance(value, str):
                yield value
