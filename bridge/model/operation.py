"""The operations that can hold a client's sinks, and sets of operations with a common property.

A lock is shown by its operation and never carried out because of it (ADR 33).
"""

from __future__ import annotations

from enum import StrEnum


class Operation(StrEnum):
    """An operation that can hold a client's sinks.

    Its text is written into the lock of each sink. A lock with another text counts as foreign.
    """

    # Stored in vaults: after a change here, locks of earlier versions would count as foreign.
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
"""Operations that make Auth0 accept the pending value."""


class Strategy(StrEnum):
    """The side that generates a rotation's new value.

    With `STAGED` the bridge generates it, and stores it in the vaults before Auth0 learns it. With `AUTH0_GENERATED`
    Auth0 generates it.
    """

    STAGED = "staged"
    AUTH0_GENERATED = "auth0-generated"


RETIREMENTS = frozenset({Operation.RETIRE, Operation.RETIRE_SOFTLY})
"""Operations that end the fallback, for good or softly."""
# `sync` is among them, because after a rotation in the dashboard it publishes the value that replaced the leaked one.
LEAKED = frozenset({Operation.COMPROMISED, Operation.SYNC})
"""Operations that can answer a leak. Their outcome then lists what a new secret does not end."""
SAME_VALUE = frozenset({Operation.SYNC, Operation.SETTLE})
"""Operations that publish a value which may be older than the operation."""
# Their record must stay: ages and history would otherwise begin anew with a retirement.
NOTED = RETIREMENTS | {Operation.BRING_BACK}
"""Operations that leave a sink's record as it is, and write a note beside it."""
SOFT = frozenset({Operation.RETIRE_SOFTLY, Operation.BRING_BACK})
"""A soft retirement, and the operation that undoes it."""

PUBLISHES = CHANGES | {Operation.SYNC}
"""Operations after which readers need another value than the one they have."""
