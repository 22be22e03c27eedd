"""The plan of an operation, and what the user and the configuration ask of it.

A plan holds no secret, so it can be printed. What `--dry-run` prints is what would be executed (ADR 20).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bridge.model.operation import Operation, Strategy
from bridge.model.steps import Step
from sinks.port import Lock
from sinks.sibling_keys import SiblingKeys


@dataclass(frozen=True)
class Plan:
    """The steps of an operation, in the order of their execution.

    `notes` are what the user should know before agreeing to the plan. `says` is the lock of the interruption that the
    plan settles. That lock may be forged. `irreversible` names what cannot be
    undone. `creates` are the sinks that do not exist yet.
    """

    operation: Operation
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    says: Lock | None = None
    irreversible: str | None = None
    creates: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanOptions:
    """What the user and the configuration ask of an operation.

    The defaults describe a staged rotation into sinks that are managed, without waits and without ending anything.
    """

    strategy: Strategy = Strategy.STAGED
    """The side that generates the new value."""
    refresh: timedelta = timedelta()
    """How long consumers may take to read the pending value (`consumer_refresh`)."""
    fence: timedelta = timedelta()
    """How long after the last change of a lock key calls without compare-and-set have to wait."""
    without_fallback: bool = False
    """Whether an empty sink is left without the live value as its first version."""
    settle: bool = True
    """Whether to probe at the end until the change has spread."""
    hook: tuple[str, ...] = ()
    """The client's `after` command. Empty where there is none."""
    keep_limit: bool = False
    """Whether the number of versions that the vault keeps stays as it is."""
    ends: bool = False
    """Whether the operation makes values unreadable at its end."""
    kill: bool = False
    """Whether the value that is current at the beginning is one of them.

    Such a value becomes no fallback. It goes only after Auth0 has refused it for long enough.
    """
    sibling_keys: str = SiblingKeys.NONE
    """What the operation does with the sibling keys."""
    without_base: bool = False
    """Whether no value becomes the fallback."""
    # Only for the answer to a leak, which must not wait for any lock.
    over: bool = False
    """Whether sinks are claimed whatever holds them."""
