"""The value that a rotation sets: a generated one, or the one that the user supplies.

A supplied value is checked before any sink is claimed, because Auth0 and all readers have to be able to use it.
"""

from __future__ import annotations

from bridge.auth0.values import check_brought, generate
from bridge.execution.snapshot import Snapshot
from bridge.model.errors import Usage
from bridge.model.origin import Origin
from sinks.port import Stage
from sinks.secret import Secret


def new_value(brought: Secret | None, snapshot: Snapshot) -> Secret:
    """Return the value that the user supplied, or a newly generated one.

    Raises:
        Usage: the supplied value is not suitable, or is current or the fallback somewhere already.
    """
    if brought is None:
        return generate(snapshot.client)
    value = check_brought(brought.reveal(), snapshot.client)
    # With a value that is known already, probes could not tell the new value from the old one.
    for state in snapshot.sinks:
        for stage in (Stage.CURRENT, Stage.FALLBACK):
            if state.value(stage) == value:
                hint = "to go back to the fallback: secret-bridge rollback" if stage is Stage.FALLBACK else None
                raise Usage(f"the secret that was brought is the {stage} value in {state.uri} already", hint=hint)
    return value


def origin_of(brought: Secret | None) -> Origin:
    """Return the reason why such a value may be set at Auth0.

    `brought` is the value that the user supplied. None means that this process generates it.
    """
    return Origin.BROUGHT if brought is not None else Origin.GENERATED
