"""For applications: the secret that the bridge keeps in your vault, such that a rotation goes unnoticed.

`ClientSecret` gives the values to try, `ClientCredentials` is an `httpx.Auth` that obtains, caches and renews tokens
with them. Importing this package loads neither a vault's library nor httpx.
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
"""What loads httpx, OpenTelemetry, or what sends messages: only for those who use it."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(importlib.import_module(f"bridge.consumer.{LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
