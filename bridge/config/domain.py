"""A tenant's domain as its user wrote it."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from bridge.model.tenant_address import base_url

_NUMBERS = re.compile(r"[0-9.]+")


def check_domain(domain: str) -> None:
    """Check that a tenant can be asked at a domain, or at a whole URL.

    Raises:
        ValueError: its text says what was expected instead, and never repeats the domain.
    """
    host = urlsplit(base_url(domain)).hostname or ""
    # A host name may consist of numbers, but no server of Auth0's does, and httpx takes only addresses for it.
    if _NUMBERS.fullmatch(host):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError("a domain such as acme.eu.auth0.com") from None
