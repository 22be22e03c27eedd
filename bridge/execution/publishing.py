"""What an execution writes into the places that it holds. `executor` says when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from bridge.execution.leases import Hold
from bridge.execution.session import Job
from bridge.model import steps
from bridge.model.operation import NOTED, SAME_VALUE, Operation
from bridge.model.operation_values import Facts
from bridge.model.outcome import At
from bridge.model.plan import Plan
from bridge.planning.place_record import adopted, noted, record, unchanged
from sinks.port import Lock, Place, Promoted, Record, Sink, SinkError, Stage
from sinks.record import tag_text
from sinks.seal import UNPROVEN
from sinks.versions import short


class Writing:
    """The writes of one operation.

    `places` holds what was last read of each place, by URI. `done` says what has been achieved at each place so far.
    `notes` are what the user should know. `now` returns the vaults' time.
    """

    def __init__(
        self, job: Job, plan: Plan, places: dict[str, Place], facts: Facts, hold: Hold, now: Callable[[], datetime]
    ) -> None:
        self._job = job
        self._plan = plan
        self._places = places
        self._facts = facts
        self._hold = hold
        self._now = now
        self.done: dict[str, At] = {}
        self.notes: list[str] = []

    def promote(self, uri: str, *, keep: bool) -> bool:
        """Promote one place, and return whether its tags could be written too.

        Raises:
            SinkError: the place was not promoted, or that is unknown.
        """
        facts = self._facts
        former = self._former(keep=keep)
        told = record(self._said(), self._places[uri], facts.required, self._job.uris, self._now(), former)
        if self._plan.operation in SAME_VALUE:
            told = unchanged(told, tuple(self._places.values()))
        promoted = self._sink(uri).promote(self._hold[uri], facts.required, self._anchored(told), keep=keep)
        self.done[uri] = At(promoted.current, promoted.fallback)
        kept = f"{short(promoted.fallback)} fallback" if promoted.fallback else "no fallback"
        self._tell("promote", f"{uri} {short(promoted.current)} current, {kept}")
        return self._is_told(uri, promoted)

    def _former(self, *, keep: bool) -> str:
        """Return what the seal shall say about the value that was current (`Record.former`)."""
        base = self._facts.lock.base if keep else ""
        return base if self._facts.proven or not base else UNPROVEN + base

    def _is_told(self, uri: str, promoted: Promoted) -> bool:
        if promoted.untold:
            repair = f"{self._job.whose.command('adopt')} --repair"
            self.notes.append(f"tags are missing in {uri}: {promoted.untold}; make room, then: {repair}")
        return not promoted.untold

    def _said(self) -> Lock:
        """Return the lock as the record shall tell it.

        After a settlement the record names the process that settled, and what the lock said about the operation before
        it.
        """
        says, lock = self._plan.says, self._facts.lock
        if self._plan.operation is not Operation.SETTLE:
            return lock
        told = f"{says.operation} by {says.actor}, says its lock" if says else "Auth0 accepts another value"
        return replace(lock, operation=Operation.SETTLE, actor=self._job.actor, reason=tag_text(told))

    def finish(self, before: float) -> None:
        """Publish the value in places that were lost after Auth0 was told, where current is still what it was.

        Auth0 accepts the value, so its readers need it. This may happen only `before` the end of the lease (monotonic)
        in which Auth0 was told. A process that takes a place over waits longer than that before it writes.
        """
        facts = self._facts
        for uri in self._hold.uris:
            if facts.base is not None and uri not in self.done:
                # The operation ends as incomplete in any case, so one failing place must not stop the others.
                with suppress(SinkError):
                    if self._sink(uri).finish(self._hold[uri], facts.base, facts.required, before=before):
                        self.done[uri] = At()
                        self._tell("promote", f"{uri} holds the value; the place was taken by somebody else")

    def tag(self, step: steps.Tag) -> None:
        """Write the record of the value that a place holds already."""
        place, now, facts = self._places[step.uri], self._now(), self._facts
        written, base = step.uri in self.done, facts.base or facts.value
        told = adopted(facts.lock, place, base, self._job.uris, now, written=written, former=facts.former)
        told, keep = self._anchored(told), step.keep_limit
        # The seal still names what was retired softly, for --undo. Nothing else makes it the fallback again.
        softly = {each.aside.fingerprint for each in self._places.values() if each.aside}
        fallback = "" if told.fallback in softly else told.fallback
        self._sink(step.uri).tag(self._hold[step.uri], told, keep_limit=keep, fallback=fallback)

    def _anchored(self, told: Record) -> Record:
        """Return the record with the head of the audit record, where one is kept."""
        return replace(told, audit=head) if (head := self._job.trail.head) else told

    def retire(self, step: steps.Retire) -> None:
        """Make values unreadable in one place.

        With `step.ends` these are all that the operation ends. Otherwise they are the place's fallback, and copies of
        the other places' fallbacks.
        """
        uri, sink = step.uri, self._sink(step.uri)
        which = self._facts.ends if step.ends else (None, *self._others(uri))
        gone = tuple(v for each in which for v in sink.retire(self._hold[uri], each, softly=step.softly))
        self.done[uri] = replace(self.done.get(uri, At()), retired=gone)
        self._tell("retire", f"{uri} {', '.join(map(short, gone)) or 'nothing left'}")
        self._note(uri)

    def _others(self, uri: str) -> tuple[str, ...]:
        """Return the fingerprints of the other places' fallbacks.

        A copy may stand in this place too, after its tags were lost.
        """
        value = self._places[uri].value(Stage.FALLBACK)
        own = value.fingerprint(self._facts.lock.client_id) if value else None
        return tuple(each for each in self._facts.ends if each != own)

    def bring_back(self, uri: str) -> None:
        """Make a fallback that was retired softly the fallback again in one place.

        Where the vault does not hold it any more, a note says so.
        """
        version = self._sink(uri).bring_back(self._hold[uri])
        self.done[uri] = At(fallback=version)
        if not version and self._places[uri].aside:
            self.notes.append(f"{uri} holds it no longer: nothing was brought back there")
        self._tell("bring back", f"{uri} {short(version) if version else 'nothing'} fallback")
        self._note(uri)

    def _note(self, uri: str) -> None:
        """Write beside the record which operation ended the fallback or brought it back, and why."""
        if self._plan.operation in NOTED:
            self._sink(uri).note(noted(self._facts.lock, self._now(), self._job.trail.head))

    def forget(self, uri: str) -> None:
        """Remove what the bridge wrote beside the values."""
        self._sink(uri).forget(self._hold[uri])

    def lay_out(self, uri: str, *, coming: bool) -> bool:
        """Bring the companions up to date in one place, and return whether anything had to be written."""
        return self._sink(uri).lay_out(self._hold[uri], self._facts.required if coming else None)

    def _sink(self, uri: str) -> Sink:
        return self._job.sinks[uri]

    def _tell(self, name: str, text: str) -> None:
        self._job.watcher.step(name, text)
