"""Results of operations, as data that the CLI prints.

They hold ids, URIs and sentences, and no secret.
"""

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
class Propagated:
    """Result of the probes after a change.

    An unproven result does not undo the change. Its spreading was just not observed in time.
    """

    proven: bool
    """Whether it is proven that the change has spread."""
    accepted: int = 0
    """How many probes of the new value were accepted."""
    asked: int = 0
    """How many probes of the new value were sent."""
    refused: int = 0
    """How many probes of the old value were refused."""
    asked_old: int = 0
    """How many probes of the old value were sent."""
    seconds: float = 0.0
    """Seconds between the change at Auth0 and this result."""


@dataclass(frozen=True)
class At:
    """What an operation has achieved at one sink, as ids of versions.

    `current` and `fallback` are the versions with these roles. `retired` are those that were made unreadable.
    """

    current: str | None = None
    fallback: str | None = None
    retired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Result of one operation on one client.

    It means that the operation ended, or was only planned. One that stopped on its way raises `Stopped` instead.
    """

    client: str
    """The client's name."""
    client_id: str
    """The client's id at Auth0."""
    operation: Operation
    """The operation that was planned or executed."""
    id: str
    """The operation's id, which begins with `r-`."""
    plan: Plan
    """The plan that was shown, and executed unless this is a dry run."""
    result: str
    """Either "planned" (dry run), "done", or for a settlement "finished", "given-back" or "cleaned-up"."""
    sinks: dict[str, At] = field(default_factory=dict)
    """What was achieved at each sink, by the sink's URI."""
    propagated: Propagated | None = None
    """What the probes said after the change, if there were any."""
    settlement: Settlement | None = None
    """How an interruption was ended, where that is what was done."""
    retire_from: datetime | None = None
    """When the fallback may be retired."""
    retire_by: datetime | None = None
    """When the fallback has to be retired."""
    hook: str | None = None
    """Why the `after` command failed or was not run. None where there is nothing to report."""
    notes: tuple[str, ...] = ()
    """What the user should know."""
    at: datetime | None = None
    """When the operation ended, by the vaults' time."""
    seconds: float = 0.0
    """How long the execution took."""
    exit_status: int = 0
    """Exit status of the command: 0 unless the user should look at something."""
    audit: str | None = None
    """Anchor of the audit record's last line ("SEQ:MAC"), where a record with a chain is kept."""

    @property
    def published(self) -> bool:
        """Whether an interruption was settled by making a value current.

        False where the sinks were given back, and where there was no interruption.
        """
        return self.settlement is not None and self.settlement.way is not Way.GIVE_BACK


@dataclass(frozen=True)
class Unchanged:
    """Result of an operation that had nothing to do."""

    why: str
    """The reason, as the end of a sentence about the client."""


@dataclass(frozen=True)
class Standing:
    """Report on an operation that stopped on its way: five answers and one warning."""

    id: str
    """The operation's id."""
    operation: Operation
    """The operation that stopped."""
    production: str
    """Whether production works, and which value Auth0 accepts."""
    stored: tuple[str, ...]
    """What each sink holds."""
    began: str
    """When the operation began, and who began it."""
    why: str
    """Why the operation stopped."""
    next: str
    """The command that the user should run next."""
    until: str
    """Until when the operation counts as live."""
    first: str | None = None
    """What the user has to mend before `next`."""
    dont: str | None = None
    """The warning: what the user must not do."""


class Stopped(BridgeError):
    """The operation stopped after its first write, and the user has to run `resume`.

    `standing` describes the state that it left behind.
    """

    # As `Incomplete`: a script has to run the command again and must not take this for a plain failure.
    exit_status = 3
    changed = True

    def __init__(self, standing: Standing) -> None:
        # `next` is the hint as well, so a caller that only knows `BridgeError` still names the next command.
        super().__init__(f"{standing.operation} {standing.id} is incomplete: {standing.why}", standing.next)
        self.standing = standing
