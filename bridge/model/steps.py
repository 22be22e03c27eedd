"""The steps that a plan is made of. The text of each step says in plain words what it does.

Steps name sinks by their URI and hold no secret. All but `GenerateAtAuth0` may be executed again after a lost answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Claim:
    """Claim a sink, and store the new value there as pending if it exists already.

    `fill`: the sink is empty, and the live value becomes its first version. `over`: claim the sink whatever holds it.
    """

    uri: str
    with_value: bool = True
    fill: bool = False
    over: bool = False

    def __str__(self) -> str:
        filled = "store the live value as current, then " if self.fill else ""
        over = ", whatever holds it" if self.over else ""
        return f"{filled}{'store the value as pending in' if self.with_value else 'lock'} {self.uri}{over}"


@dataclass(frozen=True)
class TakeOver:
    """Become the lock holder of an interrupted operation's sink, and keep its pending value.

    It is a compare-and-set, so the former holder loses at its next look. Auth0 may accept the value already.
    """

    uri: str

    def __str__(self) -> str:
        return f"take over {self.uri}"


@dataclass(frozen=True)
class Store:
    """Store the value as pending in a sink that is held without it.

    A process that settles after another death then finds it there.
    """

    uri: str

    def __str__(self) -> str:
        return f"store the value as pending in {self.uri}"


@dataclass(frozen=True)
class Wait:
    """Let time pass.

    `why` is shown to the user. The wait ends early if a stop is requested.
    """

    time: timedelta
    why: str

    def __str__(self) -> str:
        return f"wait {self.time.total_seconds():.0f} s: {self.why}"


@dataclass(frozen=True)
class SetAtAuth0:
    """Make Auth0 accept the pending value, with a PATCH.

    Setting the same value again is idempotent. The call has no compare-and-set, so it needs a lease (ADR 5).
    """

    def __str__(self) -> str:
        return "set the pending value at Auth0"


@dataclass(frozen=True)
class GenerateAtAuth0:
    """Have Auth0 generate a value, and store the answer as pending before anything else.

    The request is never repeated after a lost answer, because each repetition would generate another value (ADR 11).
    """

    def __str__(self) -> str:
        return "have Auth0 generate a value, and store it as pending"


@dataclass(frozen=True)
class Promote:
    """Make the value current. With `keep` the value before it becomes the fallback.

    It comes before Auth0's change has spread, so readers of the latest document get the right value sooner (ADR 8).
    """

    uri: str
    keep: bool = True

    def __str__(self) -> str:
        before = "the one before fallback" if self.keep else "keeping no fallback"
        return f"make it current in {self.uri}, {before}"


@dataclass(frozen=True)
class Tag:
    """Write the record of the value that a sink holds already. Only metadata change.

    `keep_limit` leaves the number of versions that the vault keeps as it is.
    """

    uri: str
    keep_limit: bool = False

    def __str__(self) -> str:
        return f"tag {self.uri} as managed by secret-bridge (metadata only)"


@dataclass(frozen=True)
class Retire:
    """Make values unreadable in one sink.

    Without `ends` these are the fallback's. With `ends` they are the values that this operation has read as ending.
    With `softly` the fallback can be brought back.
    """

    uri: str
    ends: bool = False
    softly: bool = False

    def __str__(self) -> str:
        how = ", so that it can be brought back" if self.softly else ""
        return f"retire {'what this operation ends' if self.ends else 'the fallback'} in {self.uri}{how}"


@dataclass(frozen=True)
class BringBack:
    """Make a fallback that was retired softly the fallback again.

    Where the vault has dropped it, its tag is removed and nothing is brought back.
    """

    uri: str

    def __str__(self) -> str:
        return f"make what was retired softly the fallback again in {self.uri}"


@dataclass(frozen=True)
class WriteSiblingKeys:
    """Bring the sibling keys in the latest document up to date. With `coming` they announce the pending value.

    What is right already is not written again.
    """

    uri: str
    coming: bool = True

    def __str__(self) -> str:
        return f"{'announce the value' if self.coming else 'write the sibling keys'} in the document of {self.uri}"


@dataclass(frozen=True)
class Announced:
    """Check that no other writer has replaced the announcement of the pending value.

    Where that has happened, the value is announced again and `time` is waited once more.
    """

    time: timedelta

    def __str__(self) -> str:
        return "read the documents again: the value is still announced there"


@dataclass(frozen=True)
class Prove:
    """Check, under the lock, that Auth0 accepts the current value and refuses the fallback's.

    It stops the plan if not, before anything is destroyed.
    """

    def __str__(self) -> str:
        return "probe Auth0: current accepted, fallback refused"


@dataclass(frozen=True)
class Confirm:
    """Ask Auth0 again whether it still holds the value that this operation publishes.

    The dashboard takes no lock, so the value may have changed since it was read (ADR 23).
    """

    def __str__(self) -> str:
        return "ask Auth0 again whether it holds that value"


@dataclass(frozen=True)
class AwaitRefusal:
    """Probe until Auth0 accepts the value that was set and refuses all values that end.

    Every probe throughout the proof has to be answered alike (`Timing.proof`).
    """

    def __str__(self) -> str:
        return "probe Auth0 until it refuses what ends, and only accepts what was set"


@dataclass(frozen=True)
class Examine:
    """Find out which of all stored values Auth0 accepts.

    The steps that follow are appended during the execution, because they depend on that answer alone.
    """

    def __str__(self) -> str:
        return "ask Auth0 which of the stored values it accepts; publish that one everywhere, or give the sinks back"


@dataclass(frozen=True)
class Forget:
    """Remove what the bridge wrote beside the values.

    Values and versions stay, also those of an open fallback.
    """

    uri: str

    def __str__(self) -> str:
        return f"remove secret-bridge's tags from {self.uri}"


@dataclass(frozen=True)
class Release:
    """Release the lock of a sink.

    Pending values that Auth0 may yet accept stay readable as older versions.
    """

    uri: str

    def __str__(self) -> str:
        return f"release {self.uri}"


@dataclass(frozen=True)
class AwaitPropagation:
    """Probe until the change has spread.

    This is proof and not part of the change. It runs outside of the lock and may be cut short (ADR 8).
    """

    def __str__(self) -> str:
        return "probe Auth0 until the new value has spread"


@dataclass(frozen=True)
class Hook:
    """Run the client's `after` command.

    A failure is reported and undoes nothing (ADR 9).
    """

    argv: tuple[str, ...]

    def __str__(self) -> str:
        return f"run {' '.join(self.argv)}"


# A union and not a base class, so that mypy knows the fields of each step in a `match`.
Step = (
    Claim | TakeOver | Store | Wait | SetAtAuth0 | GenerateAtAuth0 | Promote | Tag | WriteSiblingKeys | Announced
    | Prove | Confirm | Examine | AwaitRefusal | Retire | BringBack | Forget | Release | AwaitPropagation | Hook
)  # fmt: skip
