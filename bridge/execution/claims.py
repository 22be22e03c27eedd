"""Claims places for an operation, and takes over interrupted ones."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.execution.leases import Hold
from bridge.execution.session import Job
from bridge.model import steps
from bridge.model.operation_values import Facts
from bridge.planning.interruption import Phase
from sinks.port import Busy, Place, SinkError

TRIES = 5
"""How often a place is claimed against another process that keeps writing there."""


@dataclass
class Reached:
    """How far an operation has come. Calling it with a phase never goes back."""

    phase: Phase = Phase.NOTHING

    def __call__(self, phase: Phase) -> None:
        """Note that a phase was reached."""
        self.phase = max(self.phase, phase)


@dataclass(frozen=True)
class Claims:
    """The claims of one operation.

    `places` holds what was last read of each place, by URI. Whatever `claim` reads again replaces it.
    """

    job: Job
    places: dict[str, Place]
    facts: Facts
    hold: Hold
    reached: Reached

    def claim(self, step: steps.Claim) -> None:
        """Claim one place, and store the value there as pending where the step says so.

        The claim is a compare-and-set. With `step.over` a lost one is tried again on a fresh read, up to `TRIES` times.

        Raises:
            SinkError: another operation holds the place, or it cannot be written.
        """
        place, value = self.places[step.uri], self.facts.value if step.with_value else None
        initial = self.facts.initial if step.fill else None
        before = self.reached.phase
        self.reached(Phase.CHANGED if initial or not place.exists else Phase.CLAIMED)
        for left in reversed(range(TRIES if step.over else 1)):
            try:
                sink, lock = self.job.sinks[step.uri], self.facts.lock
                self.hold.add(sink.claim(place, lock, value, initial=initial, over=step.over))
                break
            except Busy:
                if not left:
                    self.reached.phase = before  # another operation's place: nothing of it was changed
                    raise
                place = self.places[step.uri] = self.job.sinks[step.uri].read()  # a writer must not keep us out
        stage, what = ("stage", "pending") if value else ("lock", "locked")
        self.job.watcher.step(stage, f"{self.facts.lock.id} {what} in {step.uri}")

    def take_over(self, uri: str) -> None:
        """Take a place over from its lock holder, together with its value.

        Raises:
            SinkError: another process was faster, or the place cannot be written.
        """
        try:
            self.hold.add(self.job.sinks[uri].take_over(self.places[uri], self.facts.lock))
        except SinkError as error:
            self.reached(Phase.NOTHING if isinstance(error, Busy) else Phase.CLAIMED)  # Busy: another process won
            raise
        self.reached(Phase.CLAIMED)

    def untaken(self) -> tuple[Place, ...]:
        """Return the places that this operation has not taken, because they are empty."""
        return tuple(place for uri, place in self.places.items() if uri not in self.hold.uris)
