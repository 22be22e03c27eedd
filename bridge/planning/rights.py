"""What an operation asks of a place. Pure.

The answer follows from the operation's plan, so that nobody needs a right that no request takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.model import steps
from bridge.model.operation import NOTED
from bridge.model.plan import Plan
from sinks.companions import WRITTEN, Companions
from sinks.port import Place
from sinks.rights import Deed

PLAIN: Mapping[type, Deed] = {
    steps.Claim: Deed.HOLD,
    steps.TakeOver: Deed.HOLD,
    steps.Store: Deed.HOLD,
    steps.Release: Deed.HOLD,
    steps.Promote: Deed.PROMOTE,
    steps.LayOut: Deed.LAY_OUT,
    steps.Tag: Deed.TAG,
    steps.BringBack: Deed.BRING_BACK,
    steps.Forget: Deed.FORGET,
}
"""What each kind of step always asks of its place.

The other kinds ask nothing of a place, or what they ask depends on the step.
"""


def asked(plan: Plan, place: Place, companions: Companions) -> frozenset[Deed]:
    """Return what executing a plan asks of one place.

    `companions` is what the operation does with the companions in the documents.
    """
    own = [step for step in plan.steps if getattr(step, "uri", None) == place.uri]
    beside = {Deed.LAY_OUT} if own and companions in WRITTEN else set()
    noted = {Deed.NOTE} if plan.operation in NOTED else set()
    return frozenset({deed for step in own for deed in _deeds(step, place)} | beside | noted)


def _deeds(step: steps.Step, place: Place) -> Iterator[Deed]:
    if plain := PLAIN.get(type(step)):
        yield plain
    match step:
        case steps.Claim(fill=True):
            yield Deed.FILL
        case steps.Promote() if not place.exists:
            yield Deed.FILL
        case steps.Retire(softly=True):
            yield Deed.RETIRE_SOFTLY
            if place.aside is not None:
                yield Deed.RETIRE  # what was retired softly before ends, if it is another value
        case steps.Retire():
            yield Deed.RETIRE
