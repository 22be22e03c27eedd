"""The cases: each signal, at each moment, after the first, a middle or the last client; and what follows."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import pytest

from tests.proofs.choice import commit
from tests.proofs.options import slice_of
from tests.resilience.races.operators import Spawned
from tests.resilience.together.moments import PLACES, Moment

PROOF = "together"
TWICE = 0.2  # seconds between the first Ctrl-C and the second


class Blow(StrEnum):
    """What happens to the process."""

    KILLED = "killed"
    FROZEN = "frozen"
    TERMINATED = "terminated"
    INTERRUPTED = "interrupted"
    TWICE = "twice"


class Then(StrEnum):
    """The one command that follows."""

    RESUME = "resume"
    NOT_SINCE = "not-since"
    TAKEOVER = "takeover"


KINDS = ((Blow.FROZEN,), (Blow.TERMINATED, Blow.INTERRUPTED, Blow.TWICE), (Blow.KILLED,))
"""The kinds of signals. An ordinary run takes a case of each."""
ASKS = (Blow.TERMINATED, Blow.INTERRUPTED)
"""After these, the process holds nothing any more when it has ended."""
ROTATING = (Moment.CHECK, Moment.STAGE, Moment.SET, Moment.PROMOTE, Moment.RELEASE, Moment.WAIT)
RETIRING = (Moment.CHECK, Moment.STAGE, Moment.DESTROY, Moment.RELEASE)
ANSWERING = (Moment.CHECK, Moment.STAGE, Moment.SET, Moment.PROMOTE, Moment.WAIT, Moment.DESTROY, Moment.RELEASE)


def _asking(*numbers: signal.Signals) -> Callable[[Spawned], None]:
    def strike(process: Spawned) -> None:
        for at, number in enumerate(numbers):
            time.sleep(TWICE if at else 0)
            if not process.over:
                os.kill(process.pid, number)

    return strike


STRIKES: Mapping[Blow, Callable[[Spawned], None]] = {
    Blow.KILLED: Spawned.kill,
    Blow.FROZEN: Spawned.freeze,
    Blow.TERMINATED: _asking(signal.SIGTERM),
    Blow.INTERRUPTED: _asking(signal.SIGINT),
    Blow.TWICE: _asking(signal.SIGINT, signal.SIGINT),
}


def rotations() -> list[Any]:
    """Return a rotation's cases: blow, moment, place, and what follows, which takes turns."""
    found: list[Any] = []
    for kind in KINDS:
        cases = [(blow, moment, place) for blow in kind for moment in ROTATING for place in PLACES]
        daily = slice_of(commit(), len(cases)).number - 1
        for number, (blow, moment, place) in enumerate(cases):
            turn = list(Blow).index(blow) + ROTATING.index(moment) + PLACES.index(place)
            then = list(Then)[turn % len(Then)]
            mark = pytest.mark.proof(PROOF, daily=number == daily)
            found.append(pytest.param(blow, moment, place, then, marks=mark, id=f"{blow}-{moment}-{place}-{then}"))
    return found


def deaths(moments: tuple[Moment, ...]) -> list[Any]:
    """Return the cases of a command that is killed: moment and place."""
    mark = pytest.mark.proof(PROOF)
    return [pytest.param(m, place, marks=mark, id=f"{m}-{place}") for m in moments for place in PLACES]
