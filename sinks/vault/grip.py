"""The fencing token of a lock holder, and the snapshot for a claim."""

from __future__ import annotations

from sinks.state import Lease, SinkState
from sinks.vault.state import Mark


def mark_of(state: SinkState) -> Mark:
    """Return Vault's part of a snapshot, which a claim is compared against.

    Raises:
        TypeError: another kind of sink has read the snapshot. That is a bug of the caller.
    """
    if not isinstance(state.snapshot, Mark):
        raise TypeError(f"{state.uri} was not read by a Vault sink")
    return state.snapshot


def version_of(lease: Lease) -> int:
    """Return the fencing token: the version of the lock key that this process has written.

    Raises:
        TypeError: another kind of sink has made the lease. That is a bug of the caller.
    """
    if not isinstance(lease.token, int):
        raise TypeError(f"{lease.uri} is not held by a Vault sink")
    return lease.token
