"""Turns what was read of each client into the rows of a report, the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.config.settings import ClientSettings, Settings
from bridge.model.client_ref import ClientRef
from bridge.planning.status import Kind, Status, judge
from sinks import kinds
from sinks.port import SinkState

KINDS = tuple(Kind)
"""The states of a client, in order of their urgency."""


@dataclass(frozen=True)
class Unread:
    """A sink that could not be read, and why.

    `why` is in our own words and holds no secret value.
    """

    uri: str
    why: str


@dataclass(frozen=True)
class Looked:
    """What was read of one client, and which sinks could not be read.

    Every sink of the client is in `sinks` or in `unread`.
    """

    client: ClientSettings
    client_ref: ClientRef
    sinks: tuple[SinkState, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Row:
    """One client in the report.

    `ask` is the command that asks for evidence. `evidence` says who still uses the open fallback, one line per finding.
    It is None if that was not asked.
    """

    client: ClientSettings
    status: Status
    ask: str
    unread: tuple[Unread, ...] = ()
    evidence: tuple[str, ...] | None = None

    @property
    def due_at(self) -> datetime | None:
        """When the current value is due, or None if its age is not known."""
        # From when the value became current, and not from when its version was created: a
        # rollback publishes an old value.
        return self.status.due_at

    @property
    def fallback_since(self) -> datetime | None:
        """Since when there is an open fallback, by the latest date of its sinks."""
        # The latest date, because a fallback may be retired only after every sink has had it for long enough.
        return max((each.since for each in self.status.fallbacks), default=None)

    @property
    def fallback_age(self) -> timedelta | None:
        """How long there has been an open fallback, or None if there is none."""
        return self.status.at - self.fallback_since if self.fallback_since else None

    @property
    def excepted(self) -> bool:
        """Whether an exception is in force.

        An exception whose last day has passed is not. The report still shows it.
        """
        granted = self.status.exception
        return granted is not None and granted.counts(self.status.at)


@dataclass(frozen=True)
class Source:
    """A vault that was asked.

    `name` is its name in the configuration, and `where` its address or region. `sinks` counts the sinks of the
    clients in it, and `unread` those that could not be read.
    """

    name: str
    kind: str
    where: str
    sinks: int
    unread: int


@dataclass(frozen=True)
class Report:
    """All rows of a report, and where they come from.

    It is made once and then written in one of the formats, so all formats agree.
    """

    at: datetime
    """When the report was made."""
    version: str
    """The version of secret-bridge that made it."""
    actor: str
    """The user who made it."""
    file: str | None
    """The configuration file, or None if there is none."""
    rows: tuple[Row, ...]
    """One row for each client, the most urgent first."""
    sources: tuple[Source, ...]
    """The vaults that were asked."""

    @property
    def attention(self) -> int:
        """The number of clients that need attention.

        A client under an exception that is in force does not.
        """
        return sum(row.status.attention for row in self.rows)

    @property
    def unread(self) -> int:
        """The number of clients with a sink that could not be read."""
        return sum(bool(row.unread) for row in self.rows)

    def counts(self) -> dict[Kind, int]:
        """Return the number of clients in each state, the most urgent first. It includes states without clients.

        A monitor can then tell "none" from "no longer reported".
        """
        return {kind: sum(row.status.kind is kind for row in self.rows) for kind in KINDS}


def rows(looked: Iterable[Looked], now: datetime, evidence: Mapping[str, Sequence[str]]) -> tuple[Row, ...]:
    """Judge each client, and return the rows in order of urgency.

    `now` is used for a client of which no vault answered with its own time. `evidence` maps the name of a client to its
    lines.
    """
    found = []
    for each in looked:
        known = evidence.get(each.client.name)
        status = _status(each, now)
        open_one = tuple(known) if known is not None and status.fallbacks else None
        found.append(Row(each.client, status, each.client_ref.command("evidence"), each.unread, open_one))
    return tuple(sorted(found, key=_urgency))


def sources(chosen: Iterable[tuple[Settings, Looked]]) -> tuple[Source, ...]:
    """Return the vaults that were asked, in order of their names.

    A sink of two clients is counted for each of them.
    """
    found: dict[str, Source] = {}
    for settings, looked in chosen:
        # The error names the sink without the key, by which several clients may share a document.
        broken = {each.uri.partition("#")[0] for each in looked.unread}
        for uri in looked.client.sinks:
            name = uri.partition("://")[0]
            vault = settings.vaults[name]
            seen = found.get(name) or Source(
                name, vault.type, kinds.kind(vault.type).location(vault.options) or "-", 0, 0
            )
            unread = seen.unread + (uri.partition("#")[0] in broken)
            found[name] = replace(seen, sinks=seen.sinks + 1, unread=unread)
    return tuple(found[name] for name in sorted(found))


def _status(looked: Looked, now: datetime) -> Status:
    """Judge what was read of a client.

    Sinks that could not be read come first in the status, unless an interrupted operation was seen, which is more
    urgent.
    """
    client = looked.client
    if looked.sinks:
        seen = judge(client, looked.client_ref, looked.sinks)
        if not looked.unread or seen.kind is Kind.INTERRUPTED:
            return seen
    else:
        # Without a single sink there is no vault's clock, so this machine's has to do.
        bare = Status(client.name, client.client_id, client.owner, (), now, Kind.NOT_READ, "")
        seen = replace(bare, exception=client.exception)
    told = "; ".join(f"{each.uri}: {each.why}" for each in looked.unread)
    command = looked.client_ref.command("status")
    return replace(seen, kind=Kind.NOT_READ, state=f"{Kind.NOT_READ.label}: {told}", attention=True, next=command)


def _urgency(row: Row) -> tuple[int, float, str]:
    # Among equal states the one that is overdue for longest comes first. The name makes the order stable, so
    # that two reports can be compared.
    over = max(
        (row.status.at - end for end in (row.due_at, row.status.retire_by) if end), default=timedelta.min
    ).total_seconds()
    return KINDS.index(row.status.kind), -over, row.client.name
