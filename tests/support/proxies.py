"""A proxy before each of the three servers, so that nothing between a command and them is missed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Self

from tests.e2e.world import Servers
from tests.support.proxy import Answer, Proxy

Ask = Callable[[], Answer]


class Proxies:
    """Use it as a context manager; every request passes `_gate`, which asks the server, or does not."""

    def __init__(self, servers: Servers) -> None:
        self._running = ExitStack()
        ends = {"auth0": servers.auth0.url, "vault": servers.bao.url, "aws": servers.aws_url}
        self._proxies = {end: Proxy(url, gate=partial(self._gate, end)) for end, url in ends.items()}

    @property
    def urls(self) -> dict[str, str]:
        """The variables that lead a command here."""
        return {
            "AUTH0_DOMAIN": self._proxies["auth0"].url,
            "VAULT_ADDR": self._proxies["vault"].url,
            "AWS_ENDPOINT_URL": self._proxies["aws"].url,
        }

    def __enter__(self) -> Self:
        for proxy in self._proxies.values():
            self._running.enter_context(proxy)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _gate(self, end: str, what: str, ask: Ask) -> Answer:
        """Answer a request, "METHOD /path" or AWS's action, to "auth0", "vault" or "aws"."""
        raise NotImplementedError
