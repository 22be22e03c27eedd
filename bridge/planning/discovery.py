"""What the rules of a configuration make of the applications of its tenants. Pure.

`discover` shows it, and writes the tables of the clients that are new or changed. Nothing is managed because an
application exists: only what stands in the configuration is (ADR 38).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from bridge.auth0.client import Client, objections
from bridge.config.settings import Rule
from bridge.planning.naming import Unnameable, client_name, is_client_id, rendered, rendered_text
from sinks.errors import BadAddress

Table = Mapping[str, Any]
"""A `[clients.NAME]` table as TOML has it."""
Places = Callable[[str], Collection[Hashable]]
"""Returns what a sink's address occupies: equal for two addresses of one sink. Raises `BadAddress`."""


class State(StrEnum):
    """What becomes of an application, or of a client."""

    COLLISION = "collision"
    """It would share a sink with another client. Nothing is written until that is settled."""
    NEW = "new"
    """A rule picks it, and it is not managed."""
    CHANGED = "changed"
    """It was discovered before, and the rule says something else now."""
    GONE = "gone"
    """It is managed, and its tenant has no such application."""
    UNPICKED = "unpicked"
    """It was discovered before, and no rule would pick it now."""
    SKIPPED = "skipped"
    """A rule picks it, and it cannot become a client."""
    MANAGED = "managed"
    """It is managed, and nothing about it has changed."""
    IGNORED = "ignored"
    """No rule picks it."""


@dataclass(frozen=True)
class Listing:
    """The applications of one tenant. `own` is the client id that the bridge acts as there, if that is known."""

    tenant: str
    clients: tuple[Client, ...]
    own: str | None = None


@dataclass(frozen=True)
class Known:
    """The clients that are managed: by their names, those of the configuration and those that were discovered."""

    explicit: Mapping[str, Table] = field(default_factory=dict)
    written: Mapping[str, Table] = field(default_factory=dict)

    @cached_property
    def explicit_names(self) -> Mapping[tuple[str, str], str]:
        """The names of the configuration's own clients, by tenant and client id."""
        return {_identity(table): name for name, table in self.explicit.items()}

    @cached_property
    def written_names(self) -> Mapping[tuple[str, str], str]:
        """The names of the discovered clients, by tenant and client id."""
        return {_identity(table): name for name, table in self.written.items()}

    def without(self, leaving: Iterable[Finding]) -> Known:
        """Return the same without some of the discovered clients."""
        names = {self.written_names.get((one.tenant, one.client_id)) for one in leaving}
        return Known(self.explicit, {name: table for name, table in self.written.items() if name not in names})


@dataclass(frozen=True)
class Finding:
    """What becomes of one application, or of one client whose application is gone."""

    state: State
    tenant: str
    client_id: str
    application: str
    """Its name at Auth0, or an empty text if it is gone."""
    name: str | None = None
    """The name of its client, or None if it has none."""
    reason: str = ""
    """Why, for people. Empty where the state says everything."""
    rule: int | None = None
    """The number of the rule that picks it."""
    table: Table | None = None
    """The table that the rule gives it: only for `NEW`, `CHANGED` and `COLLISION`."""
    differs: tuple[str, ...] = ()
    """The keys of the table that are others now."""
    explicit: bool = False
    """Whether its table stands in the configuration itself, which `discover` never changes."""
    attention: bool = False
    """Whether somebody should look: it differs, or it is skipped for a reason that can be mended."""


def decide(
    listings: Sequence[Listing], rules: Sequence[Rule], known: Known, places: Places, *, prune: bool = False
) -> tuple[Finding, ...]:
    """Return what becomes of each application of the listed tenants, and of each client there.

    Clients of other tenants stay as they are, but their names and sinks are taken. With `prune`, those of clients that
    are gone or unpicked are free.
    """
    judged = [_judge(client, listing, rules, known) for listing in listings for client in listing.clients]
    judged += [one for listing in listings for one in _gone(listing, known)]
    left = known.without(one for one in judged if leaves(one, prune=prune))
    ids = {client.client_id for listing in listings for client in listing.clients}
    return tuple(_apart(_unique(judged, left, ids), left, places))


def leaves(found: Finding, *, prune: bool) -> bool:
    """Return whether a client's table is taken out of the file of discovered clients."""
    if found.state is State.MANAGED:
        return found.explicit  # it was moved to the configuration
    return prune and not found.explicit and found.state in (State.GONE, State.UNPICKED)


def written(findings: Iterable[Finding], known: Known, *, prune: bool) -> dict[str, Table]:
    """Return the tables of the file of discovered clients, as the findings want them. Others stay as they are."""
    found = tuple(findings)
    tables = dict(known.without(one for one in found if leaves(one, prune=prune)).written)
    wanted = (State.NEW, State.CHANGED)
    return tables | {one.name: one.table for one in found if one.state in wanted and one.name and one.table}


def _judge(client: Client, listing: Listing, rules: Sequence[Rule], known: Known) -> Finding:
    """Return what becomes of one application, as far as that does not depend on the others."""
    key = listing.tenant, client.client_id
    found = Finding(State.IGNORED, *key, client.name)
    if name := known.explicit_names.get(key):
        return replace(found, state=State.MANAGED, name=name, explicit=True)
    name = known.written_names.get(key)
    rule = next((rule for rule in rules if fits(rule, listing.tenant, client)), None)
    if rule is None:
        return replace(found, **_refused(name, "no rule picks it any more")) if name else found
    found = replace(found, rule=rule.number)
    against = objections(client, accept=rule.accept, own_client_id=listing.own, strategy=rule.strategy)
    if against:
        reasons = "; ".join(one.message.removeprefix(f"{client.name} ({client.client_id}) ") for one in against)
        return replace(found, **_refused(name, reasons))
    try:
        chosen = name or client_name(rule.name, client)
        table = _table(rule, chosen, client)
    except Unnameable as error:
        return replace(found, **_refused(name, str(error)) | {"attention": True})
    if name is None:
        return replace(found, state=State.NEW, name=chosen, table=table, attention=True)
    before = known.written[name]
    differs = tuple(key for key in {**before, **table} if before.get(key) != table.get(key))
    if not differs:
        return replace(found, state=State.MANAGED, name=name)
    return replace(found, state=State.CHANGED, name=name, table=table, differs=differs, attention=True)


