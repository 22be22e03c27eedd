"""Collects the evidence about one client, and keeps a checkpoint if asked to.

It reads where the client's places stand, and asks the tenant's logs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.auth0.logs import FAILED, SUCCEEDED, begins, search
from bridge.evidence.checkpoint import Checkpoint, grown, latest
from bridge.evidence.collect import LogAccess, Question, investigate
from bridge.evidence.judge import Evidence
from bridge.execution.session import Job
from bridge.execution.snapshot import survey
from bridge.model.errors import Incomplete, Refused
from sinks.port import SinkError

OVERLAP = timedelta(hours=1)
"""How much of what was looked at already is looked at again, because some entries come late."""
AGAIN = "run it again: nothing but this was changed"


def log_access(job: Job) -> LogAccess:
    """Return what is needed to search the logs of a client's tenant."""
    window, propagation = job.settings.fallback_min_age, job.timing.propagation
    return LogAccess(job.auth0, job.clock, job.watcher, job.stop, window, propagation)


def evidence_of(job: Job, *, record: bool = False) -> Evidence:
    """Return the evidence about a client since its last change.

    It reads metadata and logs, never a value. With `record` it also keeps a checkpoint in the places' metadata.

    Raises:
        Refused: no place of the client is managed, so the time of its last change is unknown.
        BridgeError: the application or a place cannot be read.
    """
    places = survey(job)
    changes = [place.record.promoted_at for place in places if place.record]
    if not changes:
        raise Refused("no place of it is managed by secret-bridge: it is not known since when its value is live")
    client = job.auth0.get_client(job.settings.client_id)
    at = max(place.at for place in places)
    before = latest(place.noted for place in places)
    found = investigate(log_access(job), Question(client, max(changes), at, job.timing.proof, before))
    if record:
        _record(job, before)
    return found


def _record(job: Job, before: Checkpoint | None) -> None:
    """Read the log since the last checkpoint, and keep what matters in every place's metadata.

    The mark that was left just now will show the next checkpoint how far the log then reaches back.
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
