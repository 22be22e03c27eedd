"""The format of `bridge.toml`, as pydantic models.

The import of pydantic takes long, so this module is imported only when a file is used. The docstrings of the tables are
descriptions in the JSON schema.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridge.config.agent import Method
from bridge.config.calendar import BlackoutText, WindowText
from bridge.config.fields import (
    AuditTarget,
    ClientId,
    Database,
    Day,
    Domain,
    Duration,
    Every,
    FileName,
    Globs,
    LoopbackAddress,
    NameTemplate,
    PlainId,
    Reference,
    SinkTemplate,
    SinkUri,
    SocketMode,
    SocketPath,
    Template,
    Templates,
    Text,
    Words,
)
from bridge.config.settings import AppType, Consent, Event, Evidence, OnDrift, Strategy


def _may(description: str) -> Any:
    """Return the field of a key that may be left out, with its description."""
    return Field(default=None, description=description)


class Table(BaseModel):
    """A table whose keys are all known, and whose values are not converted."""

    # Strict, so that no value is guessed from another type. Errors hide their input, which may be a secret.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class TenantTable(Table):
    """An Auth0 tenant, and who the bridge is there: an api_token, or a client_id with client_secret or private_key."""

    domain: Domain = Field(description="The tenant's domain or URL; plain http:// for loopback only")
    client_id: ClientId | None = _may("The application that the bridge acts as; env: or file: too")
    client_secret: Reference | None = None
    api_token: Reference | None = None
    private_key: Reference | None = None
    audience: Text | None = _may("The Management API's identifier, where the domain is a custom one")
    propagation: Duration | None = _may("How long a change takes to spread (30s); shorter for loopback only")


class PolicyTable(Table):
    """What may stand in [defaults], and be said differently for each client."""

    strategy: Strategy | None = _may("staged: the new value is in the vaults before Auth0 knows it")
    max_age: Duration | None = _may("A secret older than this is due (90d)")
    jitter: Duration | None = _may("A secret is due earlier than max_age by its client's share of this (0s)")
    windows: list[WindowText] | None = _may("When --due may begin something (always)")
    blackouts: list[BlackoutText] | None = _may("When --due begins nothing (never)")
    min_interval: Duration | None = _may("A value that was promoted more lately is not rotated again (5m)")
    fallback_min_age: Duration | None = _may("A fallback younger than this is not retired (24h)")
    fallback_max_age: Duration | None = _may("A fallback older than this is overdue (14d)")
    consumer_refresh: Duration | None = _may("How long to wait between stage and set (0s)")
    sibling_keys: bool | None = _may("All candidates in the latest document, for readers that see no other (as it is)")
    accept: list[Consent] | None = _may("What is consented to, although the bridge would refuse it")
    evidence: Evidence | None = _may(
        "What a retirement makes of the tenant's logs: require counts what cannot be known"
    )
    on_drift: OnDrift | None = _may("What watch does about a secret that was changed outside the bridge (notify)")
    after: Words | None = _may("A command to run after a rotation: words, no shell, no secret")
    key: Text | None = _may("The secret's key in each document (client_secret)")
    owner: Text | None = _may("Whom to ask")


class ExceptionTable(Table):
    """An exception from max_age and fallback_max_age, for a while."""

    owner: Text = Field(description="Who answers for it")
    reason: Text = Field(description="Why")
    until: Day = Field(description="Its last day, in UTC; at most 365 days off")


class ClientTable(PolicyTable):
    """A client, and the sinks of its secret."""

    tenant: Text = Field(description="One of [tenants]")
    client_id: PlainId = Field(description="The application whose secret is rotated")
    sinks: list[SinkUri] = Field(min_length=1, description="The sinks, each with the name of one of [vaults] as scheme")
    exception: ExceptionTable | None = _may("What is overdue counts as excepted, until its last day")


class RuleTable(PolicyTable):
    """Which applications of a tenant `discover` takes for clients, and the settings that each of them gets."""

    tenant: Text = Field(description="One of [tenants]")
    match: Globs | None = _may("Globs: one of them fits the application's name")
    exclude: Globs | None = _may("Globs: none of them fits the application's name, nor its client id")
    metadata: dict[str, Text] | None = _may("Its client_metadata: for each of these keys, a glob for the value")
    app_type: list[AppType] | None = _may("Auth0's type of it is one of these")
    name: NameTemplate | None = _may("The client's name ({application}), where names of several tenants would meet")
    sinks: list[SinkTemplate] = Field(min_length=1, description="The sinks of each client, with placeholders")
    owner: Template | None = _may("Whom to ask; with placeholders")
    after: Templates | None = _may("A command to run after a rotation: words, with placeholders; no shell, no secret")


class DiscoverTable(Table):
    """Where `discover` writes what the rules found."""

    file: FileName = Field(description="A file beside this one, which is the bridge's own: its clients count as these")


class AuditTable(Table):
    """Where every attempt to change something is recorded."""

    to: AuditTarget
    key: Reference | None = None


class NotifyTable(Table):
    """One destination of messages."""

    url: Reference
    on: list[Event] | None = Field(default=None, min_length=1, description="The events that are sent there (all)")


class ListenTable(Table):
    """Where the agent listens: a Unix socket, or an address of this machine itself."""

    socket: SocketPath | None = _may("The path of a Unix socket; its directory must not be writable by others")
    address: LoopbackAddress | None = _may("A loopback address, whose clients all need a token")
    mode: SocketMode | None = _may("The socket's mode: who may connect (0660)")
    group: Text | None = _may("The socket's group (that of the agent)")
    users: list[Text] | None = Field(
        default=None,
        min_length=1,
        description="The users that may connect, by name or number (all that the mode lets in)",
    )
    clients: list[Text] | None = Field(default=None, min_length=1, description="The clients that are served here (all)")
    values: bool | None = _may("Whether GET /v1/secret/NAME hands out the values (false)")


class ServedTable(Table):
    """What is special about a client at the agent."""

    token: Reference | None = _may("What callers send as their client_secret (nothing is checked)")
    method: Method | None = _may("How the application authenticates at Auth0 (client_secret_post)")
    audiences: list[Text] | None = Field(default=None, min_length=1, description="Those that may be asked for (all)")


class AgentTable(Table):
    """The agent: a token endpoint on this machine for applications."""

    listen: list[ListenTable] = Field(min_length=1, description="Where it listens")
    clients: dict[str, ServedTable] | None = _may("What is special about a client, by its name in [clients]")
    max_age: Duration | None = _may("How long a value is used without asking the vault (5m)")
    max_stale: Duration | None = _may("How long a value is used while the vault cannot be read (24h)")


class WatchTable(Table):
    """Where the log streams of tenants arrive: secret-bridge watch."""

    address: LoopbackAddress = Field(description="A loopback address, behind your proxy with HTTPS")
    streams: dict[str, Reference] = Field(min_length=1, description="By tenant, the token that its log stream sends")


class FleetTable(Table):
    """Several machines: secret-bridge worker."""

    database: Database = Field(description="The engine's database: sqlite:PATH, or where the URL of a Postgres is")
    every: Every | None = _may("How often all clients are looked at (5m)")


class ConfigFile(Table):
    """The configuration of secret-bridge."""

    tenants: dict[str, TenantTable] = Field(default_factory=dict)
    vaults: dict[str, dict[str, Any]] = Field(default_factory=dict)
    defaults: PolicyTable = Field(default_factory=PolicyTable)
    clients: dict[str, ClientTable] = Field(default_factory=dict)
    rules: list[RuleTable] = Field(default_factory=list, description="Which applications become clients: discover")
    discover: DiscoverTable | None = _may("Where the clients stand that the rules found")
    audit: AuditTable | None = _may("The record of every attempt; without it nothing is recorded")
    notify: list[NotifyTable] = Field(default_factory=list, description="Whom to tell what became of it")
    agent: AgentTable | None = _may("The token endpoint for applications: secret-bridge agent")
    watch: WatchTable | None = _may("Where log streams arrive; without it watch reads the logs by itself")
    fleet: FleetTable | None = _may("Several machines on a durable engine: secret-bridge worker")
