"""What an operation asks of a sink. Pure.

The answer follows from the operation's plan, so that a role never needs a right that no request takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.model import steps
from bridge.model.operation import NOTED
from bridge.model.plan import Plan
from sinks.port import SinkState
from sinks.rights import Deed
from sinks.sibling_keys import WRITTEN, SiblingKeys

PLAIN: Mapping[type, Deed] = {
    steps.Claim: Deed.HOLD,
    steps.TakeOver: Deed.HOLD,
    steps.Store: Deed.HOLD,
    steps.Release: Deed.HOLD,
    steps.Promote: Deed.PROMOTE,
    steps.WriteSiblingKeys: Deed.WRITE_SIBLING_KEYS,
    steps.Tag: Deed.TAG,
    steps.BringBack: Deed.BRING_BACK,
    steps.Forget: Deed.FORGET,
}
"""What each kind of step always asks of its sink.

The other kinds ask nothing of a sink, or what they ask depends on the step.
"""


def asked(plan: Plan, state: SinkState, sibling_keys: SiblingKeys) -> frozenset[Deed]:
    """Return what executing a plan asks of one sink.

    `sibling_keys` is what the operation does with the sibling keys in the documents.
    """
    own = [step for step in plan.steps if getattr(step, "uri", None) == state.uri]
    # Every release takes back what is announced, so each operation may have to write them (ADR 29).
    beside = {Deed.WRITE_SIBLING_KEYS} if own and sibling_keys in WRITTEN else set()
    noted = {Deed.NOTE} if plan.operation in NOTED else set()
    return frozenset({deed for step in own for deed in _deeds(step, state)} | beside | noted)


def _deeds(step: steps.Step, state: SinkState) -> Iterator[Deed]:
    if plain := PLAIN.get(type(step)):
        yield plain
    match step:
        case steps.Claim(fill=True):
            yield Deed.FILL
        case steps.Promote() if not state.exists:
            yield Deed.FILL
        case steps.Retire(softly=True):
            yield Deed.RETIRE_SOFTLY
            if state.soft_deleted is not None:
                yield Deed.RETIRE  # what was retired softly before ends, if it is another value
        case steps.Retire():
            yield Deed.RETIRE
