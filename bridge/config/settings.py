"""The settings of the bridge, whether they came from a file or the environment.

They hold references to secrets, never secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal, get_args

from bridge.config.agent import AgentSettings
from bridge.config.fleet import FleetSettings
from bridge.config.stored import Logins
from bridge.config.watch import WatchSettings
from bridge.model.calendar import ALWAYS, Calendar
from bridge.model.tenant import TenantSettings

Strategy = Literal["staged", "auth0-generated"]
Evidence = Literal["advisory", "require"]
Consent = Literal["hs256", "self"]
OnDrift = Literal["notify", "sync"]
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
# Auth0's application types, but for `native` and `spa`, which have no secret.
AppType = Literal[
    "regular_web", "non_interactive", "resource_server", "express_configuration", "rms", "box", "cloudbees", "concur",
    "dropbox", "mscrm", "echosign", "egnyte", "newrelic", "office365", "salesforce", "sentry", "sharepoint", "slack",
    "springcm", "zendesk", "zoom", "sso_integration", "oag",
]  # fmt: skip
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
CONSENTS: tuple[Consent, ...] = get_args(Consent)
EVENTS: tuple[Event, ...] = get_args(Event)


PLACEHOLDER = re.compile(r"\{(name|application|client_id|metadata\.[A-Za-z0-9_-]+)\}")
"""What stands for an application's own words in a rule."""
PLACEHOLDERS = ("name", "application", "client_id", "metadata.KEY")
"""The placeholders, as they are shown to people."""


@dataclass(frozen=True)
class VaultSettings:
    """The settings of one vault.

    `name` is the scheme of its sinks, `type` is the kind of vault, and `options` are the settings of that kind.
    """

    name: str
    type: str
    options: object


LONGEST_EXCEPTION = timedelta(days=365)
"""The longest time from now to the end of an exception."""


@dataclass(frozen=True)
class Exemption:
    """An exception from the highest ages of a client's secret and fallback, for a limited time.

    `owner` is the person who answers for it, and `reason` says why. It counts to the end of its last day, `until`, in
    UTC.
    """

    owner: str
    reason: str
    until: date

    @property
    def end(self) -> datetime:
        """Return the first moment after the exception."""
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1)

    def counts(self, now: datetime) -> bool:
        """Return whether the exception has not ended yet."""
        return now < self.end


@dataclass(frozen=True)
class ClientSettings:
    """The settings of one client (an Auth0 application) and its sinks."""

    name: str
    """The client's name in the file, or its client id if there is no file."""
    client_id: str
    """The application whose secret is rotated."""
    tenant: str
    """The name of its tenant in `Settings.tenants`."""
    sinks: tuple[str, ...]
    """Its sinks as URIs, each with its `#key` if one was given."""
    key: str | None = None
    """The secret's key in each document that does not name one in its URI."""
    owner: str | None = None
    """The contact for the client, shown in `--json` and in reports."""
    strategy: str = "staged"
    """One of `STRATEGIES`. With `staged`, the new value is in the vaults before Auth0 knows it."""
    max_age: timedelta = timedelta(days=90)
    """A secret that is older is due."""
    jitter: timedelta = timedelta(0)
    """The longest time by which a secret is due earlier than its `max_age`. Each client has its own share of it."""
    min_interval: timedelta = timedelta(minutes=5)
    """A value that was promoted more lately is not rotated again without --again."""
    fallback_min_age: timedelta = timedelta(hours=24)
    """A fallback that is younger is not retired."""
    fallback_max_age: timedelta = timedelta(days=14)
    """A fallback that is older is overdue."""
    consumer_refresh: timedelta = timedelta(0)
    """The wait between storing the pending value and setting it at Auth0, for readers that cache the candidates."""
    sibling_keys: bool | None = None
    """Whether the latest document holds all candidates. None leaves documents as they are."""
    accept: frozenset[str] = frozenset()
    """The `CONSENTS` that were given, to what the bridge would refuse otherwise."""
    after: tuple[str, ...] = ()
    """The command to run when readers have to get another value, as words without a shell. Empty if there is none."""
    evidence: str = "advisory"
    """One of `EVIDENCE`. With `require`, a retirement also counts what the tenant's logs cannot show."""
    on_drift: OnDrift = "notify"
    """What `watch` does when the secret was changed outside the bridge: tell it, or publish the new value."""
    exception: Exemption | None = None
    """The exception from the ages, if there is one."""
    calendar: Calendar = ALWAYS
    """When `--due` may begin something for the client."""


