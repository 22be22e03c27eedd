"""What became of an operation, as data; the CLI prints it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bridge.model.errors import BridgeError
from bridge.model.settlement import Way

if TYPE_CHECKING:
    from bridge.model.operation import Operation
    from bridge.model.plan import Plan
    from bridge.model.settlement import Settlement


@dataclass(frozen=True)
class Settled:
    """What the probes said after a change: how often the new value was accepted, the old one refused, of how many."""

    proven: bool
    accepted: int = 0
    asked: int = 0
    refused: int = 0
    asked_old: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class At:
    """Where one place stands: the versions that are current and fallback, and those that were retired."""

    current: str | None = None
    fallback: str | None = None
    retired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """One operation of one client, ended `at` a time of the vaults. `exit_status` is 0 unless somebody should look.

    `settlement`: how an interruption was ended, where that is what was done.
    `audit` is the anchor of its record's last line ("SEQ:MAC"), where one is kept with a chain.
    """

    client: str
    client_id: str
    operation: Operation
    id: str
    plan: Plan
    result: str
    places: dict[str, At] = field(default_factory=dict)
    settled: Settled | None = None
    settlement: Settlement | None = None
    retire_from: datetime | None = None
    retire_by: datetime | None = None
    hook: str | None = None
    notes: tuple[str, ...] = ()
    at: datetime | None = None
    seconds: float = 0.0
    exit_status: int = 0
    audit: str | None = None

    @property
    def published(self) -> bool:
        """Whether something interrupted was settled by making a value current."""
        return self.settlement is not None and self.settlement.way is not Way.GIVE_BACK


@dataclass(frozen=True)
class Standing:
    """The five answers when an operation stopped on its way, and one warning.

    `first`: what to mend before `next`.
    """

    id: str
    operation: Operation
    production: str
    stored: tuple[str, ...]
    began: str
    why: str
    next: str
    until: str
    first: str | None = None
    dont: str | None = None


class Stopped(BridgeError):
    """An operation stopped after its first write: run `resume`. `standing` tells how things are."""

    exit_status = 3

    def __init__(self, standing: Standing) -> None:
        super().__init__(f"{standing.operation} {standing.id} is incomplete: {standing.why}", standing.next)
        self.standing = standing
