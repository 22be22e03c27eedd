"""What a sink returns: the state of one sink, the lease on it, and the result of a promotion. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sinks.record import Lock, Record, SoftDeleted
from sinks.secret import Secret
from sinks.sibling_keys import SiblingKeys
from sinks.versions import History, Stage


@dataclass(frozen=True)
class SinkState:
    """A snapshot of one sink. Fields marked (read) are filled by `Sink.read` only."""

    uri: str
    """Address of the sink, without a key."""
    at: datetime
    """Time of the snapshot, by the server's clock."""
    exists: bool
    """Whether the document's key exists (AWS: the secret, and for `Sink.read` also its current document)."""

    # The versions and their values.

    history: History = field(default_factory=History)
    """The versions with their stages."""
    values: Mapping[Stage, Secret] = field(default_factory=dict)
    """The values by stage (read)."""
    key: str | None = None
    """The key of the value in the document (read). None: the whole text is the value."""
    keys: tuple[str, ...] = ()
    """The keys of the current document (read)."""
    unusable: str = ""
    """What the current document has at the key instead of a value, see `Document.unusable` (read)."""
    edits: int = 0
    """Number of foreign versions since current was tagged."""
    drifted: bool = False
    """Whether current is not what the bridge put there: another value, or none."""
    room: int | None = None
    """How many more foreign writes the fallback survives. None: no limit."""

    # The lock.

    lock: Lock | None = None
    """The operation that holds the sink. It may be unknown although the sink is `unsettled`."""
    unnamed: Lock | None = None
    """What is known of a lock whose actor and expected end are not known."""
    foreign: str = ""
    """Description of a foreign text in the lock's position. Empty: there is none."""
    claimed: datetime | None = None
    """The vault's time of the lock, or of the foreign text."""
    released: datetime | None = None
    """When the vault last saw the lock key change (AWS: the secret), whatever was written there."""
    unsettled: bool = False
    """Whether an operation holds the sink or left something behind."""

    # The tags.

    manager: str | None = None
    """What manages the sink: the `managed-by` tag, or in AWS another service."""
    record: Record | None = None
    """What the tags say. None: the sink is not managed, or its tags are not complete."""
    remembered: Record | None = None
    """The record before the running operation, or else the last one, from another part of the sink (read)."""
    wiped: bool = False
    """Whether the sink was managed, nobody holds it, and its tags were replaced."""
    stale: bool = False
    """Whether the tags name a fallback that is gone."""
    differs: tuple[str, ...] = ()
    """Tags that another process changed. Their former text is known, and the next `claim` restores it (read)."""
    contradicted: str = ""
    """How the tagged fallback contradicts the one that the seal names."""
    soft_deleted: SoftDeleted | None = None
    """The fallback that was retired softly, until it ends."""
    noted: Mapping[str, str] = field(default_factory=dict)
    """What `Sink.note` wrote."""

    # The sibling keys in the latest document.

    sibling_keys: SiblingKeys = SiblingKeys.NONE
    """Which sibling keys the documents have, see `sinks.sibling_keys` (read)."""
    announced: datetime | None = None
    """Since when the latest document holds the pending value as the coming one (read)."""
    inconsistent: bool = False
    """Whether sibling keys are wrong although nobody holds the sink (read)."""
    occupied: tuple[str, ...] = ()
    """Foreign keys in the position of sibling keys (read)."""

    notes: tuple[str, ...] = ()
    """Remarks for people, as sentences."""
    snapshot: object = None
    """What the sink itself needs of this snapshot for `claim` and `take_over`: its compare-and-set is against it."""

    def value(self, stage: Stage) -> Secret | None:
        """Return the value that was read at a stage.

        None: there is no such value, or the snapshot is from `Sink.survey`, which reads none.
        """
        return self.values.get(stage)


@dataclass(frozen=True)
class Lease:
    """The lease on a sink that this process holds."""

    uri: str
    """Address of the sink."""
    lock: Lock
    """The lock that this process has written there."""
    token: object
    """The fencing token, of the sink's own type."""
    # The start and not the end: the answer may have been on its way for long while another process took the sink.
    renewed: float
    """The monotonic time at which the last renewal began. The lease counts from there."""
    value: Secret | None = None
    """The pending value. None: there is none."""


@dataclass(frozen=True)
class Promoted:
    """The ids of current and fallback after a promotion.

    `untold` is why tags or labels could not be written. Empty: they were. Current is right in either case.
    """

    current: str
    fallback: str | None = None
    untold: str = ""
