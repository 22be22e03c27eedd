"""What an attempt leaves to be told of it: noted while it works, for the end of its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.model.operation_values import Facts
    from bridge.model.plan import Plan

KEPT_IDS = 50
"""So many request ids of each kind of server are kept."""


@dataclass
class Trail:
    """One attempt's notes. `head` is the anchor of its beginning ("SEQ:MAC"), empty where there is no chain."""

    head: str = ""
    _operations: list[tuple[Facts, Plan | None]] = field(default_factory=list)
    _requests: dict[str, list[str]] = field(default_factory=dict)

    def working(self, facts: Facts, plan: Plan | None = None) -> None:
        """Hear that a plan is executed now: what it is about."""
        self._operations.append((facts, plan))

    def hear(self, server: str, request_id: str) -> None:
        """Hear of a request (`sinks.request_ids`)."""
        known = self._requests.setdefault(server, [])
        if request_id not in known:
            known.append(request_id)

    @property
    def operations(self) -> list[dict[str, Any]]:
        """What was executed: ids, and fingerprints of the values before, after and ended."""
        return [_told(facts, plan) for facts, plan in self._operations]

    @property
    def requests(self) -> dict[str, list[str]]:
        """The requests' ids, by the kind of server; where there are too many, the latest and how many are left out."""
        return {server: _latest(ids) for server, ids in self._requests.items()}


def _told(facts: Facts, plan: Plan | None) -> dict[str, Any]:
    lock, value = facts.lock, facts.value
    says = plan.says if plan else None
    return {
        "operation": str(plan.operation if plan else lock.operation),
        "says": f"{says.operation} by {says.actor}" if says else None,
        "rotation": lock.id,
        "before": lock.base or None,
        "after": value.fingerprint(lock.client_id) if value else None,
        "ends": [*dict.fromkeys((*facts.ends, *facts.retired))],
    }


def _latest(ids: list[str]) -> list[str]:
    more = len(ids) - KEPT_IDS
    return ids if more <= 0 else [f"{more} more", *ids[-KEPT_IDS:]]
