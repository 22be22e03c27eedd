"""What a holder has in hand, and what a reader noted: opaque to everybody but this sink."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import cast

from sinks.aws.listing import Listing
from sinks.aws.state import Mark
from sinks.port import Held, Place
from sinks.record import Aside, Lock


@dataclass(frozen=True)
class Grip:
    """The fencing token: the label that only this holder writes, on the version that holds AWSPENDING.

    `base` is the version that was current at the claim, `aside` what was retired softly before. `listing` is what the
    last look saw.
    """

    arn: str
    label: str
    version: str
    base: str | None
    listing: Listing
    aside: Aside | None = None

    @classmethod
    def taking(cls, mark: Mark, label: str, base: str | None) -> Grip:
        """Return what somebody is about to hold who has read this."""
        return cls(mark.described.arn, label, "", base, mark.listing, Aside.from_tags(mark.described.tags))


def with_holder(lock: Lock) -> Lock:
    """Return a lock with a holder's word, made up where it has none."""
    return lock if lock.holder else replace(lock, holder=secrets.token_hex(8))


def mark_of(place: Place) -> Mark:
    """Return the sink's own note in a place, opaque to everybody else."""
    return cast(Mark, place.mark)


def grip_of(held: Held) -> Grip:
    """Return the fencing token."""
    return cast(Grip, held.token)
