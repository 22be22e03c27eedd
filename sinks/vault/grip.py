"""The fencing token of a lock holder, and the snapshot for a claim."""

from __future__ import annotations

from sinks.state import Held, Place
from sinks.vault.state import Mark


def mark_of(place: Place) -> Mark:
    """Return the sink's own snapshot in a place."""
    if not isinstance(place.snapshot, Mark):
        raise TypeError(f"{place.uri} was not read by a Vault sink")
    return place.snapshot


def version_of(held: Held) -> int:
    """Return the fencing token: the version of the lock key that this process has written."""
    if not isinstance(held.token, int):
        raise TypeError(f"{held.uri} is not held by a Vault sink")
    return held.token
