"""Executes a plan. Only this module orders I/O, for the reasons given in docs/internals/protocol.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

from bridge.auth0.probe import Verdict
from bridge.execution import after_hook as hook
from bridge.execution.auth0_value import LiveValue
from bridge.execution.claims import Claims, Reached
from bridge.execution.inquiry import choose, inquire
from bridge.execution.leak_notes import may_be_readable, remains
from bridge.execution.leases import Leases
from bridge.execution.propagation import await_propagation
from bridge.execution.publishing import Writing
from bridge.execution.session import Session
from bridge.execution.snapshot import Snapshot, check, translate
from bridge.execution.verification import Changed, await_refusal, confirm, prove
from bridge.model import steps
from bridge.model.errors import BridgeError, Failed, Incomplete, Refused
from bridge.model.operation import CHANGES, LEAKED, Operation
from bridge.model.operation_values import OperationValues
from bridge.model.outcome import Outcome, Propagated, Stopped
from bridge.model.plan import Plan, PlanOptions
from bridge.model.progress import pause
from bridge.model.settlement import Settlement, Way
from bridge.planning import settle as settlement
from bridge.planning.interruption import Phase, standing
from bridge.planning.settle import kills
from sinks.port import Lost, Sink, SinkError, Unavailable

ROUNDS = 3
"""How often a value is announced again."""


class Execution:
    """The execution of a plan, for one operation on one client."""

    def __init__(self, session: Session, plan: Plan, snapshot: Snapshot, values: OperationValues) -> None:
        self._session = session
        self._plan = plan
        self._steps = list(plan.steps)
        self._snapshot = snapshot
        self._sinks = {state.uri: state for state in snapshot.sinks}
        self._values = values
        self._leases = Leases(session)
        urgent = plan.operation is Operation.COMPROMISED
        self._reached = Reached()
        self._claims = Claims(session, self._sinks, values, self._leases, self._reached)
        self._live = LiveValue(session, snapshot.client, values, self._leases, self._reached, urgent=urgent)
        self._writing = Writing(session, plan, self._sinks, values, self._leases, self._now)
        self._propagated: Propagated | None = None
        self._hook: str | None = None
        self._missed: SinkError | None = None
        self._settlement: Settlement | None = None
        self._proven = False
        self._status = 0

    def run(self) -> Outcome:
        """Execute the plan.

        Raises:
            BridgeError: the plan stopped before anything was changed, and what was claimed has been released.
            Stopped: the plan stopped on its way. The error describes the state that is left.
        """
        started = self._session.clock.monotonic()
        try:
            while self._steps:
                step = self._steps.pop(0)
                self._heed(step)
                self._do(step)
            self._raise_missed()
        except (SinkError, BridgeError) as error:
            self._end(error)
        except KeyboardInterrupt:  # a second Ctrl-C leaves everything as it is
            self._stop(Failed("interrupted by a second Ctrl-C; it is unknown whether its last request was carried out"))
        if steps.AwaitRefusal() in self._plan.steps and self._plan.operation in LEAKED:
            self._live.notes += remains(self._session, self._snapshot.client)
        return Outcome(
            client=self._session.settings.name,
            client_id=self._snapshot.client.client_id,
            operation=self._plan.operation,
            id=self._values.lock.id,
            plan=self._plan,
            result=self._result(),
            sinks=self._writing.done,
            propagated=self._propagated,
            settlement=self._settlement,
            hook=self._hook,
            notes=(*self._live.notes, *self._writing.notes),
            at=self._now(),
            seconds=self._session.clock.monotonic() - started,
            exit_status=self._status,
        )

    def _result(self) -> str:
        if self._settlement is None:
            return "done"
        if self._settlement.way is not Way.GIVE_BACK:
            return "finished"
        says = self._plan.says
        return "given-back" if says and says.operation != Operation.SETTLE else "cleaned-up"

    def _do(self, step: steps.Step) -> None:  # one line a kind of step reads better than a table
        match step:
            case steps.Claim():
                self._claims.claim(step)
            case steps.TakeOver(uri):
                self._claims.take_over(uri)
            case steps.Store(uri):
                self._leases.add(self._sink(uri).store(self._leases[uri], self._values.required))
            case steps.Announced(time):
                self._announce_again(time)
            case (
                steps.Promote()
                | steps.Tag()
                | steps.WriteSiblingKeys()
                | steps.Retire()
                | steps.BringBack()
                | steps.Forget()
            ):
                self._write(step)
            case steps.Release(uri):
                self._leases.release(uri, f"{self._plan.operation} done", self._values.ending if self._proven else ())
            case steps.Wait(time, why):
                self._wait(time, why)
            case steps.Hook(argv):
                self._hook = hook.restart_readers(self._session, argv)
            case _:
                self._do_at_auth0(step)

    def _write(self, step: steps.Step) -> None:
        """Execute a step that changes a sink's documents or tags."""
        self._reached(Phase.CHANGED)
        match step:
            case steps.Promote(uri, keep):
                self._promote(uri, keep=keep)
            case steps.Tag():
                self._writing.tag(step)
            case steps.WriteSiblingKeys(uri, coming):
                self._writing.write_sibling_keys(uri, coming=coming)
            case steps.Retire():
                self._writing.retire(step)
            case steps.BringBack(uri):
                self._writing.bring_back(uri)
            case steps.Forget(uri):
                self._writing.forget(uri)

    def _do_at_auth0(self, step: steps.Step) -> None:
        """Execute a step that changes Auth0 or asks it."""
        match step:
            case steps.SetAtAuth0():
                self._live.set()
            case steps.GenerateAtAuth0():
                self._live.generate()
            case steps.Prove():
                prove(self._session, self._snapshot.client, self._leases.uris)
            case steps.Confirm():
                confirm(self._session, self._snapshot.client, self._values.required)
            case steps.Examine():
                self._examine()
            case steps.AwaitRefusal():
                self._await_refusal()
            case steps.AwaitPropagation():
                self._await_propagation()
            case _:
                raise AssertionError(f"no way to execute: {step}")

    def _wait(self, time: timedelta, why: str) -> None:
        """Wait for `time`.

        A settlement that is asked to stop ends here, because the wait may be long. The next command settles the rest.
        """
        session = self._session
        pause(time, why, clock=session.clock, watcher=session.watcher, stop=lambda: session.stop.asked)
        if session.stop.asked and self._plan.operation is Operation.SETTLE:
            raise Failed("stopped as asked, before it was known which value Auth0 accepts")

    def _examine(self) -> None:
        """Ask Auth0 which value it accepts, and append the steps that follow from its answer."""
        session, client, says = self._session, self._snapshot.client, self._plan.says
        found = inquire(session, client, self._leases.uris, self._values.brought)
        sinks = tuple(sorted((*found.sinks, *self._claims.untaken()), key=lambda state: state.uri))
        self._sinks.update({state.uri: state for state in sinks})
        chosen = choose(session, client, found, sinks, says, self._values)
        beside, after = self._values.lock.sibling_keys, session.settings.after
        plan_options = PlanOptions(kill=kills(says), ends=bool(self._values.ends), sibling_keys=beside, hook=after)
        if says is not None and plan_options.kill:  # now: no lock tells of the leak after the release
            self._tell("leak", may_be_readable(session, says))
        else:  # not after a leak: a lock that is stored again must still tell of it
            self._leases.based_on(chosen.base)
        self._values.lock = replace(self._values.lock, base=chosen.base, ends=())
        self._settlement = chosen
        adopting = says is not None and says.operation in (Operation.ROTATE, Operation.ADOPT)
        following = settlement.steps(
            sinks, self._leases.uris, chosen, self._values.value, plan_options, adopting=adopting
        )
        # The steps were unknown when the rights were checked, so they are checked now.
        check(session, sinks, Plan(Operation.SETTLE, following), self._values.lock)
        self._steps += following
        self._tell("settle", f"{self._values.lock.id} {chosen.way}")

    def _promote(self, uri: str, *, keep: bool) -> None:
        """Promote one sink.

        An error is kept and raised later, so that the readers of the other sinks get their value first (ADR 17).
        """
        try:
            if not self._writing.promote(uri, keep=keep):
                self._status = Incomplete.exit_status
        except Lost:
            raise
        except SinkError as error:
            self._missed = self._missed or error

    def _announce_again(self, time: timedelta) -> None:
        for _ in range(ROUNDS):
            written = [self._writing.write_sibling_keys(uri, coming=True) for uri in self._leases.uris]
            if not any(written):
                return
            # Readers have read the other text meanwhile, so they need the whole time again.
            self._wait(time, "somebody wrote over what was announced: it was announced again")
        raise Failed("others keep writing over what is announced; Auth0 was not changed", "find out who does")

    def _await_refusal(self) -> None:
        required, ending = self._values.required, self._values.ending
        for left in (1, 0):
            try:
                self._propagated = await_refusal(
                    self._session, self._snapshot.client, required, ending, since=self._live.since
                )
                break
            except Failed:
                refused = self._session.auth0.probe(self._snapshot.client, required) is Verdict.REFUSED
                if not (left and refused and self._plan.operation in CHANGES):
                    raise
                self._live.set()  # a late call has set another value since
        self._proven = True

    def _await_propagation(self) -> None:
        client, values = self._snapshot.client, self._values
        self._propagated = await_propagation(
            self._session, client, values.required, values.base, since=self._live.since
        )

    def _raise_missed(self) -> None:
        if self._missed is not None:
            raise self._missed

    def _heed(self, step: steps.Step) -> None:
        if not isinstance(step, steps.Promote):
            # A missed promotion waits for the last one, so that other readers are served first (ADR 17).
            self._raise_missed()
        if self._stop_before_set() and not isinstance(step, (steps.Release, steps.AwaitPropagation, steps.Hook)):
            raise Failed("stopped as asked, before anything was changed for good")

    def _stop_before_set(self) -> bool:
        """Return whether to stop as asked. After a change that has to be carried through, the answer is no."""
        begun = Phase.SETTING if self._plan.operation in CHANGES else Phase.CHANGED
        return self._session.stop.asked and self._reached.phase < begun

    def _end(self, error: SinkError | BridgeError) -> NoReturn:
        """Release what is held if Auth0 was not changed. Otherwise report the state that is left."""
        begun_here = self._plan.says is None
        # A value that was never sent to Auth0 cannot become live, so a release may destroy it.
        unset = (self._values.value,) if self._values.value and self._reached.phase < Phase.SETTING else ()
        # Auth0 has the value already, so its readers must not wait for the process that took the sinks.
        if isinstance(error, Lost) and self._reached.phase in (Phase.GENERATED, Phase.SET):
            self._writing.finish(self._live.until)
        # Nothing is held any more, so a sync can begin anew with the value that Auth0 holds now.
        if isinstance(error, Changed) and self._leases.give_back():
            raise error
        if self._reached.phase is Phase.NOTHING or (self._reached.phase is Phase.CLAIMED and begun_here):
            if isinstance(error, Lost):
                raise Refused(f"{error.message}. Auth0 was not changed from here", error.hint) from None
            if self._leases.give_back(unset) and not (isinstance(error, Unavailable) and error.unsure):
                raise (translate(error) if isinstance(error, SinkError) else error) from None
        elif self._reached.phase is Phase.CHANGED and begun_here and self._plan.operation in CHANGES:
            self._leases.give_back(unset)  # Auth0 was not changed, so the next run begins anew
        self._stop(error)

    def _stop(self, error: SinkError | BridgeError) -> NoReturn:
        client_ref, sinks = self._session.client_ref, self._snapshot.sinks
        raise Stopped(
            standing(client_ref, self._plan, self._values.lock, self._reached.phase, sinks, self._writing.done, error)
        ) from None

    def _now(self) -> datetime:
        return self._snapshot.server_time(self._session.clock.monotonic())

    def _sink(self, uri: str) -> Sink:
        return self._session.sinks[uri]

    def _tell(self, name: str, text: str) -> None:
        self._session.watcher.step(name, text)
