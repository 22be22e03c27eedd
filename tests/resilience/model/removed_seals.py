"""The guards around what a sink says about itself, removed one by one.

`tests.resilience.model.mutants` says where that shows.
"""

from __future__ import annotations

from typing import Any

import sinks.aws.sealing
import sinks.vault.holding
from sinks.aws.listing import Listing
from sinks.seal import FORM, NOTHING, SEAL_TAG, Said, kept
from tests.resilience.model.removed import Patch


def any_seal(patch: Patch) -> None:
    """Whatever has the form of a seal holds."""

    def said(tags: Any, _where: Any, _current: Any, _highest: int | None = None) -> Said:
        found = FORM.fullmatch(tags.get(SEAL_TAG, ""))
        if not found or "bridge_sinks" not in tags:
            return NOTHING
        return Said(kept(tags), "" if found[2] == "-" else found[2], int(found[1]))

    patch.setattr(sinks.vault.holding, "said", said)
    patch.setattr(sinks.aws.sealing, "said", said)


def no_sequence(patch: Patch) -> None:
    """AWS: a seal holds although an operation has put versions since."""
    patch.setattr(Listing, "top", lambda _self, _arn: 0)
