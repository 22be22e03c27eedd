"""The fencing token of a lock holder, and the snapshot for a claim."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from sinks.aws.listing import Listing
from sinks.aws.state import Mark
from sinks.record import Lock, SoftDeleted
from sinks.state import Lease, SinkState


@dataclass(frozen=True)
class Grip:
    """The fencing token: the label that only this holder writes, on the version that holds AWSPENDING.

    A takeover writes another label, so the former holder's token is no longer there.
    """

    arn: str
    """The secret's ARN, from which version ids are derived."""
    label: str
    """The holder's own label."""
    version: str
    """The version with that label and AWSPENDING."""
    base: str | None
    """The version that was current at the claim."""
    listing: Listing
    """The versions when the lease was last renewed."""
    soft_deleted: SoftDeleted | None = None
    """What was retired softly before the claim."""

    @classmethod
    def taking(cls, mark: Mark, label: str, base: str | None) -> Grip:
        """Return the fencing token for a claim based on this snapshot.

        Its `version` is empty until the version is put.
        """
        return cls(mark.described.arn, label, "", base, mark.listing, SoftDeleted.from_tags(mark.described.tags))


def with_holder(lock: Lock) -> Lock:
    """Return a lock with a holder's word. A new random one is made where the lock has none.

    The word is part of the label, so no two claims write the same one.
    """
    return lock if lock.holder else replace(lock, holder=secrets.token_hex(8))


def mark_of(state: SinkState) -> Mark:
    """Return AWS's part of a snapshot, which a claim is compared against.

    Raises:
        TypeError: another kind of sink has read the snapshot. That is a bug of the caller.
    """
    if not isinstance(state.snapshot, Mark):
        raise TypeError(f"{state.uri} was not read by an AWS sink")
    return state.snapshot


def grip_of(lease: Lease) -> Grip:
    """Return the fencing token of a lease.

    Raises:
        TypeError: another kind of sink has made the lease. That is a bug of the caller.
    """
    if not isinstance(lease.token, Grip):
        raise TypeError(f"{lease.uri} is not held by an AWS sink")
    return lease.token
