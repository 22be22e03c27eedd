"""Executes a plan. The only module that orders I/O; why in this order: docs/protocol.md."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from bridge import hook, settlement, steps
from bridge.errors import BridgeError, Failed, Incomplete, Refused
from bridge.facts import Facts
from bridge.hold import Hold
from bridge.inquiry import choose, inquire
from bridge.job import Job, Seen, check, translate
from bridge.leak import remains
from bridge.live import LiveValue
from bridge.outcome import At, Outcome, Settled, Stopped
from bridge.plan import CHANGES, LEAKED, NOTED, SAME_VALUE, Operation, Plan, Wish
from bridge.prove import Changed, await_refusal, confirm, prove
from bridge.records import adopted, noted, record, restored, unchanged
from bridge.settle import settle
from bridge.settlement import Settlement, Way, kills
from bridge.standing import Phase, standing
from bridge.watch import pause
from sinks.port import Busy, Lock, Lost, Place, Record, Secret, Sink, SinkError, Stage, Unavailable
from sinks.record import tag_text
from sinks.versions import short

ROUNDS = 3
"""How often a value is announced again."""


class Execution:
    """One operation of one client."""

    def __init__(self, job: Job, plan: Plan, seen: Seen, facts: Facts) -> None:
        self._job = job
        self._plan = plan
        self._steps = list(plan.steps)
        self._seen = seen
        self._places = {place.uri: place for place in seen.places}
        self._facts = facts
        self._lock = facts.lock
        self._hold = Hold(job)
        urgent = plan.operation is Operation.COMPROMISED
        self._live = LiveValue(job, seen.client, facts, self._hold, self._reach, urgent=urgent)
        self._phase = Phase.NOTHING
        self._done: dict[str, At] = {}
        self._settled: Settled | None = None
        self._hook: str | None = None
        self._missed: SinkError | None = None
        self._settlement: Settlement | None = None
        self._proven = False
        self._status = 0

    def run(self) -> Outcome:
        """Execute the plan.

        Raises:
            BridgeError: it stopped before anything was changed, and what was claimed has been given back.
            Stopped: it stopped on its way; the error tells where things stand.
        """
        started = self._job.clock.monotonic()
        try:
            while self._steps:
                step = self._steps.pop(0)
                self._heed(step)
                self._do(step)
            self._raise_missed()
        except (SinkError, BridgeError) as error:
            self._end(error)
        except KeyboardInterrupt:  # the second Ctrl-C: leave everything as it is
            self._stop(Failed("interrupted by a second Ctrl-C; it is unknown whether its last request was carried out"))
        if steps.AwaitRefusal() in self._plan.steps and self._plan.operation in LEAKED:
            self._live.notes += remains(self._job, self._seen.client)
        return Outcome(
            client=self._job.settings.name,
            client_id=self._seen.client.client_id,
            operation=self._plan.operation,
            id=self._lock.id,
            plan=self._plan,
            result=self._result(),
            places=self._done,
            settled=self._settled,
            settlement=self._settlement,
            hook=self._hook,
            notes=tuple(self._live.notes),
            at=self._now(),
            seconds=self._job.clock.monotonic() - started,
            exit_status=self._status,
        )

    def _result(self) -> str:
        if self._settlement is None:
            return "done"
        if self._settlement.way is not Way.GIVE_BACK:
            return "finished"
        says = self._plan.says
        return "given-back" if says and says.operation != Operation.SETTLE else "cleaned-up"

    def _do(self, step: steps.Step) -> None:  # noqa: C901  # one line a kind of step reads better than a table
        match step:
            case steps.Claim():
                self._claim(step)
            case steps.TakeOver(uri):
                self._take_over(uri)
            case steps.Store(uri):
                self._hold.add(self._sink(uri).store(self._hold[uri], self._facts.required))
            case steps.LayOut(uri, coming):
                self._lay_out(uri, self._facts.required if coming else None)
            case steps.Announced(time):
                self._announce_again(time)
            case steps.Promote(uri, keep):
                self._promote(uri, keep=keep)
            case steps.Tag():
                self._tag(step)
            case steps.Retire(uri, ends, softly):
                self._retire(uri, self._facts.ends if ends else (None, *self._others(uri)), softly=softly)
            case steps.BringBack(uri):
                self._bring_back(uri)
            case steps.Forget(uri):
                self._forget(uri)
            case steps.Release(uri):
                self._hold.release(uri, f"{self._plan.operation} done", self._facts.ending if self._proven else ())
            case steps.Wait(time, why):
                self._wait(time, why)
            case steps.Hook(argv):
                asked = self._job.stop.asked
                self._hook = "not run: it was asked to stop" if asked else hook.run(argv, self._job.credentials)
            case _:
                self._do_at_auth0(step)

    def _do_at_auth0(self, step: steps.Step) -> None:
        """Do what changes Auth0, or asks it."""
        match step:
            case steps.SetAtAuth0():
                self._live.set()
            case steps.GenerateAtAuth0():
                self._live.generate()
            case steps.Prove():
                prove(self._job, self._seen.client, self._hold.uris)
            case steps.Confirm():
                confirm(self._job, self._seen.client, self._facts.required)
            case steps.Examine():
                self._examine()
            case steps.AwaitRefusal():
                self._await_refusal()
            case steps.Settle():
                self._settle()

    def _claim(self, step: steps.Claim) -> None:
        place, value = self._places[step.uri], self._facts.value if step.with_value else None
        initial = self._facts.initial if step.fill else None
        before = self._phase
        self._reach(Phase.CHANGED if initial or not place.exists else Phase.CLAIMED)
        try:
            claimed = self._sink(step.uri).claim(place, self._lock, value, initial=initial, over=step.over)
            self._hold.add(claimed)
        except Busy:
            self._phase = before  # somebody else's place: nothing of it was changed
            raise
        self._tell("stage" if value else "lock", f"{self._lock.id} {'pending' if value else 'locked'} in {step.uri}")

    def _wait(self, time: timedelta, why: str) -> None:
        """Wait; asked to stop, leave an interrupted operation to the next who finishes it: waiting may take long."""
        job = self._job
        pause(time, why, clock=job.clock, watcher=job.watcher, stop=lambda: job.stop.asked)
        if job.stop.asked and self._plan.operation is Operation.SETTLE:
            raise Failed("stopped as asked, before it was known which value Auth0 accepts")

    def _take_over(self, uri: str) -> None:
        try:
            self._hold.add(self._sink(uri).take_over(self._places[uri], self._lock))
        except SinkError as error:
            self._reach(Phase.NOTHING if isinstance(error, Busy) else Phase.CLAIMED)  # Busy: somebody was faster
            raise
        self._reach(Phase.CLAIMED)

    def _examine(self) -> None:
        """Ask Auth0, and go on as its answer says: the rest of a settlement is not known before."""
        job, client, says = self._job, self._seen.client, self._plan.says
        found = inquire(job, client, self._hold.uris, self._facts.brought)
        places = tuple(sorted((*found.places, *self._untaken()), key=lambda place: place.uri))
        self._places |= {place.uri: place for place in places}
        chosen = choose(job, client, found, places, says, self._facts)
        wish = Wish(kill=kills(says), ends=bool(self._facts.ends), companions=self._lock.companions)
        self._hold.based_on(chosen.base)
        self._facts.lock = self._lock = replace(self._lock, base=chosen.base, ends=())
        self._settlement = chosen
        following = settlement.steps(places, self._hold.uris, chosen, self._facts.value, wish)
        check(job, places, Plan(Operation.SETTLE, following), self._lock)
        self._steps += following
        self._tell("settle", f"{self._lock.id} {chosen.way}")

    def _untaken(self) -> tuple[Place, ...]:
        """Return the places that are empty, and that nobody took."""
        return tuple(place for uri, place in self._places.items() if uri not in self._hold.uris)

    def _promote(self, uri: str, *, keep: bool) -> None:
        """Promote one place; if it cannot be reached the others come first, for their readers' sake."""
        self._reach(Phase.CHANGED)
        places = tuple(self._places.values())
        told = record(self._said(), self._places[uri], self._facts.required, self._job.uris, self._now())
        if self._plan.operation in SAME_VALUE:
            told = unchanged(told, places)
        try:
            promoted = self._sink(uri).promote(self._hold[uri], self._facts.required, self._anchored(told), keep=keep)
        except Lost:
            raise
        except SinkError as error:
            self._missed = self._missed or error
            return
        if promoted.untold:
            repair = self._job.whose.command("adopt")
            self._live.notes.append(f"tags are missing in {uri}: {promoted.untold}; make room, then: {repair} --repair")
            self._status = Incomplete.exit_status
        self._done[uri] = At(promoted.current, promoted.fallback)
        kept = f"{short(promoted.fallback)} fallback" if promoted.fallback else "no fallback"
        self._tell("promote", f"{uri} {short(promoted.current)} current, {kept}")

    def _said(self) -> Lock:
        """Return the lock as the record shall tell it: who settles, and what the lock says of who began."""
        says = self._plan.says
        if self._plan.operation is not Operation.SETTLE:
            return self._lock
        told = f"{says.operation} by {says.actor}, says its lock" if says else "Auth0 accepts another value"
        return replace(self._lock, operation=Operation.SETTLE, actor=self._job.actor, reason=tag_text(told))

    def _finish_what_was_set(self) -> None:
        """The places were lost after Auth0 was told: let readers have the value where current is what it was.

        Within the lease of the look before: whoever takes a place over waits longer than that before they write.
        """
        facts, until = self._facts, self._live.until
        if self._phase is not Phase.SET or facts.base is None:
            return
        for uri in self._hold.uris:
            if uri not in self._done:
                with suppress(SinkError):
                    if self._sink(uri).finish(self._hold[uri], facts.base, facts.required, before=until):
                        self._done[uri] = At("?")
                        self._tell("promote", f"{uri} holds the value; the place was taken by somebody else")

    def _tag(self, step: steps.Tag) -> None:
        self._reach(Phase.CHANGED)
        place, now = self._places[step.uri], self._now()
        fallback: str | None
        if step.restore:
            told, fallback = restored(self._said(), place, now)
        else:
            written = step.uri in self._done
            base, uris, shared = self._facts.base, self._job.uris, self._facts.shared
            told, fallback = adopted(self._lock, place, base, uris, now, written=written, shared=shared)
        told = self._anchored(told)
        self._sink(step.uri).tag(self._hold[step.uri], told, keep_limit=step.keep_limit, fallback=fallback)

    def _anchored(self, told: Record) -> Record:
        """Add the head of the audit record, where one is kept."""
        return replace(told, audit=head) if (head := self._job.trail.head) else told

    def _lay_out(self, uri: str, coming: Secret | None) -> None:
        self._reach(Phase.CHANGED)
        self._sink(uri).lay_out(self._hold[uri], coming)

    def _announce_again(self, time: timedelta) -> None:
        for _ in range(ROUNDS):
            written = [self._sink(uri).lay_out(self._hold[uri], self._facts.required) for uri in self._hold.uris]
            if not any(written):
                return
            self._wait(time, "somebody wrote over what was announced: it was announced again")
        raise Failed("others keep writing over what is announced; Auth0 was not changed", "find out who does")

    def _retire(self, uri: str, fingerprints: tuple[str | None, ...], *, softly: bool) -> None:
        self._reach(Phase.CHANGED)
        gone = tuple(v for each in fingerprints for v in self._sink(uri).retire(self._hold[uri], each, softly=softly))
        self._done[uri] = replace(self._done.get(uri, At()), retired=gone)
        self._tell("retire", f"{uri} {', '.join(map(short, gone)) or 'nothing left'}")
        self._note(uri)

    def _others(self, uri: str) -> tuple[str, ...]:
        """Return the fallbacks of other places that end here as well, wherever a copy stands: tags may be lost."""
        value = self._places[uri].value(Stage.FALLBACK)
        own = value.fingerprint(self._lock.client_id) if value else None
        return tuple(each for each in self._facts.ends if each != own)

    def _bring_back(self, uri: str) -> None:
        self._reach(Phase.CHANGED)
        version = self._sink(uri).bring_back(self._hold[uri])
        self._done[uri] = At(fallback=version)
        if not version and self._places[uri].aside:
            self._live.notes += (f"{uri} holds it no longer: nothing was brought back there",)
        self._tell("bring back", f"{uri} {short(version) if version else 'nothing'} fallback")
        self._note(uri)

    def _note(self, uri: str) -> None:
        """Say beside the record who ended the fallback, or brought it back, and why."""
        if self._plan.operation in NOTED:
            self._sink(uri).note(noted(self._lock, self._now(), self._job.trail.head))

    def _forget(self, uri: str) -> None:
        self._reach(Phase.CHANGED)
        self._sink(uri).forget(self._hold[uri])

    def _await_refusal(self) -> None:
        required, ending = self._facts.required, self._facts.ending
        self._settled = await_refusal(self._job, self._seen.client, required, ending, since=self._live.since)
        self._proven = True

    def _settle(self) -> None:
        client, facts = self._seen.client, self._facts
        self._settled = settle(self._job, client, facts.required, facts.base, since=self._live.since)

    def _raise_missed(self) -> None:
        if self._missed is not None:
            raise self._missed

    def _heed(self, step: steps.Step) -> None:
        if not isinstance(step, steps.Promote):
            self._raise_missed()
        if self._stop_before_set() and not isinstance(step, (steps.Release, steps.Settle, steps.Hook)):
            raise Failed("stopped as asked, before anything was changed for good")

    def _stop_before_set(self) -> bool:
        """Tell whether to stop as asked: until something was changed that has to be carried through."""
        begun = Phase.SETTING if self._plan.operation in CHANGES else Phase.CHANGED
        return self._job.stop.asked and self._phase < begun

    def _reach(self, phase: Phase) -> None:
        self._phase = max(self._phase, phase)

    def _end(self, error: SinkError | BridgeError) -> NoReturn:
        """Give back what is held if Auth0 was not touched; otherwise tell where things stand."""
        begun_here = self._plan.says is None
        unset = (self._facts.value,) if self._facts.value and self._phase < Phase.SETTING else ()
        if isinstance(error, Lost):
            self._finish_what_was_set()
        if isinstance(error, Changed) and self._hold.give_back():
            raise error
        if self._phase is Phase.NOTHING or (self._phase is Phase.CLAIMED and begun_here):
            if isinstance(error, Lost):
                raise Refused(f"{error.message}. Auth0 was not changed from here", error.hint) from None
            if self._hold.give_back(unset) and not (isinstance(error, Unavailable) and error.unsure):
                raise (translate(error) if isinstance(error, SinkError) else error) from None
        elif self._phase is Phase.CHANGED and begun_here and self._plan.operation in CHANGES:
            self._hold.give_back(unset)  # Auth0 knows nothing of it: the next run begins anew
        self._stop(error)

    def _stop(self, error: SinkError | BridgeError) -> NoReturn:
        whose, places = self._job.whose, self._seen.places
        raise Stopped(standing(whose, self._plan, self._lock, self._phase, places, self._done, error)) from None

    def _now(self) -> datetime:
        return self._seen.server_time(self._job.clock.monotonic())

    def _sink(self, uri: str) -> Sink:
        return self._job.sinks[uri]

    def _tell(self, name: str, text: str) -> None:
        self._job.watcher.step(name, text)
