"""The selection of the clients that a command line names."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.options import (
    Config,
    Everyone,
    InOrder,
    Key,
    Limit,
    Matching,
    Name,
    Names,
    OfOwner,
    OfTenant,
    Sharded,
    Sinks,
)
from bridge.cli.output.console import say
from bridge.cli.picking import Order, Rule
from bridge.config.choose import choose
from bridge.fleet.rules import Due
from bridge.model.errors import Usage
from sinks import kinds

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings

LOG = logging.getLogger(__name__)
ELSEWHERE = (
    "go to the directory with that file, or name it: --config FILE (BRIDGE_CONFIG)",
    f"without one: name a client id and its sinks, --sink {kinds.addresses()}; secret-bridge init writes one",
)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The options by which every command with a NAME finds its clients."""

    sink: Sinks = None
    key: Key = None
    config: Config = None

    @property
    def named(self) -> list[str]:
        """The names that were given.

        Each subclass returns the texts of its own argument.
        """
        raise NotImplementedError

    @property
    def empty(self) -> bool:
        """Whether neither a client nor a sink is named. Commands that only look are about all clients then."""
        return not self.named and not self.sink

    @property
    def filters(self) -> str:
        """The options that name clients by what they have in common, as they were typed. Empty without any."""
        return ""

    def fits(self, client: ClientSettings) -> bool:  # noqa: ARG002  # of subclasses that are filtered
        """Return whether a client is one of those that are meant."""
        return True

    def share(self, clients: Iterable[ClientSettings], tenants: Iterable[str]) -> frozenset[str]:  # noqa: ARG002
        """Return which of the tenants are in the share that is meant, if `clients` are all of the configuration."""
        return frozenset(tenants)


@dataclass(frozen=True, kw_only=True)
class OneClient(Selection):
    """The selection of a command that takes one NAME.

    Such commands act on one client's own value, so there is no --all.
    """

    name: Name

    @property
    def named(self) -> list[str]:
        """The name that was given."""
        return [self.name]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The options that name clients of the configuration by what they have in common. Without any, all are meant."""

    tenant: OfTenant = None
    owner: OfOwner = None
    match: Matching = None
    shard: Sharded = ""

    @property
    def filters(self) -> str:
        """The options that name clients by tenant, owner or name, as they were typed. Empty without any."""
        shard = [self.shard] if self.shard else None
        given = (("--tenant", self.tenant), ("--owner", self.owner), ("--match", self.match), ("--shard", shard))
        return shlex.join(word for option, texts in given for text in texts or () for word in (option, text))

    def fits(self, client: ClientSettings) -> bool:
        """Return whether a client is one of those that are meant."""
        return (
            (not self.tenant or client.tenant in self.tenant)
            and (not self.owner or client.owner in self.owner)
            and (not self.match or any(fnmatchcase(client.name, each) for each in self.match))
        )

    def share(self, clients: Iterable[ClientSettings], tenants: Iterable[str]) -> frozenset[str]:
        """Return which of the tenants are in the share that is meant, if `clients` are all of the configuration.

        Raises:
            Usage: --shard is no share.
        """
        from bridge.fleet.shard import Shard

        # Of the whole configuration, so that each machine finds the same shares whatever else it picks.
        return Shard.parse(self.shard).tenants(clients) if self.shard else frozenset(tenants)


@dataclass(frozen=True, kw_only=True)
class Clients(Filters, Selection):
    """The selection of a command that takes any number of NAMEs."""

    names: Names = None

    @property
    def named(self) -> list[str]:
        """The names that were given."""
        return self.names or []


@dataclass(frozen=True, kw_only=True)
class ClientsOrAll(Clients):
    """The selection of a command that takes any number of NAMEs, or --all.

    Commands that change something need one of both, so that forgetting a name does not change every client.
    """

    everyone: Everyone = False


@dataclass(frozen=True, kw_only=True)
class ClientsToChange(ClientsOrAll):
    """The selection of a command that changes many clients, in some order, and perhaps not all of them."""

    limit: Limit = None
    order: InOrder = Order.ANY

    def rule(self, due: Due | None = None, not_since: datetime | None = None, *, leaked: bool = False) -> Rule:
        """Return the rule by which clients are picked, from these options and a command's own."""
        return Rule(due=due, not_since=not_since, leaked=leaked, order=self.order, limit=self.limit)


def settings_of(config: Path | None, environ: Mapping[str, str] = os.environ) -> Settings | None:
    """Return the settings of the configuration file, or None if there is no file.

    Raises:
        Usage: the file has faults, with all of them at once.
    """
    from bridge.config.load import VARIABLE, find, load

    path = find(config, environ)
    if path is None:
        return None
    # A wrong file could redirect credentials, and this is where nobody has typed or seen which one it is.
    if config is None and environ.get(VARIABLE):
        say(f"configuration: {path} ({VARIABLE})", err=True)
    LOG.debug("configuration: %s", path)
    return load(path, environ)


def chosen(
    selection: Selection, *, everyone: bool = False, tenant: bool = True, environ: Mapping[str, str] = os.environ
) -> list[tuple[Settings, ClientSettings]]:
    """Return the clients that are selected, or all clients of the file with `everyone`.

    `tenant` is False if the command does not need Auth0. A client that is named twice is returned once.

    Raises:
        Usage: a name fits no client, no name was given, or `everyone` was combined with names or lacks a file.
    """
    # The file counts also where a sink is named by --sink: its audit record must not be escaped in this way.
    settings = settings_of(selection.config, environ)
    if selection.filters and (selection.named or selection.sink):
        raise Usage("found --tenant, --owner, --match or --shard beside a NAME or --sink, expected one of both")
    everyone = everyone or bool(selection.filters)
    if everyone and selection.named:
        raise Usage("found NAMEs and --all, expected one of them")
    if not selection.named and not everyone:
        raise Usage("no client is named", hint="name one, or --all of the configuration file")
    if everyone:
        if settings is None:
            raise Usage(f"all clients are meant, and {_no_file()}", hint=ELSEWHERE)
        found = [(settings, client) for client in settings.clients.values() if selection.fits(client)]
        if not found and selection.filters:
            raise Usage(f"{settings.path} has no client with {selection.filters}", hint=_what_there_is(settings))
        # A share may be empty: there may be fewer tenants than machines.
        share = selection.share(settings.clients.values(), settings.tenants)
        return [pair for pair in found if pair[1].tenant in share]
    if settings is None and not selection.sink:
        raise Usage(f"no client '{selection.named[0]}': {_no_file()}, and no sink is named", hint=ELSEWHERE)
    return [
        choose(name, settings, environ, sinks=tuple(selection.sink or ()), key=selection.key, tenant=tenant)
        # A second rotation in one command would end the fallback that readers still use.
        for name in dict.fromkeys(selection.named)
    ]


def _what_there_is(settings: Settings) -> str:
    tenants = sorted({client.tenant for client in settings.clients.values()})
    owners = sorted({client.owner for client in settings.clients.values() if client.owner})
    return f"its tenants are {', '.join(tenants)}" + (f"; its owners are {', '.join(owners)}" if owners else "")


def _no_file() -> str:
    from bridge.config.load import FILE_NAME

    return f"there is no {FILE_NAME} in {Path.cwd()}"
