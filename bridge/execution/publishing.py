"""What an execution writes into the sinks that it holds. `executor` says when.

Decisions are made elsewhere: the plan names the steps, `planning.sink_record` builds the records. What a promotion
needs for readers never waits for tags, which only people and the bridge read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from bridge.execution.leases import Leases
from bridge.execution.session import Session
from bridge.model import steps
from bridge.model.operation import NOTED, SAME_VALUE, Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import At
from bridge.model.plan import Plan
from bridge.planning.sink_record import adopted, noted, record, unchanged
from sinks.port import Lock, Promoted, Record, Sink, SinkError, SinkState, Stage
from sinks.record import tag_text
from sinks.seal import UNPROVEN
from sinks.versions import short


class Writing:
    """The writes of one operation.

    `sinks` holds what was last read of each sink, by URI. `done` says what has been achieved at each sink so far.
    `notes` are what the user should know. `now` returns the vaults' time.
    """

    def __init__(
        self,
        session: Session,
        plan: Plan,
        sinks: dict[str, SinkState],
        values: OperationValues,
        leases: Leases,
        now: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._plan = plan
        self._sinks = sinks
        self._values = values
        self._leases = leases
        self._now = now
        self.done: dict[str, At] = {}
        self.notes: list[str] = []

    def promote(self, uri: str, *, keep: bool) -> bool:
        """Promote one sink, and return whether its tags could be written too.

        Raises:
            SinkError: the sink was not promoted, or that is unknown.
        """
        values = self._values
        former = self._former(keep=keep)
        told = record(self._said(), self._sinks[uri], values.required, self._session.uris, self._now(), former)
        # The value may be older than this operation, and its age must not begin anew.
        if self._plan.operation in SAME_VALUE:
            told = unchanged(told, tuple(self._sinks.values()))
        promoted = self._sink(uri).promote(self._leases[uri], values.required, self._anchored(told), keep=keep)
        self.done[uri] = At(promoted.current, promoted.fallback)
        kept = f"{short(promoted.fallback)} fallback" if promoted.fallback else "no fallback"
        self._tell("promote", f"{uri} {short(promoted.current)} current, {kept}")
        return self._is_told(uri, promoted)

    def _former(self, *, keep: bool) -> str:
        """Return what the seal has to say about the value that was current (`Record.former`)."""
        base = self._values.lock.base if keep else ""
        return base if self._values.proven or not base else UNPROVEN + base

    def _is_told(self, uri: str, promoted: Promoted) -> bool:
        # Readers have the value. Missing tags are reported, and never a reason to undo a promotion.
        if promoted.untold:
            repair = f"{self._session.client_ref.command('adopt')} --repair"
            self.notes.append(f"tags are missing in {uri}: {promoted.untold}; make room, then: {repair}")
        return not promoted.untold

    def _said(self) -> Lock:
        """Return the lock that the record has to describe.

        After a settlement the record names the process that settled, and what the lock said about the operation before
        it.
        """
        says, lock = self._plan.says, self._values.lock
        if self._plan.operation is not Operation.SETTLE:
            return lock
        # Only the reason repeats the lock, because others may have written it (ADR 33).
        told = f"{says.operation} by {says.actor}, says its lock" if says else "Auth0 accepts another value"
        return replace(lock, operation=Operation.SETTLE, actor=self._session.actor, reason=tag_text(told))

    def finish(self, before: float) -> None:
        """Publish the value in sinks that were lost after Auth0 was changed, where current is still what it was.

        Auth0 accepts the value, so its readers need it. This may happen only `before` the end of the lease (monotonic)
        in which Auth0 was changed. A process that takes a sink over waits longer than that before it writes.
        """
        values = self._values
        for uri in self._leases.uris:
            if values.base is not None and uri not in self.done:
                # The operation ends as incomplete in any case, so one failing sink must not stop the others.
                with suppress(SinkError):
                    if self._sink(uri).finish(self._leases[uri], values.base, values.required, before=before):
                        self.done[uri] = At()
                        self._tell("promote", f"{uri} holds the value; the sink was taken by somebody else")

    def tag(self, step: steps.Tag) -> None:
        """Write the record of the value that a sink holds already.

        The document and its value do not change.

        Raises:
            SinkError: the record was not written, or that is unknown.
        """
        state, now, values = self._sinks[step.uri], self._now(), self._values
        written, base = step.uri in self.done, values.base or values.value
        told = adopted(values.lock, state, base, self._session.uris, now, written=written, former=values.former)
        told, keep = self._anchored(told), step.keep_limit
        # The seal still names what was retired softly, for --undo. Nothing else makes it the fallback again.
        softly = {each.soft_deleted.fingerprint for each in self._sinks.values() if each.soft_deleted}
        fallback = "" if told.fallback in softly else told.fallback
        self._sink(step.uri).tag(self._leases[step.uri], told, keep_limit=keep, fallback=fallback)

    def _anchored(self, told: Record) -> Record:
        return replace(told, audit=head) if (head := self._session.trail.head) else told

    def retire(self, step: steps.Retire) -> None:
        """Make values unreadable in one sink.

        With `step.ends` these are all that the operation ends. Otherwise they are the sink's fallback, and copies of
        the other sinks' fallbacks.
        """
        uri, sink = step.uri, self._sink(step.uri)
        which = self._values.ends if step.ends else (None, *self._others(uri))
        found = [v for each in which for v in sink.retire(self._leases[uri], each, softly=step.softly)]
        gone = tuple(dict.fromkeys((*found, *(self._unlabelled(uri) if step.ends else ()))))
        self.done[uri] = replace(self.done.get(uri, At()), retired=gone)
        self._tell("retire", f"{uri} {', '.join(map(short, gone)) or 'nothing left'}")
        self._note(uri)

    def _unlabelled(self, uri: str) -> tuple[str, ...]:
        """Return the version that was the fallback, where its value ends. The promotion took its label already."""
        version, value = self._sinks[uri].history.at(Stage.FALLBACK), self._sinks[uri].value(Stage.FALLBACK)
        ended = value and value.fingerprint(self._values.lock.client_id) in self._values.ends
        return (version.id,) if version and ended else ()

    def _others(self, uri: str) -> tuple[str, ...]:
        """Return the fingerprints of the other sinks' fallbacks.

        This sink may hold a copy too, after its tags were lost.
        """
        value = self._sinks[uri].value(Stage.FALLBACK)
        own = value.fingerprint(self._values.lock.client_id) if value else None
        return tuple(each for each in self._values.ends if each != own)

    def bring_back(self, uri: str) -> None:
        """Make a fallback that was retired softly the fallback again in one sink.

        Where the vault does not hold it any more, a note says so.
        """
        version = self._sink(uri).bring_back(self._leases[uri])
        self.done[uri] = At(fallback=version)
        # The vault has dropped it. Its tag goes too, because a tag without versions could never be ended (ADR 31).
        if not version and self._sinks[uri].soft_deleted:
            self.notes.append(f"{uri} holds it no longer: nothing was brought back there")
        self._tell("bring back", f"{uri} {short(version) if version else 'nothing'} fallback")
        self._note(uri)

    def _note(self, uri: str) -> None:
        """Write beside the record which operation ended the fallback or brought it back, and why."""
        if self._plan.operation in NOTED:
            self._sink(uri).note(noted(self._values.lock, self._now(), self._session.trail.head))

    def forget(self, uri: str) -> None:
        """Remove what the bridge wrote beside the values.

        Values and versions stay, and the sink is held until its release.
        """
        self._sink(uri).forget(self._leases[uri])

    def write_sibling_keys(self, uri: str, *, coming: bool) -> bool:
        """Bring the sibling keys up to date in one sink, and return whether anything had to be written.

        With `coming` they announce the pending value. A document that is right already is not written again.

        Raises:
            SinkError: the document was not written, or that is unknown.
        """
        return self._sink(uri).write_sibling_keys(self._leases[uri], self._values.required if coming else None)

    def _sink(self, uri: str) -> Sink:
        return self._session.sinks[uri]

    def _tell(self, name: str, text: str) -> None:
        self._session.watcher.step(name, text)
