"""What each role may ask of a place and of a tenant: what its commands do, and no more. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bridge.auth0.logs import READ_LOGS
from bridge.auth0.management import READ_CLIENTS, READ_KEYS, UPDATE_KEYS
from bridge.model.plan import Wish
from bridge.planning.maintenance import plan_bringing_back, plan_retirement, plan_settling
from bridge.planning.rights import asked
from sinks.companions import Companions
from sinks.port import Place
from sinks.rights import Deed, Role

MANAGED = Place("", datetime(2020, 1, 1, tzinfo=UTC), exists=True)
"""Stand-in for a place that a retirement may meet. It exists, because only a rotation leaves a fallback."""
RECORDS = frozenset({Deed.NOTE, Deed.REMOVE_NOTE})
"""What `evidence --record` asks of a place."""
SCOPES: Mapping[Role, tuple[str, ...]] = {
    Role.OPERATOR: (READ_CLIENTS, UPDATE_KEYS, READ_KEYS, READ_LOGS),
    Role.SECURITY: (READ_CLIENTS, READ_LOGS),
    Role.AUDITOR: (),
    Role.APPLICATION: (),
}
"""Scopes of Auth0's Management API that each role needs."""


def deeds(role: Role, *, companions: bool | None) -> frozenset[Deed]:
    """Return what a role's commands ask of a client's places.

    `companions` is the client's setting. It matters for the security role, whose commands may have to write them.
    """
    match role:
        case Role.OPERATOR:
            return frozenset(Deed)
        case Role.SECURITY:
            return _security(Companions.KEEP if companions else Companions.NONE)
        case Role.AUDITOR:
            return frozenset({Deed.SURVEY})
        case Role.APPLICATION:
            return frozenset({Deed.FOLLOW})


def _security(companions: Companions) -> frozenset[Deed]:
    places, wish = (MANAGED,), Wish(companions=companions)
    plans = (
        plan_retirement(places, wish),
        plan_retirement(places, wish, softly=True),
        plan_bringing_back(places, wish),
        plan_settling(places, timedelta(), None),  # a command settles an interruption before it begins
    )
    found = (asked(plan, MANAGED, companions) for plan in plans)
    return frozenset({Deed.SURVEY, Deed.READ}).union(RECORDS, *found)
