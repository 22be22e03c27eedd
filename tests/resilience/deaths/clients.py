"""boto3's clients, made once and used again: making one costs 15 ms, and a case needs many."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3


class Clients:
    """Those that nobody uses, by what they are for. A client that comes back forgets what was registered with it."""

    def __init__(self) -> None:
        self._idle: dict[str, list[Any]] = {}
        self._taken: list[tuple[str, Any, Any]] = []
        self._lookers: dict[str, Any] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have all sessions of this process take their clients from here."""
        real: Callable[..., Any] = boto3.Session.client

        def client(session: Any, *args: Any, **more: Any) -> Any:
            told = {name: value for name, value in more.items() if name != "config"}
            if "config" not in more:  # somebody who only looks
                key = repr((args, sorted(told.items())))
                if key not in self._lookers:
                    self._lookers[key] = real(session, *args, **more)
                    self._lookers[key].close = lambda: None
                return self._lookers[key]
            options = more["config"]._user_provided_options
            key = repr((args, sorted(told.items()), sorted(options.items()), session.region_name))
            return self._take(key, lambda: real(session, *args, **more))

        boto3.Session.client = client  # type: ignore[method-assign]  # its making, not its doing
        try:
            yield
        finally:
            boto3.Session.client = real  # type: ignore[method-assign]  # as it was

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Take back, at the end, what was taken since."""
        already = len(self._taken)
        try:
            yield
        finally:
            while len(self._taken) > already:
                key, client, handlers = self._taken.pop()
                client.meta.events._emitter._handlers = handlers
                client.meta.events._emitter._lookup_cache = {}
                self._idle.setdefault(key, []).append(client)

    def _take(self, key: str, make: Callable[[], Any]) -> Any:
        idle = self._idle.get(key)
        client = idle.pop() if idle else make()
        client.close = lambda: None
        emitter = client.meta.events._emitter
        self._taken.append((key, client, copy.copy(emitter._handlers)))
        return client
