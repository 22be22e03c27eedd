"""What is asked of a tenant's logs, and how to find out whether they show yet what happens now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.auth0.api import Auth0
from bridge.auth0.client import Client
from bridge.auth0.logs import FAILED, search
from bridge.evidence.checkpoint import Checkpoint
from bridge.model.progress import Stop, Watcher, pause
from sinks.clock import Clock, span
from sinks.record import stamp

if TYPE_CHECKING:
    from bridge.evidence.together import SharedLog

OF_ONE = 1000
LATE = "the log is late"
MARKED_BEFORE = timedelta(minutes=10)
"""How long before the time of the question the log may date the bridge's own mark. Clocks may differ."""


@dataclass(frozen=True)
class LogAccess:
    """What is needed to search a tenant's logs.

    These are parts of a session. The search needs no sink and no value, so it does not get them.
    """

    auth0: Auth0
    """Access to the tenant."""
    clock: Clock
    """The clock of this machine."""
    watcher: Watcher
    """Receiver of progress reports."""
    stop: Stop
    """The request to stop."""
    window: timedelta
    """How long an exchange makes its source an active consumer (`fallback_min_age`)."""
    propagation: timedelta
    """How long Auth0 may still accept the old value after a change."""
    shared: SharedLog | None = None
    """What the clients of one command ask together, where there are several."""


@dataclass(frozen=True)
class Question:
    """What is asked of the logs: about which client, since which change, at what time of the vaults."""

    client: Client
    """The client."""
    change: datetime
    """The time of its last change."""
    at: datetime
    """The vaults' time of the question."""
    read: float
    """The monotonic time at which the vaults' time was `at`, or a later one."""
    patience: timedelta
    """How long to wait until the log shows what happens now."""
    remembered: Checkpoint | None = None
    """What was recorded before."""
    may_be_old: timedelta = timedelta()
    """By how much the evidence may end before `at`, so that several clients can share it. It says where it ends."""


@dataclass(frozen=True)
class Mark:
    """A failure on purpose, and whether the log showed it in time. If it did, it shows what happened before as well."""

    client_id: str
    """The client that it names."""
    word: str
    """The word by which its entry is found."""
    sent: float
    """The monotonic time before which nothing of it was sent."""
    at: datetime
    """The same moment by this machine's clock."""
    unknown: tuple[str, ...] = ()
    """What is not known, because the log did not show it. Empty if the log did."""


def leave_mark(logs: LogAccess, question: Question) -> Mark:
    """Fail once on purpose, and wait until the log shows it.

    Raises:
        Auth0Error: the log cannot be read.
    """
    # Auth0 does not say how late its log is. A failure of our own shows it.
    client_id, at, sent = question.client.client_id, logs.clock.now(), logs.clock.monotonic()
    word = logs.auth0.leave_mark(question.client)
    waited, why = timedelta(), "waiting until the tenant's log shows our own request"
    while True:
        found = search(logs.auth0, client_id, FAILED, since=question.at - MARKED_BEFORE, most=OF_ONE)
        if any(word in exchange.agent for exchange in found.exchanges):
            return Mark(client_id, word, sent, at)
        if waited >= question.patience or logs.stop.asked:
            break
        # The waits grow: the log usually catches up soon, and each look counts towards the rate limit.
        step = min(max(waited, timedelta(seconds=1)), question.patience - waited)
        pause(step, why, clock=logs.clock, watcher=logs.watcher, stop=lambda: logs.stop.asked)
        waited += step
    late = f"the last minutes: {LATE}, it did not show our own request of {stamp(at)} within {span(waited)}"
    return Mark(client_id, word, sent, at, (late,))
