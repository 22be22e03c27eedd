"""A local, stateful imitation of Auth0, with the endpoints that a rotation needs.

It imitates propagation, logs and rate limits, and injects faults on request. It follows Auth0's documentation,
its OpenAPI document, and error responses that were recorded from live tenants. Where these disagree,
`Settings` selects the behaviour.
"""

from __future__ import annotations

from bridge.sandbox.auth0.faults import Fault, FaultKind
from bridge.sandbox.auth0.server import LocalAuth0
from bridge.sandbox.auth0.tenant import Credentials, Settings, Tenant

__all__ = ["Credentials", "Fault", "FaultKind", "LocalAuth0", "Settings", "Tenant"]