@dataclass(frozen=True)
class Rule:
    """A rule of the file: which applications `discover` takes for clients, and the settings that they get."""

    number: int
    """Its place in the file, counted from 1. The first rule that fits an application counts."""
    tenant: str
    """The name of the tenant whose applications it is about."""
    sinks: tuple[str, ...]
    """The sinks that each client gets, with placeholders such as `{name}`."""
    name: str = "{application}"
    """The name that each client gets, with placeholders."""
    match: tuple[str, ...] = ()
    """Globs, one of which the application's name must fit. Empty if any name fits."""
    exclude: tuple[str, ...] = ()
    """Globs of applications' names, and client ids, that the rule leaves out."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The `client_metadata` that an application must have: a glob for the value of each key."""
    app_type: tuple[str, ...] = ()
    """Auth0's application types that fit. Empty if any does."""
    policy: Mapping[str, object] = field(default_factory=dict)
    """The other keys of a client's table, as the file has them. `owner` and `after` may have placeholders."""
    accept: frozenset[str] = frozenset()
    """The `CONSENTS` of its clients, with those of `[defaults]`."""
    strategy: str = "staged"
    """The strategy of its clients."""


@dataclass(frozen=True)
class AuditSettings:
    """The settings of the audit record.

    `to` is `file:/PATH`, `syslog` or `stderr`. `key` is a reference to the chain's key, which only a file has.
    """

    to: str
    key: str | None = None


@dataclass(frozen=True)
class NotifySettings:
    """One destination of notifications.

    `url` is a reference to the destination's URL in apprise's form, which may hold credentials. `on` lists the events
    that are sent there.
    """

    url: str
    on: tuple[str, ...] = EVENTS


@dataclass(frozen=True)
class Settings:
    """The whole configuration."""

    tenants: Mapping[str, TenantSettings] = field(default_factory=dict)
    """The tenants by name. Empty for a command that does not need Auth0, if there is no file."""
    vaults: Mapping[str, VaultSettings] = field(default_factory=dict)
    """The vaults by name, which is the scheme of their sinks."""
    clients: Mapping[str, ClientSettings] = field(default_factory=dict)
    """The clients by name."""
    path: Path | None = None
    """The file that the settings came from. None if they came from the environment."""
    audit: AuditSettings | None = None
    """The settings of the audit record. None if nothing is recorded."""
    notify: tuple[NotifySettings, ...] = ()
    """The destinations of notifications."""
    rules: tuple[Rule, ...] = ()
    """The rules by which `discover` finds clients, in the order of the file. No other command uses them."""
    agent: AgentSettings | None = None
    """The settings of the agent. None if the file has no `[agent]`."""
    watch: WatchSettings | None = None
    """Where log streams arrive. None if the file has no `[watch]`."""
    fleet: FleetSettings | None = None
    """The settings of many machines. None if the file has no `[fleet]`."""
    discovered: Path | None = None
    """The file in which `discover` writes the clients that it found. None if the configuration names none."""
    logins: Logins = field(default_factory=Logins, compare=False, repr=False)
    """What references into the file's vaults use together."""


def with_key(uri: str, key: str | None) -> str:
    """Return a sink's URI with the key in it.

    A URI that says itself which value it means (`#KEY`, `?bare`) is returned as it is.
    """
    # The URI is the more specific of the two, and two keys would make it ambiguous.
    return uri if key is None or "#" in uri or "?" in uri else f"{uri}#{key}"
