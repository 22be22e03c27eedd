"""Decides what an operation does with the companions in the documents."""

from __future__ import annotations

from bridge.execution.session import Job
from bridge.model.operation import CHANGES, Operation
from sinks.companions import Companions
from sinks.port import Place

SWITCHES = CHANGES | {Operation.ADOPT, Operation.SYNC, Operation.SETTLE}
"""Operations that write the record anew, and by that may add companions to documents or remove them."""


def companions(job: Job, places: tuple[Place, ...], operation: str) -> Companions:
    """Return what an operation does with the companions in the documents.

    What is there stays. Where the settings say otherwise, the operations in `SWITCHES` change it.
    """
    there, wanted = {place.companions for place in places}, job.settings.companions
    known = next((each for each in (Companions.KEEP, Companions.WERE) if each in there), Companions.NONE)
    if operation == Operation.FORGET:
        return Companions.NONE
    if wanted is None or operation not in SWITCHES:
        return known
    if wanted:
        return Companions.KEEP
    return Companions.END if known is Companions.KEEP else known
