"""Claims places for an operation, and takes them over."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.execution.leases import Hold
from bridge.execution.session import Job
from bridge.model import steps
from bridge.model.operation_values import Facts
from bridge.planning.interruption import Phase
from sinks.port import Busy, Place, SinkError

TRIES = 5
"""How often a place is claimed over somebody who keeps writing there."""


@dataclass
class Reached:
    """How far an operation has come. Call it with a phase: it never goes back."""

    phase: Phase = Phase.NOTHING

    def __call__(self, phase: Phase) -> None:
        """Note that a phase was reached."""
        self.phase = max(self.phase, phase)


@dataclass(frozen=True)
class Claims:
    """What claims the places of one operation. `places` are what was read of them; it keeps what it reads again."""

    job: Job
    places: dict[str, Place]
    facts: Facts
    hold: Hold
    reached: Reached

    def claim(self, step: steps.Claim) -> None:
        """Claim one place, with the value where the step says so.

        Raises:
            SinkError: somebody else holds it, or it cannot be written.
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
                    self.reached.phase = before  # somebody else's place: nothing of it was changed
                    raise
                place = self.places[step.uri] = self.job.sinks[step.uri].read()  # whoever writes there must not win
        stage, what = ("stage", "pending") if value else ("lock", "locked")
        self.job.watcher.step(stage, f"{self.facts.lock.id} {what} in {step.uri}")

    def take_over(self, uri: str) -> None:
        """Take a place from whoever holds it, with its value.

        Raises:
            SinkError: somebody was faster, or it cannot be written.
        """
        try:
            self.hold.add(self.job.sinks[uri].take_over(self.places[uri], self.facts.lock))
        except SinkError as error:
            self.reached(Phase.NOTHING if isinstance(error, Busy) else Phase.CLAIMED)  # Busy: somebody was faster
            raise
        self.reached(Phase.CLAIMED)

    def untaken(self) -> tuple[Place, ...]:
        """Return the places that are empty, and that nobody took."""
        return tuple(place for uri, place in self.places.items() if uri not in self.hold.uris)
