"""The selection of the clients that a command line names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.output.console import say
from bridge.config.choose import choose
from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings


@dataclass(frozen=True)
class Typed:
    """The options by which every command with a NAME selects its clients.

    `tenant` is False if the command does not need Auth0.
    """

    sinks: tuple[str, ...] = ()
    key: str | None = None
    config: Path | None = None
    tenant: bool = True
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def settings_of(typed: Typed) -> Settings | None:
    """Return the settings of the configuration file, or None if there is no file.

    Raises:
        Usage: the file has faults, with all of them at once.
    """
    from bridge.config.load import find, load

    path = find(typed.config, typed.environ)
    if path is None:
        return None
    say(f"configuration: {path}", err=True)  # visible, because a wrong file could redirect credentials
    return load(path, typed.environ)


def chosen(names: list[str], typed: Typed, *, everyone: bool = False) -> list[tuple[Settings, ClientSettings]]:
    """Return the clients that `names` mean, or all clients of the file with `everyone`.

    A client that is named twice is returned once.

    Raises:
        Usage: a name fits no client, no name was given, or `everyone` was combined with names or lacks a file.
    """
    settings = settings_of(typed)
    if everyone and names:
        raise Usage("found NAMEs and --all, expected one of them")
    if not names and not everyone:
        raise Usage("no client is named", hint="name one, or --all of the configuration file")
    if everyone:
        if settings is None:
            raise Usage("--all needs a configuration file", hint="write one: secret-bridge init")
        return [(settings, client) for client in settings.clients.values()]
    return [
        choose(name, settings, typed.environ, sinks=typed.sinks, key=typed.key, tenant=typed.tenant)
        for name in dict.fromkeys(names)
    ]
