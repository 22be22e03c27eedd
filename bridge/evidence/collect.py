"""Asks the tenant's logs for evidence.

What cannot be found out is listed as unknown, and is no failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.client import Client
from bridge.auth0.errors import Auth0Error, Forbidden
from bridge.auth0.logs import FAILED, READ_LOGS, SUCCEEDED, Exchange, Found, begins, search
from bridge.evidence.asking import OF_ONE, LogAccess, Question, leave_mark
from bridge.evidence.checkpoint import Checkpoint, recall
from bridge.evidence.judge import Evidence, Key, Source, Tally
from bridge.evidence.together import Round
from sinks.clock import span
from sinks.record import stamp

TOKEN_LIFETIME = timedelta(hours=24)
"""How long an access token of an API lives, unless it is configured otherwise (Auth0's default)."""
SOURCES = 50
"""For how many sources the logs are asked whether they had succeeded before."""


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
    first = _reach(logs.shared.begins() if logs.shared else begins(logs.auth0), question.remembered)
    # First, because a missing failure means something only once the log has caught up.
    served = logs.shared.round(logs, question) if logs.shared else None
    unknown = list((served.mark if served else leave_mark(logs, question)).unknown)
    asked = replace(asked, at=served.ends(question)) if served else asked
    look = _Look(logs, question, served)
    failed = look.failed(since)
    drowned = () if failed.complete else _of_consumers(logs, question, since)
    tally = Tally.of({exchange.id: exchange for exchange in (*failed.exchanges, *drowned)}.values())
    # A checkpoint knows what the log has forgotten meanwhile.
    if question.remembered:
        recall(tally, question.remembered, client_id, question.change, since)
    unread, short = _unread(failed, asked, since, first), _is_short(question, asked, first)
    unknown += unread + _acquaintance(look, question, tally, short)
    return replace(asked, sources=tally.latest_first(), unknown=tuple(unknown), gaps=bool(unread or short))


@dataclass(frozen=True)
class _Look:
    """The searches about one client, which are made together with those of others where that is possible."""

    logs: LogAccess
    question: Question
    served: Round | None

    def failed(self, since: datetime) -> Found:
        """Return the failures from a time on."""
        client_id, shared = self.question.client.client_id, None
        if self.logs.shared and self.served:
            shared = self.logs.shared.found(self.served, client_id, FAILED, since)
        return shared or search(self.logs.auth0, client_id, FAILED, since=since)

    def succeeded(self, address: str, since: datetime | None = None, until: datetime | None = None) -> Found:
        """Return the successes from an address between two times."""
        client_id, shared = self.question.client.client_id, None
        if self.logs.shared and self.served:
            shared = self.logs.shared.succeeded(self.served, client_id, address, since, until)
        return shared or search(
            self.logs.auth0, client_id, SUCCEEDED, since=since, until=until, address=address, most=OF_ONE
        )


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


def _acquaintance(look: _Look, question: Question, tally: Tally, short: str) -> list[str]:
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
        tally.known(_successes(look, question, address))
    if len(sources) > SOURCES:
        told.append(f"whether {len(sources) - SOURCES} of the {len(sources)} sources are known: there are too many")
    for source in tally.latest_first():
        if source.known:
            tally.sources[source.address, source.agent] = replace(source, back=_back(look, source))
    return told


def _successes(look: _Look, question: Question, address: str) -> dict[Key, datetime]:
    """Return when each agent at an address succeeded last before the change."""
    latest: dict[Key, datetime] = {}
    for exchange in look.succeeded(address, until=question.change).exchanges:
        latest.setdefault((exchange.address, exchange.agent), exchange.at)
    return latest


def _back(look: _Look, source: Source) -> datetime | None:
    """Return when a source succeeded last after its last failure, or None.

    The answer is shown and decides nothing: several instances may share an address, and one of them still fails.
    """
    found = look.succeeded(source.address, since=source.last)
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
