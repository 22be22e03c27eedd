"""A tenant's address.

The functions are pure. The configuration shares them, because it has to judge a domain before any server is contacted.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from sinks.loopback import is_loopback

_NUMBERS = re.compile(r"[0-9.]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def base_url(domain: str) -> str:
    """Return a tenant's base URL, without a trailing slash, from a domain or a whole URL.

    Raises:
        ValueError: its text says what was expected instead, and never repeats the domain.
    """
    # Faults never repeat the text, because a URL may hold a password.
    text = domain.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError("a domain such as acme.eu.auth0.com") from None
    # A password in the URL would appear in messages and logs.
    if parts.username is not None or parts.password is not None:
        raise ValueError("a domain without a user name or password in it")
    # Numbers alone are an address or nothing: httpx would refuse them later, with an error of its own.
    named = _HOST.fullmatch(host) and not _NUMBERS.fullmatch(host)
    if parts.scheme not in {"https", "http"} or not (named or _is_ip(host)):
        raise ValueError("a domain such as acme.eu.auth0.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a domain without a path, such as acme.eu.auth0.com")
    # The client's secret would cross the network in plain text.
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("https:// (plain http:// is for loopback only)")
    # `urlsplit` takes the brackets of an IPv6 address away.
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + (f":{port}" if port is not None else "")


def display_name(base: str) -> str:
    """Return the tenant's domain, which is its name in messages.

    `base` is what `base_url` returned. A port stays, because several local tenants differ only by it.
    """
    return base.split("://", 1)[-1]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