def _refused(name: str | None, reason: str) -> dict[str, Any]:
    """Return what a finding says of an application that is not picked: it is skipped, or was managed until now."""
    if name is None:
        return {"state": State.SKIPPED, "reason": reason}
    return {"state": State.UNPICKED, "name": name, "reason": reason, "attention": True}


def fits(rule: Rule, tenant: str, client: Client) -> bool:
    """Return whether a rule picks an application."""
    return (
        rule.tenant == tenant
        and (not rule.match or any(fnmatchcase(client.name, glob) for glob in rule.match))
        and not any(fnmatchcase(text, glob) for glob in rule.exclude for text in (client.name, client.client_id))
        and all(key in client.metadata and fnmatchcase(client.metadata[key], glob)
                for key, glob in rule.metadata.items())
        and (not rule.app_type or client.app_type in rule.app_type)
    )  # fmt: skip


def _table(rule: Rule, name: str, client: Client) -> Table:
    if not is_client_id(client.client_id):
        raise Unnameable("its client id has characters that Auth0's own ids do not have")
    table: dict[str, Any] = {"tenant": rule.tenant, "client_id": client.client_id}
    table["sinks"] = [rendered(uri, name, client) for uri in rule.sinks]
    table |= rule.policy
    if isinstance(owner := rule.policy.get("owner"), str):
        table["owner"] = rendered_text(owner, name, client)
    if isinstance(after := rule.policy.get("after"), list):
        table["after"] = [rendered(word, name, client) for word in after]
    return table


def _gone(listing: Listing, known: Known) -> Iterable[Finding]:
    there = {client.client_id for client in listing.clients}
    for tables, explicit in ((known.explicit, True), (known.written, False)):
        for name, table in tables.items():
            tenant, client_id = _identity(table)
            if tenant == listing.tenant and client_id not in there:
                reason = "its tenant has no such application"
                yield Finding(State.GONE, tenant, client_id, "", name, reason, explicit=explicit, attention=True)


def _unique(judged: Sequence[Finding], known: Known, ids: Collection[str]) -> Iterable[Finding]:
    """Yield the findings, without those that are new and whose name could mean another client."""
    # A client's id is understood where a name is expected, so a name must not be one.
    ids = {*ids, *(client_id for _, client_id in (*known.explicit_names, *known.written_names))}
    foreign = {client_id.casefold(): client_id for client_id in ids}
    taken = {name.casefold(): name for name in (*known.explicit, *known.written)}
    several = Counter((one.name or "").casefold() for one in judged if one.state is State.NEW)
    for one in judged:
        name, why = (one.name or "").casefold(), ""
        if one.state is not State.NEW:
            yield one
            continue
        if name in taken:
            why = f"it would be clients.{one.name}, as another client is"
        elif foreign.get(name, one.client_id) != one.client_id:
            why = f"it would be clients.{one.name}, which is the client id of another application"
        elif several[name] > 1:
            why = f"it would be clients.{one.name}, as {several[name] - 1} more that a rule picks"
        yield replace(one, state=State.SKIPPED, reason=why, name=None, table=None) if why else one


def _apart(judged: Iterable[Finding], known: Known, places: Places) -> Iterable[Finding]:
    """Yield the findings, with a collision for each that would share a sink with another client."""
    found = [_addressed(one, places) for one in judged]
    renewed = {one.name for one in found if one.state is State.CHANGED}
    tables = {name: table for name, table in {**known.written, **known.explicit}.items() if name not in renewed}
    owners = defaultdict[Hashable, set[str]](set)
    for name, table in (*tables.items(), *((one.name or "", one.table) for one in found if one.table)):
        for place in _occupied(table, places):
            owners[place].add(name)
    for one in found:
        others = set[str]().union(*(owners[place] for place in _occupied(one.table or {}, places))) - {one.name}
        told = f"it would have a sink in common with {', '.join(f'clients.{each}' for each in sorted(others))}"
        yield replace(one, state=State.COLLISION, reason=told) if one.table and others else one


def _addressed(found: Finding, places: Places) -> Finding:
    """Return a finding, skipped if one of its sinks has no good address, or two of them are one sink."""
    sinks = found.table["sinks"] if found.table else ()
    why = ""
    try:
        occupied = [place for uri in sinks for place in places(uri)]
        if len(set(occupied)) < len(occupied):
            why = "two of its sinks would be the same one"
    except BadAddress as error:
        why = error.message
    if not why:
        return found
    name = found.name if found.state is State.CHANGED else None
    told = {"name": None, **_refused(name, why), "attention": True}
    return replace(found, table=None, differs=(), **told)


def _occupied(table: Table, places: Places) -> set[Hashable]:
    occupied: set[Hashable] = set()
    for uri in table.get("sinks", ()):
        try:
            occupied |= set(places(uri))
        except BadAddress:
            continue  # such a table is a fault of the configuration, which names it
    return occupied


def _identity(table: Table) -> tuple[str, str]:
    return str(table.get("tenant")), str(table.get("client_id"))
