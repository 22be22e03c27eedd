"""The audit record of an attempt, if the configuration asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bridge.config.references import resolve
from bridge.fleet.errors import as_error
from bridge.model.errors import BridgeError, Incomplete
from sinks.request_ids import listening

if TYPE_CHECKING:
    from bridge.audit.recorder import Recorder
    from bridge.config.settings import AuditSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from sinks.shared import Shared


@dataclass(frozen=True)
class Asked:
    """What was asked for, as the record tells it. It can be recorded, because no option holds a secret."""

    command: str
    """The name of the command."""
    options: tuple[str, ...] = ()
    """The options that were given, as text."""
    strategy: str | None = None
    """The strategy of a rotation. None: the client's own."""
    reason: str = ""
    """Why, where the command demands a reason."""
    dry_run: bool = False
    """Whether nothing is to be changed. Then nothing is recorded."""


def recorded(
    settings: Settings,
    session: Session,
    asked: Asked,
    work: Callable[[], Outcome | None],
    shared: Shared,
    *,
    anchor: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Outcome | None:
    """Do `work` between the two lines of its audit record, and return its outcome, with the record's anchor.

    Without a record in the configuration, and in a dry run, which changes nothing, `work` is just called. If the last
    line cannot be written after a success, the outcome has the exit status of `Incomplete`, and a note. Attempts with
    the same `shared` read the record once, and ask each vault once who is calling. `anchor` gets the anchor of a
    failure, and `warn` what else there is to say about one.

    Raises:
        NotWritten: the first line could not be written. `work` was not called, and nothing was changed.
        BridgeError: `work` failed, or there was nothing to do. If the last line is missing, the error says so.
    """
    if settings.audit is None or asked.dry_run:
        return work()
    from bridge.audit.records import became
    from bridge.audit.write import NotWritten

    recorder = _begun(settings.audit, session, asked, shared)
    try:
        # Ids of requests lead from the record to logs that the bridge's account cannot edit.
        with listening(session.trail.hear, recorder.id):
            done = work()
    except (Exception, KeyboardInterrupt) as raised:  # without an end, the record would say that the process died
        _failed(recorder, session, as_error(session.settings, raised), anchor, warn)
        raise
    try:
        # Outside of the `try` above: an error in writing the end must not be recorded as a failure of the work.
        head = recorder.end(became(done))
    except NotWritten as lost:
        return _done_but_lost(session, done, lost)
    return replace(done, audit=str(head)) if done and head else done


def _begun(audit: AuditSettings, session: Session, asked: Asked, shared: Shared) -> Recorder:
    """Write the first line of the attempt, and return its recorder.

    Raises:
        NotWritten: the line could not be written. Nothing was changed.
    """
    from bridge.audit.process import host, this_process
    from bridge.audit.recorder import Recorder, proven, target_of
    from bridge.audit.records import Attempt
    from bridge.execution.actor import claimed

    client = session.settings
    # The session is open already. A client that is not known, or a variable that is missing, is
    # no attempt and has no line.
    target = shared.one((target_of, audit), lambda: target_of(audit, partial(resolve, environ=os.environ)))
    attempt = Attempt(
        client=client.name,
        client_id=client.client_id,
        tenant=session.auth0.name,
        command=asked.command,
        options=asked.options,
        sinks=session.uris,
        strategy=(asked.strategy or client.strategy) if asked.command == "rotate" else None,
        reason=asked.reason or None,
        claimed=claimed(session.actor, os.environ),
        proven=proven(session.sinks, shared),
        host=host(),
        process=this_process(),
    )
    recorder = Recorder(target, attempt, session.trail, audit.to.partition(":")[2])
    recorder.begin()
    return recorder


def _failed(
    recorder: Recorder,
    session: Session,
    error: BridgeError,
    anchor: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Write the last line of an attempt that has failed.

    Raises:
        BridgeError: that could not be done.
    """
    from bridge.audit.records import failed
    from bridge.audit.write import NotWritten

    try:
        head = recorder.end(failed(error))
    except NotWritten as lost:
        raise _lost(session, error, lost, warn) from None
    if head is not None:
        anchor(str(head))


def _lost(session: Session, error: BridgeError, lost: BridgeError, warn: Callable[[str], None]) -> BridgeError:
    """Return the error to raise if the work failed and its last line could not be written.

    An incomplete operation keeps its own error, which says more, and the loss is a warning beside it.
    """
    if error.exit_status == Incomplete.exit_status:
        warn(_without_end(session, lost))
        return error
    told = (*error.faults, _without_end(session, lost))
    return Incomplete(told[0], error.hints or lost.hint, more=told[1:])


def _done_but_lost(session: Session, done: Outcome | None, lost: BridgeError) -> Outcome:
    """Return the outcome with a note that its last line could not be written, and the exit status of `Incomplete`.

    Raises:
        Incomplete: there was nothing to do, so that there is no outcome for the note.
    """
    if done is None:
        raise Incomplete(f"there was nothing to do. {_without_end(session, lost)}", lost.hint)
    # The change is done and stays done. But "0" would tell a job that its record is complete.
    return replace(done, exit_status=Incomplete.exit_status, notes=(*done.notes, _without_end(session, lost)))


def _without_end(session: Session, lost: BridgeError) -> str:
    from bridge.audit.records import DIED

    name = session.settings.name
    return f"NOT RECORDED: {lost.message}; how it ended is lost. The next command about {name} ends it as {DIED!r}"
