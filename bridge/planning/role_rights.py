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
"""Stands for a place that retiring may meet: there is a fallback only where a rotation has been."""
RECORDS = frozenset({Deed.NOTE, Deed.REMOVE_NOTE})
"""What `evidence --record` does."""
SCOPES: Mapping[Role, tuple[str, ...]] = {
    Role.OPERATOR: (READ_CLIENTS, UPDATE_KEYS, READ_KEYS, READ_LOGS),
    Role.SECURITY: (READ_CLIENTS, READ_LOGS),
    Role.AUDITOR: (),
    Role.APPLICATION: (),
}
"""Scopes of Auth0's Management API."""


def deeds(role: Role, *, companions: bool | None) -> frozenset[Deed]:
    """Return what a role's commands ask of a client's places; `companions`: its setting."""
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
        plan_settling(places, timedelta(), None),  # what was interrupted is settled by whoever comes next
    )
    found = (asked(plan, MANAGED, companions) for plan in plans)
    return frozenset({Deed.SURVEY, Deed.READ}).union(RECORDS, *found)
