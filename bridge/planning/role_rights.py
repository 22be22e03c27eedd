"""What each role may ask of a sink and of a tenant: what its commands do, and no more. Pure.

A role that may do more than its commands do would turn a leaked credential into more than it has to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from bridge.model.plan import PlanOptions
from bridge.planning.maintenance import plan_bringing_back, plan_retirement, plan_settling
from bridge.planning.rights import asked
from sinks.port import SinkState
from sinks.rights import Deed, Role
from sinks.sibling_keys import SiblingKeys

MANAGED = SinkState("", datetime(2020, 1, 1, tzinfo=UTC), exists=True)
"""Stand-in for a sink that a retirement may meet. It exists, because only a rotation leaves a fallback."""
RECORDS = frozenset({Deed.NOTE, Deed.REMOVE_NOTE})
"""What `evidence --record` asks of a sink."""
SCOPES: Mapping[Role, tuple[str, ...]] = {
    Role.OPERATOR: (READ_CLIENTS, UPDATE_KEYS, READ_KEYS, READ_LOGS),
    Role.SECURITY: (READ_CLIENTS, READ_LOGS),
    # The auditor reads metadata, and applications read vaults. Neither asks the Management API.
    Role.AUDITOR: (),
    Role.APPLICATION: (),
}
"""Scopes of Auth0's Management API that each role needs."""


def deeds(role: Role, *, sibling_keys: bool | None) -> frozenset[Deed]:
    """Return what a role's commands ask of a client's sinks.

    `sibling_keys` is the client's setting. It matters for the security role, whose commands may have to write them.
    """
    match role:
        case Role.OPERATOR:
            return frozenset(Deed)
        case Role.SECURITY:
            return _security(SiblingKeys.KEEP if sibling_keys else SiblingKeys.NONE)
        case Role.AUDITOR:
            # Metadata suffices for `status` and reports, so this role never sees a value.
            return frozenset({Deed.SURVEY})
        case Role.APPLICATION:
            return frozenset({Deed.FOLLOW})


def _security(sibling_keys: SiblingKeys) -> frozenset[Deed]:
    sinks, plan_options = (MANAGED,), PlanOptions(sibling_keys=sibling_keys)
    # Derived from the plans instead of listed, so that a new step cannot be forgotten here.
    plans = (
        plan_retirement(sinks, plan_options),
        plan_retirement(sinks, plan_options, softly=True),
        plan_bringing_back(sinks, plan_options),
        plan_settling(sinks, timedelta(), None),  # a command settles an interruption before it begins
    )
    found = (asked(plan, MANAGED, sibling_keys) for plan in plans)
    return frozenset({Deed.SURVEY, Deed.READ}).union(RECORDS, *found)
