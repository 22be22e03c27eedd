"""Decides what an operation does with the sibling keys in the documents.

The configuration and the documents decide, and never a lock, because a forged lock could otherwise change what readers
see (ADR 29, 33).
"""

from __future__ import annotations

from bridge.execution.session import Session
from bridge.model.operation import CHANGES, Operation
from sinks.port import SinkState
from sinks.sibling_keys import SiblingKeys

SWITCHES = CHANGES | {Operation.ADOPT, Operation.SYNC, Operation.SETTLE}
"""Operations that write the record anew, and by that may add sibling keys to documents or remove them."""


def sibling_keys(session: Session, sinks: tuple[SinkState, ...], operation: str) -> SiblingKeys:
    """Return what an operation does with the sibling keys in the documents.

    What is there stays. Where the settings say otherwise, the operations in `SWITCHES` change it.
    """
    there, wanted = {state.sibling_keys for state in sinks}, session.settings.sibling_keys
    known = next((each for each in (SiblingKeys.KEEP, SiblingKeys.WERE) if each in there), SiblingKeys.NONE)
    # The document is its user's again, so it stays as it is.
    if operation == Operation.FORGET:
        return SiblingKeys.NONE
    # A machine whose configuration says nothing must not take the keys from another machine's readers (ADR 29).
    if wanted is None or operation not in SWITCHES:
        return known
    if wanted:
        return SiblingKeys.KEEP
    return SiblingKeys.END if known is SiblingKeys.KEEP else known
