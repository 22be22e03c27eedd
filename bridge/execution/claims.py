"""Claims sinks for an operation, and takes over interrupted ones.

Every claim and takeover is a compare-and-set on what was read, so of two processes only one can win.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.execution.leases import Leases
from bridge.execution.session import Session
from bridge.model import steps
from bridge.model.operation_values import OperationValues
from bridge.planning.interruption import Phase
from sinks.port import Busy, SinkError, SinkState

TRIES = 5
"""How often a sink is claimed against another process that keeps writing there."""


@dataclass
class Reached:
    """How far an operation has come. Calling it with a phase never goes back.

    A call whose answer was lost counts as carried out.
    """

    phase: Phase = Phase.NOTHING

    def __call__(self, phase: Phase) -> None:
        """Note that a phase was reached."""
        self.phase = max(self.phase, phase)


@dataclass(frozen=True)
class Claims:
    """The claims of one operation.

    `sinks` holds what was last read of each sink, by URI. Whatever `claim` reads again replaces it.
    """

    session: Session
    sinks: dict[str, SinkState]
    values: OperationValues
    leases: Leases
    reached: Reached

    def claim(self, step: steps.Claim) -> None:
        """Claim one sink, and store the value there as pending where the step says so.

        The claim is a compare-and-set. With `step.over` a lost one is tried again on a fresh read, up to `TRIES` times.

        Raises:
            SinkError: another operation holds the sink, or it cannot be written.
        """
        state, value = self.sinks[step.uri], self.values.value if step.with_value else None
        initial = self.values.initial if step.fill else None
        # Noted before the call: if its answer is lost, the sink may be changed already.
        before = self.reached.phase
        self.reached(Phase.CHANGED if initial or not state.exists else Phase.CLAIMED)
        # A lost claim usually means that another operation is at work. With `over` that does not matter.
        for left in reversed(range(TRIES if step.over else 1)):
            try:
                sink, lock = self.session.sinks[step.uri], self.values.lock
                self.leases.add(sink.claim(state, lock, value, initial=initial, over=step.over))
                break
            except Busy:
                if not left:
                    self.reached.phase = before  # another operation's sink: nothing of it was changed
                    raise
                state = self.sinks[step.uri] = self.session.sinks[step.uri].read()  # a writer must not keep us out
        stage, what = ("stage", "pending") if value else ("lock", "locked")
        self.session.watcher.step(stage, f"{self.values.lock.id} {what} in {step.uri}")

    def take_over(self, uri: str) -> None:
        """Take a sink over from its lock holder, together with its value.

        Raises:
            SinkError: another process was faster, or the sink cannot be written.
        """
        try:
            self.leases.add(self.session.sinks[uri].take_over(self.sinks[uri], self.values.lock))
        except SinkError as error:
            self.reached(Phase.NOTHING if isinstance(error, Busy) else Phase.CLAIMED)  # Busy: another process won
            raise
        self.reached(Phase.CLAIMED)

    def untaken(self) -> tuple[SinkState, ...]:
        """Return the sinks that this operation has not taken, because they are empty.

        A settlement fills them if it publishes a value, and leaves them alone otherwise.
        """
        return tuple(state for uri, state in self.sinks.items() if uri not in self.leases.uris)
