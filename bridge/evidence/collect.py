"""Asks the tenant's logs for evidence. What it cannot learn it says; it never fails for that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.auth0.client import Client
from bridge.auth0.errors import Auth0Error, Forbidden
from bridge.auth0.logs import FAILED, READ_LOGS, SUCCEEDED, Exchange, Found, begins, search
from bridge.evidence.checkpoint import Checkpoint, grown, latest, recall
from bridge.evidence.judge import Evidence, Key, Source, Tally
from bridge.execution.session import Job, survey
from bridge.model.errors import Incomplete, Refused
from bridge.model.progress import pause
from bridge.model.timing import span
from sinks.port import SinkError
from sinks.record import stamp

TOKEN_LIFETIME = timedelta(hours=24)
"""How long an access token of an API lives unless somebody said otherwise (Auth0's default)."""
SOURCES = 50
"""Of so many sources it is asked whether they had succeeded before."""
OF_ONE = 1000
OVERLAP = timedelta(hours=1)
"""How much of what was looked at already is looked at again: some of it may have come late."""
LATE = "the log is late"
AGAIN = "run it again: nothing but this was changed"
MARKED_BEFORE = timedelta(minutes=10)
"""How much younger than now, by our clock, our own mark may look to the log."""


@dataclass(frozen=True)
class Question:
    """What is asked of the logs: about which client, since which change, at what time of the vaults.

    `patience`: for how long to wait until the log shows what happens now. `remembered`: what was recorded before.
    """

    client: Client
    change: datetime
    at: datetime
    patience: timedelta
    remembered: Checkpoint | None = None


def investigate(job: Job, question: Question) -> Evidence:
    """Return who failed since a change. Whatever cannot be asked becomes `unknown`."""
    window = job.settings.fallback_min_age
    asked = Evidence(question.change, question.at, window, notes=_supposed(question.client, window))
    if job.auth0.can(READ_LOGS) is False:
        return replace(asked, unknown=(f"the tenant's logs: the management token lacks the scope {READ_LOGS}",))
    try:
        return _investigated(job, question, asked)
    except Forbidden as error:
        needed = " or ".join(error.scopes) or READ_LOGS
        return replace(asked, unknown=(f"the tenant's logs: the management token lacks the scope {needed}",))
    except Auth0Error as error:
        return replace(asked, unknown=(f"the tenant's logs: {error.message}",))


def evidence_of(job: Job, *, record: bool = False) -> Evidence:
    """Return the evidence about a client since its last change; reads metadata and logs, never a value.

    `record`: and keep a checkpoint in the places' metadata.

    Raises:
        Refused: the bridge has not changed anything of it yet.
        BridgeError: its application or its places cannot be read.
    """
    places = survey(job)
    changes = [place.record.promoted_at for place in places if place.record]
    if not changes:
        raise Refused("no place of it is managed by secret-bridge: it is not known since when its value is live")
    client = job.auth0.get_client(job.settings.client_id)
    at = max(place.at for place in places)
    before = latest(place.noted for place in places)
    found = investigate(job, Question(client, max(changes), at, job.timing.proof, before))
    if record:
        _record(job, before)
    return found


def _record(job: Job, before: Checkpoint | None) -> None:
    """Look at the log since the last checkpoint, and keep what matters in every place's metadata.

    The mark that was left just now shows the next one how far the log reaches back then.
    """
    client_id, at = job.settings.client_id, job.clock.now()
    first = begins(job.auth0) or at
    since = max(first, before.until - OVERLAP) if before else first
    looks = [search(job.auth0, client_id, types, since=since, until=at) for types in (SUCCEEDED, FAILED)]
    found = grown(before, client_id, first, at, *(look.exchanges for look in looks))
    found = replace(found, complete=found.complete and all(look.complete for look in looks))
    try:
        for sink in job.sinks.values():
            sink.note(found.notes())
    except SinkError as error:  # an earlier place, or half of this one, may have been written
        raise Incomplete(f"{error.message}; the checkpoint may not be in every place", error.hint or AGAIN) from None


def _reach(first: datetime | None, checkpoint: Checkpoint | None) -> datetime | None:
    """Return since when exchanges are known: from the log, and from a checkpoint that joins it."""
    if first is None or checkpoint is None or not checkpoint.covers(first):
        return first
    return min(first, checkpoint.since)


def _investigated(job: Job, question: Question, asked: Evidence) -> Evidence:
    client_id, since = question.client.client_id, question.change + job.timing.propagation
    first = _reach(begins(job.auth0), question.remembered)
    unknown = _late(job, question)
    failed = search(job.auth0, client_id, FAILED, since=since)
    drowned = () if failed.complete else _of_consumers(job, question, since)
    tally = Tally.of({exchange.id: exchange for exchange in (*failed.exchanges, *drowned)}.values())
    if question.remembered:
        recall(tally, question.remembered, client_id, question.change, since)
    unknown += _unread(failed, asked, since, first)
    unknown += _acquaintance(job, question, asked, tally, first)
    return replace(asked, sources=tally.latest_first(), unknown=tuple(unknown))


def _of_consumers(job: Job, question: Question, since: datetime) -> tuple[Exchange, ...]:
    """Return the failures of those who succeeded before the change: among too many of strangers they would drown."""
    client_id = question.client.client_id
    consumers = search(job.auth0, client_id, SUCCEEDED, until=question.change, most=OF_ONE).exchanges
    addresses = list(dict.fromkeys(exchange.address for exchange in consumers))[:SOURCES]
    found = (search(job.auth0, client_id, FAILED, since=since, address=each, most=OF_ONE) for each in addresses)
    return tuple(exchange for each in found for exchange in each.exchanges)


def _late(job: Job, question: Question) -> list[str]:
    """Find out whether the log shows what happens now: by failing once ourselves, and looking for that."""
    sent, mark = job.clock.now(), job.auth0.leave_mark(question.client)
    waited, why = timedelta(), "waiting until the tenant's log shows our own request"
    while True:
        found = search(job.auth0, question.client.client_id, FAILED, since=question.at - MARKED_BEFORE, most=OF_ONE)
        if any(mark in exchange.agent for exchange in found.exchanges):
            return []
        if waited >= question.patience or job.stop.asked:
            break
        step = min(max(waited, timedelta(seconds=1)), question.patience - waited)
        pause(step, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
        waited += step
    return [f"the last minutes: {LATE}, it did not show our own request of {stamp(sent)} within {span(waited)}"]


def _unread(failed: Found, asked: Evidence, since: datetime, first: datetime | None) -> list[str]:
    """Return which failures since the change were not seen."""
    told = []
    if first is None or first > since:
        reach = f"it reaches back to {stamp(first)}" if first else "it is empty"
        told.append(f"failures from {stamp(since)} on: the log does not have them all any more, {reach}")
    last = failed.exchanges[-1].at if failed.exchanges else since
    if not failed.complete and last > asked.at - asked.window:
        told.append(f"failures before {stamp(last)}, except those of {SOURCES} consumers: there are too many")
    return told


def _acquaintance(job: Job, question: Question, asked: Evidence, tally: Tally, first: datetime | None) -> list[str]:
    """Find out which sources had succeeded before the change; return what could not be."""
    told = []
    reach = question.change - first if first else timedelta()
    if reach < asked.window:
        how = f"only {span(reach)}" if reach > timedelta() else "not even that far"
        told.append(f"who succeeded before the change: the log reaches back {how}; see: evidence --record")
    if question.remembered and not question.remembered.complete:
        told.append("some sources: there were more than a checkpoint holds")
    sources = tally.latest_first()
    for address in dict.fromkeys(source.address for source in sources[:SOURCES]):
        tally.known(_successes(job, question, address))
    if len(sources) > SOURCES:
        told.append(f"whether {len(sources) - SOURCES} of the {len(sources)} sources are known: there are too many")
    for source in tally.latest_first():
        if source.known:
            tally.sources[source.address, source.agent] = replace(source, back=_back(job, question, source))
    return told


def _successes(job: Job, question: Question, address: str) -> dict[Key, datetime]:
    """Return when the agents at an address succeeded last before the change."""
    client_id, change = question.client.client_id, question.change
    found = search(job.auth0, client_id, SUCCEEDED, until=change, address=address, most=OF_ONE)
    latest: dict[Key, datetime] = {}
    for exchange in found.exchanges:
        latest.setdefault((exchange.address, exchange.agent), exchange.at)
    return latest


def _back(job: Job, question: Question, source: Source) -> datetime | None:
    """Return when a source succeeded last, since it failed last."""
    client_id = question.client.client_id
    found = search(job.auth0, client_id, SUCCEEDED, since=source.last, address=source.address, most=OF_ONE)
    return next((e.at for e in found.exchanges if e.agent == source.agent), None)


def _supposed(client: Client, window: timedelta) -> tuple[str, ...]:
    """Return what the judgement supposes about how often consumers show their secret."""
    told = []
    if window < TOKEN_LIFETIME:
        told.append(
            f"supposed: no access token lives longer than {span(window)} (fallback_min_age; the default is 1 d)"
        )
    if client.can_get_id_tokens:
        told.append(f"supposed: somebody signs in, or refreshes a token, at least every {span(window)}")
    return tuple(told)
