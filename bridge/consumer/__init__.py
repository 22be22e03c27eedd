"""Client library for applications: reads the secret that the bridge keeps in a vault, and survives a rotation.

`ClientSecret` yields the candidate values in the order in which to try them. `ClientCredentials` is an `httpx.Auth`
that obtains, caches and renews tokens with them. Importing this package loads neither a vault's library nor httpx.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from bridge.consumer.client_secret import Candidate, ClientSecret
from bridge.consumer.errors import AllRefused, ConsumerError, SecretUnavailable, TokenError
from bridge.consumer.events import Event, Kind

if TYPE_CHECKING:
    from bridge.consumer.client_credentials import ClientCredentials
    from bridge.consumer.notifications import Notifications
    from bridge.consumer.telemetry import Telemetry

__all__ = [
    "AllRefused",
    "Candidate",
    "ClientCredentials",
    "ClientSecret",
    "ConsumerError",
    "Event",
    "Kind",
    "Notifications",
    "SecretUnavailable",
    "Telemetry",
    "TokenError",
]

LATER = {"ClientCredentials": "client_credentials", "Notifications": "notifications", "Telemetry": "telemetry"}
"""The module of each name that is loaded on first use.

These modules load httpx or OpenTelemetry, or need apprise, so applications that do not use them do not pay for them.
"""


def __getattr__(name: str) -> Any:
    # PEP 562. An application that reads a secret once should not wait for httpx to be imported.
    if name in LATER:
        return getattr(importlib.import_module(f"bridge.consumer.{LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
