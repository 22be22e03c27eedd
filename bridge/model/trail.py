"""Notes that an attempt takes while it works, for the end of its audit record.

They hold ids and fingerprints, and no secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.model.operation_values import OperationValues
    from bridge.model.plan import Plan

KEPT_IDS = 50
"""How many request ids are kept for each kind of server."""


@dataclass
class Trail:
    """Notes of one attempt.

    `head` is the anchor of the audit record's line that began the attempt ("SEQ:MAC"). It is empty where no chain is
    kept.
    """

    head: str = ""
    _operations: list[tuple[OperationValues, Plan | None]] = field(default_factory=list)
    _requests: dict[str, list[str]] = field(default_factory=dict)

    def working(self, values: OperationValues, plan: Plan | None = None) -> None:
        """Note that a plan is executed with these values from now on.

        `values` is read at the end of the attempt, so what the execution finds out later is recorded as well.
        """
        self._operations.append((values, plan))

    def hear(self, server: str, request_id: str) -> None:
        """Note the id of a request (`sinks.request_ids`).

        `server` is the kind of server. An id that is known already is not noted twice.
        """
        known = self._requests.setdefault(server, [])
        # The record has room for a few ids only, so none is kept twice.
        if request_id not in known:
            known.append(request_id)

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The executed operations, with their ids and fingerprints of the values before, after and ended."""
        return [_told(values, plan) for values, plan in self._operations]

    @property
    def requests(self) -> dict[str, list[str]]:
        """The ids of the requests, by kind of server.

        Where there are more than `KEPT_IDS`, the first entry counts those that are left out, and the latest ids follow.
        """
        return {server: _latest(ids) for server, ids in self._requests.items()}


def _told(values: OperationValues, plan: Plan | None) -> dict[str, Any]:
    lock, value = values.lock, values.value
    says = plan.says if plan else None
    return {
        "operation": str(plan.operation if plan else lock.operation),
        "says": f"{says.operation} by {says.actor}" if says else None,
        "rotation": lock.id,
        "before": lock.base or None,
        "after": value.fingerprint(lock.client_id) if value else None,
        "ends": [*dict.fromkeys((*values.ends, *values.retired))],
    }


def _latest(ids: list[str]) -> list[str]:
    # The latest ones are kept, because they belong to where an attempt stopped.
    more = len(ids) - KEPT_IDS
    return ids if more <= 0 else [f"{more} more", *ids[-KEPT_IDS:]]
