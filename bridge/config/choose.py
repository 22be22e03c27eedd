"""The choice of the client that a NAME on the command line means.

A name that fits nothing is never taken for a client id unless sinks are named beside it, because a typing mistake would
otherwise leave the file's settings behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from bridge.config.environment import from_environment
from bridge.config.settings import ClientSettings, Settings
from bridge.model.errors import Usage
from sinks import kinds

LISTED = 20
"""How many clients of a file a message names."""


def choose(
    name: str,
    settings: Settings | None,
    environ: Mapping[str, str],
    *,
    sinks: tuple[str, ...] = (),
    key: str | None = None,
    tenant: bool = True,
) -> tuple[Settings, ClientSettings]:
    """Return the client that `name` means, with the settings that it belongs to.

    `name` is a client's name in the file, or its client id there. Otherwise it is a client id, with the sinks `sinks`
    and the settings of the environment. `settings` is None if there is no file. If `tenant` is False, the command does
    not need Auth0, and the environment need not describe a tenant.

    Raises:
        Usage: no client fits, several do, or `sinks` or `key` were given for a client of the file.
    """
    found = _in_file(name, settings) if settings else None
    if settings is None or found is None:
        if settings is not None and not sinks:
            raise Usage(
                f"no client '{name}' in {settings.path}{_meant(name, settings)}",
                hint=f"or name a client id with its sinks: --sink {kinds.addresses()}",
            )
        typed = from_environment(name, sinks, environ, key=key, tenant=tenant)
        if settings is not None:  # the file's record and notifications count too, so that --sink does not evade them
            typed = replace(typed, audit=settings.audit or typed.audit, notify=settings.notify)
        return typed, typed.clients[name]
    # A second list of sinks for one client would also lock and change Auth0 (ADR 13).
    if sinks or key:
        raise Usage(f"'{name}' is {found.name} in {settings.path}, with its sinks: leave --sink and --key out")
    return settings, found


def _meant(name: str, settings: Settings) -> str:
    """Return what follows on a name that is nowhere: those that are like it, else those that there are."""
    near = " or ".join(f"'{each}'" for each in get_close_matches(name, settings.clients))
    if near:
        return f"; did you mean {near}?"
    known = sorted(settings.clients)
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f"; its clients are {', '.join(known[:LISTED])}{more}" if known else ", which names no client"


def _in_file(name: str, settings: Settings) -> ClientSettings | None:
    if name in settings.clients:
        return settings.clients[name]
    found = [client for client in settings.clients.values() if client.client_id == name]
    # An id may stand for clients of several tenants, and a guess could change the wrong one.
    if len(found) > 1:
        names = ", ".join(sorted(client.name for client in found))
        raise Usage(f"the client id {name} stands for several clients: {names}", hint="name one of them")
    return found[0] if found else None
