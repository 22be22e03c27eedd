"""Whether an address is this machine itself. Pure.

Plain http:// is allowed to such an address only, because on loopback nobody else can listen.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host_or_url: str) -> bool:
    """Return whether a host, or the host of a URL, is this machine itself.

    It is False for everything that cannot be parsed.
    """
    try:
        host = (urlsplit(host_or_url).hostname or "") if "://" in host_or_url else host_or_url.lower()
        # Other names are not resolved, because DNS may answer differently when the request is made.
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Return whether nobody else can read what is sent to a URL: https://, or http:// to this machine itself."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return False
    return scheme == "https" or (scheme == "http" and is_loopback(url))
