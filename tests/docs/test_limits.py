"""docs/reference/limits.md: each of its numbers is a constant of the code."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

import bridge.audit.chain
import bridge.audit.files
import bridge.audit.write
import bridge.auth0.applications
import bridge.auth0.http
import bridge.auth0.limits
import bridge.auth0.logs
import bridge.auth0.probe
import bridge.auth0.transport
import bridge.auth0.values
import bridge.config.discovered
import bridge.config.load
import bridge.consumer.client_credentials
import bridge.consumer.client_secret
import bridge.consumer.trying
import bridge.execution.after_hook
import bridge.notify.deliver
import bridge.notify.post
import bridge.planning.naming
import sinks.aws.access
import sinks.aws.connection
import sinks.aws.fitness
import sinks.aws.state
import sinks.files
import sinks.record
import sinks.vault.api
import sinks.vault.http
import sinks.vault.publish
from bridge.consumer import ClientSecret
from bridge.model.timing import Timing
from tests.docs.pages import DOCS, section, tables

PAGE = DOCS / "reference" / "limits.md"
LEASE = Timing().lease.total_seconds()


def seconds(span: float | timedelta) -> str:
    return f"{span.total_seconds() if isinstance(span, timedelta) else span:.0f} s"


def default(name: str) -> str:
    """Return a default of `ClientSecret`."""
    return seconds(inspect.signature(ClientSecret).parameters[name].default)


SIZES = {
    ("Vault", "a document"): f"{sinks.vault.api.SIZE_LIMIT} bytes; the server refuses 1 MiB",
    ("Vault", "versions that are kept, after adoption"): str(sinks.vault.publish.KEPT_VERSIONS),
    ("Vault", "an answer"): f"{sinks.vault.http.LARGEST} bytes",
    ("Auth0", "an answer"): f"{bridge.auth0.transport.LARGEST} bytes",
    ("files", "a reference"): f"{sinks.files.LARGEST} bytes",
    ("files", "the configuration, and discovered clients beside it"): f"{bridge.config.discovered.LARGEST} bytes",
    ("configuration", "faults that are told at once"): str(bridge.config.load.SHOWN),
    ("AWS", "a document"): f"{sinks.aws.state.SIZE_LIMIT} bytes",
    ("AWS", "tags of a secret, the bridge's included"): str(sinks.aws.fitness.TAG_LIMIT),
    ("all sinks", "one tag's value"): f"{sinks.record.TAG_LIMIT} characters",
    ("values", "a new value that you bring"): f"{bridge.auth0.values.SHORTEST} to {bridge.auth0.values.LONGEST} "
    "characters",
    ("Auth0", "log entries that `evidence` reads in one search"): str(bridge.auth0.logs.CAP),
    ("Auth0", "log entries that `evidence` reads in all"): str(bridge.auth0.logs.MOST),
    ("audit", "the key of the record, at least"): f"{bridge.audit.chain.LEAST_KEY} characters",
    ("discover", "a name, or a part of a path, that an application brings"): f"{bridge.planning.naming.LONGEST} "
    "characters",
    ("Auth0", "applications of one request"): str(bridge.auth0.applications.PAGE),
}
TIMES = {
    ("Auth0", "to connect"): seconds(bridge.auth0.http.CONNECT_SECONDS),
    ("Auth0", "to answer"): seconds(bridge.auth0.http.READ_SECONDS),
    ("Auth0", "a call, from connecting to the last byte"): seconds(bridge.auth0.http.TOTAL_SECONDS),
    ("Auth0", "attempts of a call that is safe to repeat, or that got a 429"): str(bridge.auth0.limits.ATTEMPTS),
    ("Auth0", "repeating one call, in all"): seconds(bridge.auth0.limits.BUDGET_SECONDS),
    ("Auth0", "attempts of a probe that got no answer"): str(bridge.auth0.probe.ATTEMPTS),
    ("Auth0", "one attempt of a probe, to connect and to answer each"): seconds(bridge.auth0.probe.TIMEOUT_SECONDS),
    ("Auth0", "equal probes until a change counts as spread"): seconds(Timing().proof),
    ("Auth0", "until *not verified yet* is given as the answer"): seconds(Timing().patience),
    ("Vault", "to connect"): seconds(sinks.vault.http.CONNECT),
    ("Vault", "the head of an answer, and again its body"): seconds(sinks.vault.http.READ),
    ("Vault", "attempts of a read, on 412, 429, 502, 504 and broken connections"): str(sinks.vault.http.ATTEMPTS),
    ("Vault", "waiting between the attempts of a read, in all"): seconds(sinks.vault.http.BUDGET),
    ("Vault", "reading again while an answer is older than the process's own write"): seconds(sinks.vault.api.LAG),
    ("AWS", "to connect"): seconds(LEASE * sinks.aws.connection.CONNECT_SHARE),
    ("AWS", "to answer"): seconds(LEASE * sinks.aws.connection.READ_SHARE),
    ("AWS", "attempts of a read, and of a write with a token"): str(sinks.aws.access.ATTEMPTS),
    ("AWS", "all attempts of a call, with the waits that AWS asks for"): seconds(sinks.aws.access.BUDGET),
    ("files", "waiting for another process at the audit record"): seconds(bridge.audit.files.PATIENCE),
    ("files", "sending a line to syslog"): seconds(bridge.audit.write.SEND_TIMEOUT),
    ("`after`", "until the command is killed"): seconds(bridge.execution.after_hook.TIMEOUT),
    ("notifications", "attempts for a message"): str(bridge.notify.deliver.ATTEMPTS),
    ("notifications", "all attempts for a message"): seconds(bridge.notify.deliver.IN_ALL),
    ("notifications", "waiting for delivery, at the end of a command"): seconds(bridge.notify.post.LIMIT),
    ("notifications", "the same, after it was asked to stop"): seconds(bridge.notify.post.HURRIED),
    ("consumer", "one reading of the vault"): seconds(bridge.consumer.client_secret.READ_TIMEOUT),
    ("consumer", "one token request"): seconds(bridge.consumer.client_credentials.TIMEOUT),
    ("consumer", "trying the candidates, while a change is in sight"): default("patience"),
    ("consumer", "the longest pause between two rounds"): seconds(bridge.consumer.trying.LONGEST_PAUSE),
    ("consumer", "age at which a value is read again"): default("max_age"),
    ("consumer", "age up to which a value is served while the vault is away"): default("max_stale"),
}


def told(heading: str) -> dict[tuple[str, str], str]:
    (table,) = tables(section(PAGE, heading))
    return {(end, what): limit for end, what, limit in table}


def test_the_sizes_are_the_codes() -> None:
    assert told("Sizes") == SIZES


def test_the_times_and_numbers_of_attempts_are_the_codes() -> None:
    assert told("Times and repetitions") == TIMES


def test_vaults_reads_are_repeated_on_what_the_page_says() -> None:
    (row,) = [what for end, what in TIMES if end == "Vault" and what.startswith("attempts of a read")]
    assert {int(number) for number in re.findall(r"\d+", row)} == sinks.vault.http.BUSY


def test_no_other_page_repeats_the_table() -> None:
    assert "reference/limits.md" in (DOCS / "guide" / "devops.md").read_text("utf-8")
