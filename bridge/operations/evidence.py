"""Collects the evidence about one client, and keeps a checkpoint if asked to.

It reads the metadata of the client's sinks, and asks the tenant's logs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bridge.auth0.logs import FAILED, SUCCEEDED, Found, begins, search
from bridge.evidence.asking import LogAccess, Question
from bridge.evidence.checkpoint import grown, latest
from bridge.evidence.collect import investigate
from bridge.evidence.judge import Evidence
from bridge.evidence.together import FRESH
from bridge.execution.session import Session
from bridge.execution.snapshot import survey
from bridge.model.errors import Incomplete, Refused
from sinks.port import SinkError

OVERLAP = timedelta(hours=1)
"""How much of what was looked at already is looked at again, because some entries come late."""
AGAIN = "run it again: nothing but this was changed"


def log_access(session: Session) -> LogAccess:
    """Return what is needed to search the logs of a client's tenant.

    Nothing is sent yet. A source counts as an active consumer for as long as a fallback has to be kept
    (`fallback_min_age`), because by then every consumer had to show its secret.
    """
    window, propagation = session.settings.fallback_min_age, session.timing.propagation
    return LogAccess(
        session.auth0, session.clock, session.watcher, session.stop, window, propagation, session.shared_log
    )


def evidence_of(session: Session, *, record: bool = False) -> Evidence:
    """Return the evidence about a client since its last change.

    It reads metadata and logs, never a value. With `record` it also keeps a checkpoint in the sinks' metadata.

    Raises:
        Refused: no sink of the client is managed, so the time of its last change is unknown.
        BridgeError: the application or a sink cannot be read.
    """
    sinks = survey(session)
    changes = [state.record.promoted_at for state in sinks if state.record]
    if not changes:
        raise Refused("no sink of it is managed by secret-bridge: it is not known since when its value is live")
    client = session.auth0.get_client(session.settings.client_id)
    at, read = max(state.at for state in sinks), session.clock.monotonic()
    before = latest(state.noted for state in sinks)
    # Nothing is decided here. So a client among many may have evidence that ends a little earlier, and says so.
    question = Question(client, max(changes), at, read, session.timing.proof, before, FRESH)
    found = investigate(log_access(session), question)
    if record:
        _record(session, question)
    return found


def _record(session: Session, question: Question) -> None:
    """Read the log since the last checkpoint, and keep what matters in every sink's metadata.

    The mark that was left just now will show the next checkpoint how far the log then reaches back.
    """
    client_id, at, before = session.settings.client_id, session.clock.now(), question.remembered
    shared = session.shared_log
    served = shared.latest(question) if shared else None
    if served and before and before.until > served.mark.at:
        served = None
    if served:
        at = served.mark.at  # searches of that round may have been made before now, and never before this
    # An empty log reaches back to now at most. Claiming more would hide the gap before.
    first = (shared.begins() if shared else begins(session.auth0)) or at
    since = max(first, before.until - OVERLAP) if before else first

    def look(types: tuple[str, ...]) -> Found:
        found = shared.found(served, client_id, types, since, at) if shared and served else None
        return found or search(session.auth0, client_id, types, since=since, until=at)

    looks = [look(types) for types in (SUCCEEDED, FAILED)]
    found = grown(before, client_id, first, at, *(look.exchanges for look in looks))
    # A search that was cut short may have missed a consumer, and the checkpoint has to say so.
    found = replace(found, complete=found.complete and all(look.complete for look in looks))
    try:
        for sink in session.sinks.values():
            sink.note(found.notes())
    except SinkError as error:  # an earlier sink, or half of this one, may have been written
        raise Incomplete(f"{error.message}; the checkpoint may not be in every sink", error.hint or AGAIN) from None
