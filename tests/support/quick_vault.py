"""What a test process looks up once for Vault clients, instead of for each of thousands of requests."""

from __future__ import annotations

import functools
import os
from typing import Any

import requests.sessions

PROXIES = tuple(name for each in ("http", "https", "all", "no") for name in (f"{each}_proxy", f"{each}_proxy".upper()))


@functools.cache
def once_per_process() -> None:
    """Look for proxies once, and again when their variables change: requests reads the environment each time.

    No behaviour changes.
    """
    sessions: Any = requests.sessions
    sessions.get_environ_proxies = _remembered(sessions.get_environ_proxies)


def _remembered(proxies: Any) -> Any:
    known = functools.cache(lambda server, no_proxy, *_variables: proxies(server, no_proxy))

    def found(url: str, no_proxy: str | None = None) -> Any:
        scheme, _, rest = url.partition("://")
        server = f"{scheme}://{rest.partition('/')[0]}"
        return dict(known(server, no_proxy, *(os.environ.get(name) for name in PROXIES)))

    return found
