"""For applications: the secret that the bridge keeps in your vault, such that a rotation goes unnoticed.

`ClientSecret` gives the values to try, `ClientCredentials` is an `httpx.Auth` that obtains, caches and renews tokens
with them. Importing this package loads neither a vault's library nor httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.consumer.client_secret import Candidate, ClientSecret
from bridge.consumer.errors import AllRefused, ConsumerError, SecretUnavailable, TokenError
from bridge.consumer.events import Event, Kind

if TYPE_CHECKING:
    from bridge.consumer.client_credentials import ClientCredentials

__all__ = [
    "AllRefused",
    "Candidate",
    "ClientCredentials",
    "ClientSecret",
    "ConsumerError",
    "Event",
    "Kind",
    "SecretUnavailable",
    "TokenError",
]


def __getattr__(name: str) -> Any:
    """Load httpx only for those who use it."""
    if name == "ClientCredentials":
        from bridge.consumer.client_credentials import ClientCredentials

        return ClientCredentials
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
