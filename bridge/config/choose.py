"""Which client is meant by a NAME on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bridge.config.environment import from_environment
from bridge.config.settings import ClientSettings, Settings
from bridge.model.errors import Usage


def choose(
    name: str,
    settings: Settings | None,
    environ: Mapping[str, str],
    *,
    sinks: tuple[str, ...] = (),
    key: str | None = None,
    tenant: bool = True,
) -> tuple[Settings, ClientSettings]:
    """Find a client: by its name in the file, by its client id in the file, else in the environment with `sinks`.

    Returns it with the settings that it belongs to. Without `tenant` nothing of Auth0 has to be set.

    Raises:
        Usage: nothing fits, more than one does, or `sinks` contradict the file.
    """
    found = _in_file(name, settings) if settings else None
    if settings is None or found is None:
        if settings is not None and not sinks:
            known = ", ".join(sorted(settings.clients)) or "none"
            raise Usage(
                f"no client '{name}' in {settings.path}: there are {known}",
                hint="or name a client id with its places: --sink vault://MOUNT/PATH",
            )
        typed = from_environment(name, sinks, environ, key=key, tenant=tenant)
        if settings is not None:  # nobody escapes the record, or notice, by naming places
            typed = replace(typed, audit=settings.audit or typed.audit, notify=settings.notify)
        return typed, typed.clients[name]
    if sinks or key:
        raise Usage(f"'{name}' is {found.name} in {settings.path}, with its places: leave --sink and --key out")
    return settings, found


def _in_file(name: str, settings: Settings) -> ClientSettings | None:
    if name in settings.clients:
        return settings.clients[name]
    found = [client for client in settings.clients.values() if client.client_id == name]
    if len(found) > 1:
        names = ", ".join(sorted(client.name for client in found))
        raise Usage(f"the client id {name} stands for several clients: {names}", hint="name one of them")
    return found[0] if found else None
