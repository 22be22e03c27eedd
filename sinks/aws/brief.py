"""What one description alone shows of a secret, without the list of its versions. Pure.

A description holds every label and every tag. It does not hold versions without a label, nor when a version was made.
Both matter where an operation was interrupted, and for bounding an age, so only a plain state is judged by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.aws.fitness import refusal
from sinks.aws.listing import FALLBACK, Listing
from sinks.aws.responses import Listed
from sinks.aws.state import surveyed
from sinks.record import MANAGER

if TYPE_CHECKING:
    from sinks.aws.address import Target
    from sinks.aws.responses import Described
    from sinks.state import SinkState


def described_state(uri: str, target: Target, described: Described) -> SinkState | None:
    """Return the state of a managed secret that nobody holds, as `Sink.survey` does `briefly`.

    None: the description alone does not show it.
    """
    # Without the date of the last change, a promotion could be said to be later than any change.
    if not described.exists or described.changed is None:
        return None
    listing = Listing.of(tuple(Listed(version, labels) for version, labels in described.labels.items()), described.at)
    state = surveyed(uri, described, listing)
    plain = state.manager == MANAGER and state.record is not None and not (state.unsettled or state.lock)
    # A label on current is left from a promotion. The fallback then is where a tag says, which may have no label.
    misplaced = listing.fallback is None and listing.holder(FALLBACK) is not None
    if not plain or misplaced or refusal(uri, target.region, target.name, described, listing):
        return None
    return state
