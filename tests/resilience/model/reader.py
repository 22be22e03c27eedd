"""An application that reads its secret: current, then pending, then fallback, each tried at Auth0 before the next.

What Auth0 may accept at the moment of the try counts as served; bad luck while a change spreads is not searched. A
reader whose round failed reads again. Its state is one number: how many tries it has made.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.resilience.model.auth0_model import met
from tests.resilience.model.seeing import shown
from tests.resilience.model.world import World

SERVED, BEGIN = -1, 0
STAGES = ("current", "pending", "fallback")
ROUNDS = 2


def steps(world: World, tries: int) -> Iterator[tuple[str, int]]:
    """Yield the reader's next try, at any sink."""
    if tries == SERVED or world.foreign or tries >= ROUNDS * len(STAGES):
        return
    stage = STAGES[tries % len(STAGES)]
    value = getattr(shown(world.sinks[0]), stage)
    if value in met(world.auth0):
        return  # served: nothing is left to search
    yield f"reader: {stage} {value} is refused", tries + 1


def fault(tries: int) -> str | None:
    """Return the fault of a reader that was refused with everything, twice over."""
    return f"a reader was refused with all candidates in {ROUNDS} rounds" if tries >= ROUNDS * len(STAGES) else None
