"""The versions of a secret in one listing: their labels, the derived ids, and the lock. Pure.

AWS has no compare-and-set on a document. Two rules of PutSecretValue serve instead. A ClientRequestToken that names a
version with another text is refused. One with the same text has no effect, not even on labels.

So ids are derived from a sequence number, one above the highest in the same listing that the labels were read from.
Each version that the bridge puts carries, besides AWSPENDING, the label
`BRIDGE:<chain>:<operation>:<base>:<ends>:<holder>`. A process that finds its own label there has the lock. The chain is
the id of the operation that claimed first. A takeover keeps the chain and brings its own holder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sinks.aws.numbering import numbers, version_id
from sinks.aws.responses import Listed
from sinks.record import Lock

CURRENT, PENDING, PREVIOUS, FALLBACK = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "FALLBACK"
UNIQUE = (CURRENT, PENDING, PREVIOUS, FALLBACK)
OWN = "BRIDGE:"
ENDS = 11  # the number of fingerprints that fits into a label's 256 characters
PROOF = "BRIDGE-CHECK"
DEPRECATED = 20  # how many versions without a label are searched, with one request each
LONG_AGO = datetime.min.replace(tzinfo=UTC)


LABEL = re.compile(rf"{OWN}r-[A-Za-z0-9-]{{1,64}}:[a-z-]{{1,32}}:([0-9a-f]{{16}})?:([0-9a-f+]*):[A-Za-z0-9-]{{1,64}}")
"""The form of such a label. The bridge writes no other."""


def own_label(chain: str, lock: Lock) -> str:
    """Return the label by which a holder recognizes its version, and others learn about the operation.

    The label is written in the same call as the version, unlike tags. It has room for `ENDS` fingerprints.
    """
    words = [chain, lock.operation, lock.base, "+".join(lock.ends[:ENDS]), lock.holder]
    return OWN + ":".join(words)


def chain_of(label: str) -> str:
    """Return the chain in such a label.

    The chain stays through a takeover. It distinguishes the lock's tags from those of an earlier operation.
    """
    return label.removeprefix(OWN).partition(":")[0]


def said_by(label: str, lock: Lock) -> Lock:
    """Return a lock with what a label says of it.

    Unlike tags, the label is written in the same call that claims the sink.
    """
    _, operation, base, _, holder = label.removeprefix(OWN).split(":")
    return replace(lock, operation=operation, base=base, ends=ends_of(label), holder=holder)


def ends_of(label: str) -> tuple[str, ...]:
    """Return the fingerprints of the values that a label's operation makes unreadable.

    A label has room for `ENDS` of them, so these may be the first ones only.
    """
    ends = label.removeprefix(OWN).split(":")[3]
    return tuple(ends.split("+")) if ends else ()


def holder_of(label: str) -> str:
    """Return the holder in such a label.

    It is the word by which a process recognizes its own claim.
    """
    return label.rpartition(":")[2]


@dataclass(frozen=True)
class Listing:
    """All versions, oldest first, at one moment of the server's clock.

    Labels and ids must come from the same listing: two listings would give two next ids.
    """

    versions: tuple[Listed, ...]
    at: datetime

    @classmethod
    def of(cls, versions: tuple[Listed, ...], at: datetime) -> Listing:
        """Return a listing with its versions in order.

        The order of AWS's answers is not relied upon.
        """
        return cls(tuple(sorted(versions, key=lambda v: v.created or LONG_AGO)), at)

    def holders(self, stage: str) -> tuple[str, ...]:
        """Return every version that has a label.

        More than one means that the label moved while pages were read.
        """
        return tuple(v.id for v in self.versions if stage in v.stages)

    def holder(self, stage: str) -> str | None:
        """Return the version that has a label, or None.

        While a label moves, two versions may have it. `doubled` tells.
        """
        return next(iter(self.holders(stage)), None)

    def get(self, version: str | None) -> Listed | None:
        """Return one version, or None where it is not listed.

        AWS removes old versions without labels by itself.
        """
        return next((v for v in self.versions if v.id == version), None)

    @property
    def current(self) -> str | None:
        """The version that readers get.

        None: the secret has no version yet, or the listing contradicts itself.
        """
        return self.holder(CURRENT)

    @property
    def pending(self) -> str | None:
        """The version that holds AWSPENDING, which is the lock.

        Native rotation leaves that label on current. There it means nothing, unless a label of the bridge is beside it.
        """
        version = self.get(self.holder(PENDING))
        if version is None or (CURRENT in version.stages and not self.label):
            return None
        return version.id

    @property
    def label(self) -> str | None:
        """The bridge's label on the version that holds AWSPENDING.

        It identifies the lock holder. A label of another form is not the bridge's and never counts as a lock.
        """
        version = self.get(self.holder(PENDING))
        return next((s for s in sorted(version.stages) if LABEL.fullmatch(s)), None) if version else None

    @property
    def foreign(self) -> str | None:
        """The version that holds AWSPENDING and was not put by an operation of ours.

        A claim refuses it, except with `over`.
        """
        return self.pending if self.pending and not self.label else None

    @property
    def fallback(self) -> str | None:
        """The version pinned as fallback.

        That label on current or pending is left from an interrupted promotion, and is ignored.
        """
        holder = self.holder(FALLBACK)
        return holder if holder not in (self.current, self.pending) else None

    def left_over(self) -> tuple[tuple[str, str], ...]:
        """Return the bridge's labels that hold nothing any more, each with its version.

        They are all labels of the bridge but the one on the version that holds AWSPENDING.
        """
        return tuple(
            (v.id, s) for v in self.versions for s in sorted(v.stages) if s.startswith(OWN) and s != self.label
        )

    def likeliest(self) -> tuple[str, ...]:
        """Return versions in the order to search for a value: labelled ones first, then the newest others.

        Versions at a stage come first, then those with the bridge's labels. At most `DEPRECATED` unlabelled versions
        follow, because each takes one request.
        """
        first = [self.holder(stage) for stage in (CURRENT, PREVIOUS, FALLBACK, PENDING)]
        ours = [v.id for v in reversed(self.versions) if any(s.startswith(OWN) for s in v.stages)]
        labelled = [v.id for v in reversed(self.versions) if v.stages]
        rest = [v.id for v in reversed(self.versions) if not v.stages][:DEPRECATED]
        return tuple(dict.fromkeys(v for v in (*first, *ours, *labelled, *rest) if v))

    def doubled(self) -> str | None:
        """Return what contradicts itself in the listing, or None: it was read while a label moved.

        It is a label on two versions, a current label on none, or a version that is listed twice.
        """
        found = next((stage for stage in UNIQUE if len(self.holders(stage)) > 1), None)
        ids = [v.id for v in self.versions]
        return (
            found
            or (CURRENT if ids and not self.current else None)
            or ("a version" if len(set(ids)) < len(ids) else None)
        )

    def top(self, arn: str) -> int:
        """Return the highest sequence number here, or 0.

        The number of a version is found by deriving ids, because an id does not contain it.
        """
        return max(self._numbers(arn).values(), default=0)

    def next_id(self, arn: str) -> str:
        """Return the id after the highest one here.

        Two processes with the same listing get the same id, and AWS accepts the text of one of them only.
        """
        return version_id(arn, self.top(arn) + 1)

    def highest(self, arn: str, count: int) -> tuple[str, ...]:
        """Return the `count` versions with the highest sequence numbers, the highest first.

        They are the newest of the bridge's, whatever labels they lost.
        """
        found = self._numbers(arn)
        return tuple(sorted(found, key=lambda version: -found[version])[:count])

    def _numbers(self, arn: str) -> dict[str, int]:
        # By derivation, not by date: dates have whole seconds, and anybody's version has one.
        return numbers(arn, (v.id for v in self.versions))

    def left_below(self, version: str, arn: str) -> tuple[tuple[str, str], ...]:
        """Return the left-over labels on versions before `version`.

        A label on a later version belongs to a takeover in progress.
        """
        left = self.left_over()
        found = self._numbers(arn) if left else {}
        return tuple((v, s) for v, s in left if found.get(v, 0) < found.get(version, 0))

    def is_held_by(self, lock: Lock, version: str | None = None) -> bool:
        """Return whether a lock's own label is on the version that holds AWSPENDING.

        With `version`, that version must be the one. After a takeover the label has another holder.
        """
        label = self.label
        return label is not None and holder_of(label) == lock.holder and version in (None, self.holder(PENDING))
