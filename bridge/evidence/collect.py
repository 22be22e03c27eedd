"""Asks the tenant's logs for evidence.

What cannot be found out is listed as unknown, and is no failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.api import Auth0
from bridge.auth0.client import Client
from bridge.auth0.errors import Auth0Error, Forbidden
from bridge.auth0.logs import FAILED, READ_LOGS, SUCCEEDED, Exchange, Found, begins, search
from bridge.evidence.checkpoint import Checkpoint, recall
from bridge.evidence.judge import Evidence, Key, Source, Tally
from bridge.model.progress import Stop, Watcher, pause
from sinks.clock import Clock, span
from sinks.record import stamp

TOKEN_LIFETIME = timedelta(hours=24)
"""How long an access token of an API lives, unless it is configured otherwise (Auth0's default)."""
SOURCES = 50
"""For how many sources the logs are asked whether they had succeeded before."""
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


@dataclass(frozen=True)
class Question:
    """What is asked of the logs: about which client, since which change, at what time of the vaults.

    `patience` limits the wait until the log shows what happens now. `remembered` is what was recorded before.
    """

    client: Client
    change: datetime
    at: datetime
    patience: timedelta
    remembered: Checkpoint | None = None


def investigate(logs: LogAccess, question: Question) -> Evidence:
    """Return the evidence of who failed since a change.

    Whatever cannot be asked is listed in `Evidence.unknown`.
    """
    window = logs.window
    asked = Evidence(question.change, question.at, window, notes=_supposed(question.client, window))
    # A token that does not list its scopes is tried. Only Auth0 knows then.
    if logs.auth0.can(READ_LOGS) is False:
        return _unasked(asked, f"the management token lacks the scope {READ_LOGS}")
    try:
        return _investigated(logs, question, asked)
    except Forbidden as error:
        needed = " or ".join(error.scopes) or READ_LOGS
        return _unasked(asked, f"the management token lacks the scope {needed}")
    except Auth0Error as error:
        return _unasked(asked, error.message)


def _unasked(asked: Evidence, why: str) -> Evidence:
    return replace(asked, unknown=(f"the tenant's logs: {why}",), gaps=True)


def _reach(first: datetime | None, checkpoint: Checkpoint | None) -> datetime | None:
    """Return since when exchanges are known, from the log and from a checkpoint that joins it."""
    if first is None or checkpoint is None or not checkpoint.covers(first):
        return first
    return min(first, checkpoint.since)


def _investigated(logs: LogAccess, question: Question, asked: Evidence) -> Evidence:
    # Until the change has spread, a failure says nothing about the value that a consumer holds.
    client_id, since = question.client.client_id, question.change + logs.propagation
    first = _reach(begins(logs.auth0), question.remembered)
    # First, because a missing failure means something only once the log has caught up.
    unknown = _late(logs, question)
    failed = search(logs.auth0, client_id, FAILED, since=since)
    drowned = () if failed.complete else _of_consumers(logs, question, since)
    tally = Tally.of({exchange.id: exchange for exchange in (*failed.exchanges, *drowned)}.values())
    # A checkpoint knows what the log has forgotten meanwhile.
    if question.remembered:
        recall(tally, question.remembered, client_id, question.change, since)
    unread, short = _unread(failed, asked, since, first), _is_short(question, asked, first)
    unknown += unread + _acquaintance(logs, question, tally, short)
    return replace(asked, sources=tally.latest_first(), unknown=tuple(unknown), gaps=bool(unread or short))


def _of_consumers(logs: LogAccess, question: Question, since: datetime) -> tuple[Exchange, ...]:
    """Return the failures of sources that had succeeded before the change.

    They are searched by address, because among too many failures of strangers they would be missed.
    """
    client_id = question.client.client_id
    consumers = search(logs.auth0, client_id, SUCCEEDED, until=question.change, most=OF_ONE).exchanges
    # One address may have several agents, and a search by address finds all of them.
    addresses = list(dict.fromkeys(exchange.address for exchange in consumers))[:SOURCES]
    found = (search(logs.auth0, client_id, FAILED, since=since, address=each, most=OF_ONE) for each in addresses)
    return tuple(exchange for each in found for exchange in each.exchanges)


def _late(logs: LogAccess, question: Question) -> list[str]:
    """Return what is unknown because the log does not show yet what happens now.

    To find out, the bridge fails once on purpose and looks for that in the log.
    """
    # Auth0 does not say how late its log is. A failure of our own shows it.
    sent, mark = logs.clock.now(), logs.auth0.leave_mark(question.client)
    waited, why = timedelta(), "waiting until the tenant's log shows our own request"
    while True:
        found = search(logs.auth0, question.client.client_id, FAILED, since=question.at - MARKED_BEFORE, most=OF_ONE)
        if any(mark in exchange.agent for exchange in found.exchanges):
            return []
        if waited >= question.patience or logs.stop.asked:
            break
        # The waits grow: the log usually catches up soon, and each look counts towards the rate limit.
        step = min(max(waited, timedelta(seconds=1)), question.patience - waited)
        pause(step, why, clock=logs.clock, watcher=logs.watcher, stop=lambda: logs.stop.asked)
        waited += step
    return [f"the last minutes: {LATE}, it did not show our own request of {stamp(sent)} within {span(waited)}"]


def _unread(failed: Found, asked: Evidence, since: datetime, first: datetime | None) -> list[str]:
    told = []
    if first is None or first > since:
        reach = f"it reaches back to {stamp(first)}" if first else "it is empty"
        told.append(f"failures from {stamp(since)} on: the log does not have them all any more, {reach}")
    # A failure that is older than the window no longer counts, so not having read it changes nothing.
    last = failed.exchanges[-1].at if failed.exchanges else since
    if not failed.complete and last > asked.at - asked.window:
        told.append(f"failures before {stamp(last)}, except those of {SOURCES} consumers: there are too many")
    return told


def _is_short(question: Question, asked: Evidence, first: datetime | None) -> str:
    """Return how far the log reaches back before the change, where that is less than a window. Else return ""."""
    # A consumer may show its secret once in a window only. A shorter stretch could miss it.
    reach = question.change - first if first else timedelta()
    if reach >= asked.window:
        return ""
    return f"only {span(reach)}" if reach > timedelta() else "not even that far"


def _acquaintance(logs: LogAccess, question: Question, tally: Tally, short: str) -> list[str]:
    """Find out which sources had succeeded before the change. Returns what remains unknown about that.

    `short` is how far the log reaches back, where that is not far enough (`_is_short`).
    """
    told = []
    if short:
        told.append(f"who succeeded before the change: the log reaches back {short}; see: evidence --record")
    if question.remembered and not question.remembered.complete:
        told.append("some sources: there were more than a checkpoint holds")
    sources = tally.latest_first()
    # One request for each address, so the sources that failed last are looked up first.
    for address in dict.fromkeys(source.address for source in sources[:SOURCES]):
        tally.known(_successes(logs, question, address))
    if len(sources) > SOURCES:
        told.append(f"whether {len(sources) - SOURCES} of the {len(sources)} sources are known: there are too many")
    for source in tally.latest_first():
        if source.known:
            tally.sources[source.address, source.agent] = replace(source, back=_back(logs, question, source))
    return told


def _successes(logs: LogAccess, question: Question, address: str) -> dict[Key, datetime]:
    """Return when each agent at an address succeeded last before the change."""
    client_id, change = question.client.client_id, question.change
    found = search(logs.auth0, client_id, SUCCEEDED, until=change, address=address, most=OF_ONE)
    latest: dict[Key, datetime] = {}
    for exchange in found.exchanges:
        latest.setdefault((exchange.address, exchange.agent), exchange.at)
    return latest


def _back(logs: LogAccess, question: Question, source: Source) -> datetime | None:
    """Return when a source succeeded last after its last failure, or None.

    The answer is shown and decides nothing: several instances may share an address, and one of them still fails.
    """
    client_id = question.client.client_id
    found = search(logs.auth0, client_id, SUCCEEDED, since=source.last, address=source.address, most=OF_ONE)
    return next((e.at for e in found.exchanges if e.agent == source.agent), None)


def _supposed(client: Client, window: timedelta) -> tuple[str, ...]:
    """Return the assumptions about how often consumers show their secret.

    They are printed with the evidence, because no log can prove them.
    """
    told = []
    if window < TOKEN_LIFETIME:
        told.append(
            f"supposed: no access token lives longer than {span(window)} (fallback_min_age; the default is 1 d)"
        )
    if client.can_get_id_tokens:
        told.append(f"supposed: somebody signs in, or refreshes a token, at least every {span(window)}")
    return tuple(told)
