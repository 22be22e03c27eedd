"""Settings, however they were given. They hold references to secrets, never secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, get_args

from bridge.model.tenant import TenantSettings

Strategy = Literal["staged", "auth0-generated"]
Evidence = Literal["advisory", "require"]
Consent = Literal["hs256", "self"]
Event = Literal[
    "incomplete",
    "failed",
    "attention",
    "overdue",
    "fallback-used",
    "refused",
    "due-to-be-retired",
    "rotated",
    "retired",
]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
CONSENTS: tuple[Consent, ...] = get_args(Consent)
EVENTS: tuple[Event, ...] = get_args(Event)


@dataclass(frozen=True)
class VaultSettings:
    """One vault: `name` is the scheme of its places, `type` the kind of store, `options` that kind's own settings."""

    name: str
    type: str
    options: object


LONGEST_EXCEPTION = timedelta(days=365)
"""How far off the end of an exception may be."""


@dataclass(frozen=True)
class Exemption:
    """An exception from the ages that a client's secret and fallback may have: who answers for it, why, and how long.

    It counts to the end of its last day, `until`, in UTC.
    """

    owner: str
    reason: str
    until: date

    @property
    def end(self) -> datetime:
        """Return the moment from which it counts no more."""
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1)

    def counts(self, now: datetime) -> bool:
        """Tell whether it has not ended yet."""
        return now < self.end


@dataclass(frozen=True)
class ClientSettings:
    """One client. `sinks` are its places as URIs, each with its `#key` where one was said.

    `companions`: None leaves documents as they are, with companions or without.
    """

    name: str
    client_id: str
    tenant: str
    sinks: tuple[str, ...]
    key: str | None = None
    owner: str | None = None
    strategy: str = "staged"
    max_age: timedelta = timedelta(days=90)
    fallback_min_age: timedelta = timedelta(hours=24)
    fallback_max_age: timedelta = timedelta(days=14)
    consumer_refresh: timedelta = timedelta(0)
    companions: bool | None = None
    accept: frozenset[str] = frozenset()
    after: tuple[str, ...] = ()
    evidence: str = "advisory"
    exception: Exemption | None = None


@dataclass(frozen=True)
class AuditSettings:
    """Where attempts are recorded: `file:/PATH`, `syslog` or `stderr`. `key` is a reference to the chain's key."""

    to: str
    key: str | None = None


@dataclass(frozen=True)
class NotifySettings:
    """One destination of messages: `url` is a reference to apprise's URL, `on` the events that are sent there."""

    url: str
    on: tuple[str, ...] = EVENTS


@dataclass(frozen=True)
class Settings:
    """Everything, by name. `path` is the file it came from; None: the environment. `audit`: None, it is off."""

    tenants: Mapping[str, TenantSettings] = field(default_factory=dict)
    vaults: Mapping[str, VaultSettings] = field(default_factory=dict)
    clients: Mapping[str, ClientSettings] = field(default_factory=dict)
    path: Path | None = None
    audit: AuditSettings | None = None
    notify: tuple[NotifySettings, ...] = ()


def with_key(uri: str, key: str | None) -> str:
    """Return a place's URI with the key in it, unless it says itself what it means (`#KEY`, `?bare`)."""
    return uri if key is None or "#" in uri or "?" in uri else f"{uri}#{key}"
