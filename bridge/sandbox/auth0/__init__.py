"""A local, stateful Auth0: the endpoints a rotation needs, with propagation, logs, limits and faults."""

from __future__ import annotations

from bridge.sandbox.auth0.faults import Fault, FaultKind
from bridge.sandbox.auth0.server import LocalAuth0
from bridge.sandbox.auth0.tenant import Credentials, Settings, Tenant

__all__ = ["Credentials", "Fault", "FaultKind", "LocalAuth0", "Settings", "Tenant"]
