"""What a worker tells its supervisor and Prometheus, over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bridge.agent.answers import Answer, Refusal, text_answer
from bridge.agent.http import Receive, Scope, Send, answered, headers_of, only
from bridge.agent.metrics import Metrics
from bridge.agent.server import serving
from bridge.agent.sockets import on_address
from bridge.config.agent import Listener

LOG = logging.getLogger(__name__)
COUNTED = {
    "results_total": "Results of work, by tenant and result.",
    "sweeps_total": "Sweeps by this process.",
}
"""The counters, and what each of them counts."""


def counters() -> Metrics:
    """Return the counters of a worker."""
    return Metrics("secret_bridge_worker", COUNTED)


@dataclass(frozen=True)
class Health:
    """An ASGI application: `/healthz`, `/readyz`, `/metrics`. Nothing of it is secret, and nothing can be changed."""

    metrics: Metrics
    ready: Callable[[], bool]
    """Whether the worker can take work."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        await answered(self._answer(scope), scope, send, LOG)

    async def _answer(self, scope: Scope) -> Answer:
        headers_of(scope)
        only(scope["method"], "GET", "HEAD")
        path = scope["path"]
        if path == "/healthz":
            return text_answer("ok\n")
        if path == "/readyz":
            ready = self.ready()
            return text_answer("ready\n" if ready else "the engine's database cannot be used\n", 200 if ready else 503)
        if path == "/metrics":
            return text_answer(self.metrics.text(()))
        raise Refusal(404, "invalid_request", "no such path: expected /healthz, /readyz or /metrics")


def told(metrics: Metrics, ready: Callable[[], bool], address: tuple[str, int]) -> AbstractContextManager[None]:
    """Serve a worker's health on an address, in a thread.

    Raises:
        Usage: the address cannot be listened on.
    """
    listener = Listener(address=address)
    return serving(Health(metrics, ready), listener, on_address(listener, "--listen"))
