"""The ids that servers give to requests. With them an operation is found in the servers' own logs.

Ids are kept only while a listener is registered. The listener gets requests that change something or failed, so that
these few are not lost among the many that only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Hear = Callable[[str, str], None]
"""A listener. Its arguments are a server's kind (auth0, vault, aws) and a request's id."""

# Context variables, so that a request deep in hvac or boto3 needs no argument and threads do not mix their ids.
_listener: ContextVar[Hear | None] = ContextVar("request_ids", default=None)
_correlation: ContextVar[str] = ContextVar("correlation", default="")
_LOOKING = frozenset({"GET", "HEAD", "LIST", "OPTIONS"})
_ABSENT = 404  # reading what does not exist is no failure


@contextmanager
def listening(hear: Hear, correlation: str = "") -> Iterator[None]:
    """Pass the id of every relevant request in this thread to `hear`.

    `correlation` is the id of the whole operation. Nested uses restore the outer listener at their end.
    """
    heard, correlated = _listener.set(hear), _correlation.set(correlation)
    try:
        yield
    finally:
        _listener.reset(heard)
        _correlation.reset(correlated)


def correlation() -> str:
    """Return the operation's id, for servers that write such an id into their logs.

    Empty without a listener.
    """
    return _correlation.get()


def wanted(*, changes: bool, status: int) -> bool:
    """Return whether a listener is registered and this answer is relevant to it.

    Relevant is a request that changes something, or an error status other than 404.
    """
    return _listener.get() is not None and (changes or (status >= 400 and status != _ABSENT))


def changing(method: str | None) -> bool:
    """Return whether a request of this method may change something.

    An unknown method counts as one that may.
    """
    return method not in _LOOKING


def note(server: str, request_id: object) -> None:
    """Pass a request's id to the listener.

    Without a listener, or without an id, nothing happens. A missing id must not fail a request that succeeded.
    """
    hear = _listener.get()
    if hear is not None and isinstance(request_id, str) and request_id:
        hear(server, request_id)
