"""The ids that servers give to requests: by these an operation is found in their own logs.

Nothing is kept unless somebody listens. A request is told of where it changes something or failed, so that the few that
matter are not lost among the many that only look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Hear = Callable[[str, str], None]
"""Is told a server's kind (auth0, vault, aws) and a request's id."""

_listener: ContextVar[Hear | None] = ContextVar("request_ids", default=None)
_correlation: ContextVar[str] = ContextVar("correlation", default="")
_LOOKING = frozenset({"GET", "HEAD", "LIST", "OPTIONS"})
_ABSENT = 404  # looking for what is not there is no failure


@contextmanager
def listening(hear: Hear, correlation: str = "") -> Iterator[None]:
    """Have `hear` told of every request of this thread that matters; `correlation` is the whole operation's own id."""
    heard, correlated = _listener.set(hear), _correlation.set(correlation)
    try:
        yield
    finally:
        _listener.reset(heard)
        _correlation.reset(correlated)


def correlation() -> str:
    """Return the id that servers which take one shall write into their logs; empty where nobody listens."""
    return _correlation.get()


def wanted(*, changes: bool, status: int) -> bool:
    """Tell whether somebody listens and this answer is one that matters."""
    return _listener.get() is not None and (changes or (status >= 400 and status != _ABSENT))


def changing(method: str | None) -> bool:
    """Tell whether a request of this method may change something."""
    return method not in _LOOKING


def note(server: str, request_id: object) -> None:
    """Tell whoever listens of a request; one without an id is not told of."""
    hear = _listener.get()
    if hear is not None and isinstance(request_id, str) and request_id:
        hear(server, request_id)
