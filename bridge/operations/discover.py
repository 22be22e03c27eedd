"""Asks tenants for their applications, and decides by the rules of the configuration what becomes of them.

Nothing is changed at Auth0 or in a vault. The scope `read:clients` is enough.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bridge.auth0 import applications
from bridge.auth0.api import connect
from bridge.auth0.client import Client
from bridge.auth0.pace import Pacing
from bridge.config import discovered
from bridge.config.load import build, content, parsed, read
from bridge.config.references import resolve
from bridge.config.settings import Settings
from bridge.model.errors import Usage
from bridge.planning.discovery import Known, Listing, Places, Table
from sinks import kinds, split
from sinks.clock import SystemClock

TABLE = '[discover] with file = "clients.toml"'
RULE = '[[rules]] with tenant = "NAME", match = ["web-*"] and sinks = ["VAULT://PATH/{name}"]'


@dataclass(frozen=True)
class Configured:
    """The configuration without the discovered clients, and these as their file has them, valid or not."""

    settings: Settings
    data: Mapping[str, Any]
    """The configuration's data as TOML has it."""
    path: Path
    known: Known = field(default_factory=Known)
    before: bytes | None = None
    """The content of the file of discovered clients, or None if there is none."""

    def check(self, clients: Mapping[str, Table]) -> None:
        """Check that the configuration has no fault together with these discovered clients.

        Raises:
            Usage: it has, with all of them at once.
        """
        name = self.settings.discovered.name if self.settings.discovered else ""
        data, faults = discovered.merged(self.data, {each: dict(table) for each, table in clients.items()}, name)
        build(data, self.path, os.environ, faults)

    def write(self, clients: Mapping[str, Table]) -> bool:
        """Write the file of discovered clients, and return whether it was another one.

        Raises:
            Usage: the configuration names no such file.
            Failed: it cannot be written.
        """
        beside = self.settings.discovered
        if beside is None:
            raise unnamed(self.path)
        if self.before is not None and clients == self.known.written:
            return False
        text = discovered.text(clients, self.path.name)
        discovered.write(beside, text, self.before, self.path.stat().st_mode & 0o777)
        return True


def unnamed(path: Path) -> Usage:
    """Return the error for a configuration that names no file of discovered clients."""
    return Usage(f"{path} does not say where discovered clients are written", hint=f"add {TABLE}")


def configured(path: Path) -> Configured:
    """Read the configuration and the discovered clients.

    Faults of the discovered clients are none here: writing them again may be what mends them.

    Raises:
        Usage: the configuration has faults or no rule, or one of the files cannot be read.
    """
    data = read(path)
    settings = build(data, path, os.environ)
    if not settings.rules:
        raise Usage(f"{path} has no rules, by which applications are picked", hint=f"add {RULE}")
    explicit, beside = data.get("clients", {}), settings.discovered
    if beside is None:
        return Configured(settings, data, path, Known(explicit))
    discovered.check(path, beside)
    if not beside.exists():
        return Configured(settings, data, path, Known(explicit))
    before = content(beside)
    return Configured(settings, data, path, Known(explicit, discovered.tables(parsed(before, beside), beside)), before)


def asked(found: Configured, only: Sequence[str]) -> list[str]:
    """Return the names of the tenants to ask: those with rules or clients, in the order of the file.

    `only` are the names that were given, if there are any.

    Raises:
        Usage: one of them is no tenant.
    """
    tenants = found.settings.tenants
    if strange := [name for name in only if name not in tenants]:
        raise Usage(f"--tenant: found {strange[0]}, expected one of {', '.join(tenants)}")
    tables = (*found.known.explicit.values(), *found.known.written.values())
    concerned = {rule.tenant for rule in found.settings.rules} | {table.get("tenant") for table in tables}
    return [name for name in tenants if name in (only or concerned)]


def listing(found: Configured, tenant: str, pacing: Pacing | None = None) -> Listing:
    """Return all applications of a tenant.

    A managed client that is not among them is asked for by itself, so that none counts as gone because it was missed.

    Raises:
        BridgeError: the tenant cannot be asked, or it does not answer as Auth0 does.
    """
    auth0 = connect(
        found.settings.tenants[tenant], partial(resolve, environ=os.environ), SystemClock(), pacing=pacing or Pacing()
    )
    clients = [Client.from_api(entry, entry["client_id"]) for page in applications.pages(auth0) for entry in page]
    there = {client.client_id for client in clients}
    names = (*found.known.explicit_names, *found.known.written_names)
    missing = [client_id for of, client_id in dict.fromkeys(names) if of == tenant and client_id not in there]
    clients += [client for client_id in missing if (client := applications.one(auth0, client_id)) is not None]
    return Listing(tenant, tuple(clients), auth0.own_client_id)


def places(settings: Settings) -> Places:
    """Return what tells which places in a vault a sink's address occupies: its own, and that of its lock.

    An application may be named so that its sink would be another one's lock, such as `billing/pending`.
    """

    def occupied(uri: str) -> tuple[Hashable, ...]:
        scheme, target = split(uri)
        vault = settings.vaults.get(scheme)
        if vault is None:
            return (uri,)
        kind = kinds.kind(vault.type)
        address = kind.parse(target, vault.options)
        found: tuple[Hashable, ...] = (kind.identity(address, vault.options),)
        suffix = getattr(vault.options, "pending_suffix", None)  # of kinds whose lock is a document of its own
        if suffix is None:
            return found
        lock = kind.parse(f"{address.canonical}{suffix}", vault.options)
        return (*found, kind.identity(lock, vault.options))

    return occupied
