"""What can hold a client's places, and the sets of operations that have something in common."""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """What can hold a client's places."""

    ROTATE = "rotate"
    ROLLBACK = "rollback"
    COMPROMISED = "compromised"
    SYNC = "sync"
    RETIRE = "retire"
    RETIRE_SOFTLY = "retire-softly"
    BRING_BACK = "bring-back"
    ADOPT = "adopt"
    FORGET = "forget"
    SETTLE = "settle"


CHANGES = frozenset({Operation.ROTATE, Operation.ROLLBACK, Operation.COMPROMISED})
"""The operations that make Auth0 accept the value that is pending."""


class Strategy(StrEnum):
    """Who makes the new value: the bridge, in the vaults before Auth0 learns it, or Auth0."""

    STAGED = "staged"
    AUTH0_GENERATED = "auth0-generated"


RETIREMENTS = frozenset({Operation.RETIRE, Operation.RETIRE_SOFTLY})
LEAKED = frozenset({Operation.COMPROMISED, Operation.SYNC})
SAME_VALUE = frozenset({Operation.SYNC, Operation.SETTLE})
"""What publishes a value that may be older than the operation."""
NOTED = RETIREMENTS | {Operation.BRING_BACK}
"""What leaves a place's record as it is, and a note beside it."""
SOFT = frozenset({Operation.RETIRE_SOFTLY, Operation.BRING_BACK})
"""A soft retirement, and its undoing."""

PUBLISHES = CHANGES | {Operation.SYNC}
"""The operations after which readers have to get another value than they have."""
