"""The audit record of a command's attempt, if the configuration asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.cli.output import text as show
from bridge.cli.output.console import say
from bridge.cli.runner import as_error
from bridge.config.references import resolve
from bridge.model.errors import BridgeError, Incomplete
from sinks.request_ids import listening

if TYPE_CHECKING:
    import typer

    from bridge.audit.chain import Head
    from bridge.audit.recorder import Recorder
    from bridge.config.settings import AuditSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from sinks.shared import Shared

# --sink and --key are in the list of sinks, and --json and --verbose change nothing but the output.
TOLD_ELSEWHERE = frozenset({"json", "verbose", "dry_run", "sink", "key", "config", "strategy", "reason"})
"""The options that do not describe the attempt, or that have a key of their own in the record."""


def _was_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option stands on the command line. Defaults and variables of the environment do not."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _typed(flag: str, value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list | tuple) else (value,):
        yield flag if each is True else f"{flag} {each}"


@dataclass(frozen=True)
class Asked:
    """A command as the user typed it.

    `options` are the given options as text, without those in `TOLD_ELSEWHERE`. `strategy` and `reason` are the values
    of these two options.

    It is taken from Typer's context, so a new option of a command is recorded without being listed anywhere.
    """

    command: str
    options: tuple[str, ...]
    strategy: str | None
    reason: str
    dry_run: bool

    @classmethod
    def of(cls, context: typer.Context) -> Asked:
        """Return the command that Typer's context describes. It can be recorded, because no option holds a secret."""
        given: dict[str, Any] = context.params
        flags = {option.name: option.opts[0] for option in context.command.params if option.opts[0].startswith("--")}
        return cls(
            command=context.info_name or "?",
            options=tuple(
                text
                for name, value in given.items()
                if name in flags and name not in TOLD_ELSEWHERE and _was_typed(context, name)
                for text in _typed(flags[name], value)
            ),
            strategy=given.get("strategy"),
            reason=given.get("reason") or "",
            dry_run=bool(given.get("dry_run")),
        )


def recorded(
    settings: Settings,
    session: Session,
    asked: Asked,
    work: Callable[[], Outcome | None],
    shared: Shared,
    *,
    quiet: bool,
) -> Outcome | None:
    """Do `work` between the two lines of its audit record, and return its outcome, with the record's anchor.

    Without a record in the configuration, and in a dry run, which changes nothing, `work` is just called. If the last
    line cannot be written after a success, the outcome has the exit status of `Incomplete`, and a note. Attempts with
    the same `shared` read the record once, and ask each vault once who is calling.

    Raises:
        NotWritten: the first line could not be written. `work` was not called, and nothing was changed.
        BridgeError: `work` failed, or there was nothing to do and that could not be recorded. If the last line is
            missing, the error says so.
    """
    if settings.audit is None or asked.dry_run:
        return work()
    from bridge.audit.records import became, failed
    from bridge.audit.write import NotWritten

    recorder = _begun(settings.audit, session, asked, shared)
    try:
        # The ids of requests lead from the record to the logs of Auth0 and the vaults, which the
        # bridge's account cannot edit.
        with listening(session.trail.hear, recorder.id):
            done = work()
    # The attempt has an end also if it was interrupted. Without it the record would say that the process died.
    except (Exception, KeyboardInterrupt) as raised:
        error = as_error(session.settings, raised)
        try:
            _tell(recorder.end(failed(error)), quiet=quiet)
        except NotWritten as lost:
            raise _lost(session, error, lost) from None
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


def _tell(head: Head | None, *, quiet: bool) -> None:
    if head is not None and not quiet:
        say(show.recorded(str(head)), err=True)


def _lost(session: Session, error: BridgeError, lost: BridgeError) -> BridgeError:
    """Return the error to raise if the work failed and its last line could not be written.

    An incomplete operation keeps its own error, which says more, and the loss is printed beside it.
    """
    if error.exit_status == Incomplete.exit_status:
        say(_without_end(session, lost), err=True)
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
