"""A client's secret as its application reads it: cached, refreshed ahead of time, and with fallback candidates."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import timedelta

from bridge.consumer.cache import Cache, Limits, Standing
from bridge.consumer.events import Hook
from bridge.consumer.snapshot import Found, Snapshot
from bridge.consumer.trying import steps
from sinks import kinds, open_reader, split
from sinks.clock import Clock, SystemClock
from sinks.errors import SinkError
from sinks.reader import Reader
from sinks.references import resolve
from sinks.secret import Secret

# A vault that hangs must not hold a token request for longer than the application's own users would wait.
READ_TIMEOUT = timedelta(seconds=10)


class ClientSecret:
    """The secret of one client at one sink, for any number of threads and event loops.

    Example:
        secret = ClientSecret("AbC123", "vault://secret/apps/billing")
        for candidate in secret.candidates():
            answer = ask(candidate.reveal())
            if answer.status_code != 401:
                candidate.accepted()
                break

    Args:
        client_id: the Auth0 application's client id.
        uri: `vault://MOUNT/PATH[#KEY]` or `aws://REGION/NAME[#KEY]`.
        settings: `sinks.vault.Settings` or `sinks.aws.Settings`. By default they come from the environment.
        kind: the kind of store (`vault`, `aws`), where the address begins with another name. It needs `settings`.
        max_age: how long a value is used without asking the vault. It is refreshed in the background before that.
        max_stale: how long a value is used at most while the vault cannot be read.
        patience: how long refused values are tried again while a change may be spreading.
        ahead: whether every refresh reads pending and fallback too. If `consumer_refresh` is at least as long as
            `max_age`, a rotation then succeeds even while the vault does not answer.
        on_event: called with each `Event`, in the thread in which it happens. It must not block.
        environ: where the vault's address and credentials are looked up.
        clock: for tests.

    Raises:
        BadAddress: the address or a setting is not valid (`sinks.errors`). No server was asked.
    """

    def __init__(
        self,
        client_id: str,
        uri: str,
        *,
        settings: object = None,
        kind: str | None = None,
        max_age: timedelta = timedelta(minutes=5),
        max_stale: timedelta = timedelta(hours=24),
        patience: timedelta = timedelta(seconds=35),
        ahead: bool = False,
        on_event: Hook | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
    ) -> None:
        self.client_id = client_id
        self.uri = uri.partition("#")[0].partition("?")[0]
        self._patience = patience.total_seconds()
        self._clock = clock or SystemClock()
        limits = Limits(max_age.total_seconds(), max_stale.total_seconds(), ahead)
        connect = connector(uri, kind, settings, environ, self._clock)
        self._cache = Cache(client_id, self.uri, connect, limits, on_event, self._clock)

    def candidates(self) -> Candidates:
        """Return the values to try, in order, for `for` and for `async for`.

        Ask for the next value only when Auth0 answered 401, and call `accepted()` on the value that worked. While a
        change may be spreading, iterating waits between rounds. The iteration ends when every value was refused.

        Raises:
            SecretUnavailable: (while iterating) nothing could be read.
        """
        return Candidates(self._cache, self._clock, self._patience)

    def verification_keys(self, max_age: timedelta | None = None) -> tuple[Secret, ...]:
        """Return the values that may have signed an ID token (HS256), the current one first.

        A leaked value is never among them, nor any other value that an operation is ending. With `max_age`, the values
        were read no longer ago than this. If no key fits a token, call it again with a few seconds: Auth0 may already
        sign with a newer value.

        Raises:
            SecretUnavailable: nothing could be read.
        """
        snapshot = self._cache.whole(max_age) or waited(self._loaded()) or self._cache.stale()
        return snapshot.keys(self.client_id)

    def _loaded(self) -> Future[Snapshot]:
        return self._cache.load(whole=True, after=self._clock.monotonic())

    async def known_async(self) -> tuple[Candidate, ...]:
        """Return the values that Auth0 may accept, in the order in which to try them, for somebody else who tries.

        They were read no longer ago than `max_age`, or than `max_stale` while the vault cannot be read.

        Raises:
            SecretUnavailable: nothing could be read.
        """
        snapshot = self._cache.whole() or await awaited(self._loaded()) or self._cache.stale()
        found = self._cache.ordered(snapshot)
        return tuple(Candidate(self._cache, each, snapshot.version(each)) for each in found)

    @property
    def standing(self) -> Standing:
        """How fresh the values are. It asks nobody."""
        return self._cache.standing()

    def close(self) -> None:
        """Close the connections to the vault. They are opened again when needed.

        Threads that read meanwhile get an error or new connections. The cached values stay usable.
        """
        self._cache.close()

    async def verification_keys_async(self, max_age: timedelta | None = None) -> tuple[Secret, ...]:
        """Return the same as `verification_keys`, for a coroutine.

        Raises:
            SecretUnavailable: nothing could be read.
        """
        snapshot = self._cache.whole(max_age) or await awaited(self._loaded()) or self._cache.stale()
        return snapshot.keys(self.client_id)


class Candidate:
    """A value to try. Call `accepted()` if Auth0 accepted it.

    That is every answer but a 401: with a 403 the secret was right, and something else is not allowed.
    """

    __slots__ = ("_cache", "_found", "version")

    def __init__(self, cache: Cache, found: Found, version: str | None = None) -> None:
        self._cache = cache
        self._found = found
        self.version = version
        """The vault's name for its version, where that is known (`ClientSecret.known_async`)."""

    @property
    def stage(self) -> str:
        """Where the value was read: current, pending or fallback."""
        return self._found.stage

    def reveal(self) -> str:
        """Return the text. Call it in the argument list of the request, so that no variable keeps it."""
        return self._found.value.reveal()

    def accepted(self) -> None:
        """Record that this value works. It is the first candidate from now on.

        It sends no request, and any thread may call it.
        """
        self._cache.accepted(self._found)

    def __repr__(self) -> str:
        # Candidates end up in tracebacks and in logs of the application.
        return f"Candidate({self.stage}, ***)"


class Candidates:
    """The iterable that `ClientSecret.candidates` returns. Iterate over it once.

    The synchronous and the asynchronous iteration follow the same plan (`steps`) and differ only in how they wait.
    """

    __slots__ = ("_cache", "_clock", "_patience")

    def __init__(self, cache: Cache, clock: Clock, patience: float) -> None:
        self._cache = cache
        self._clock = clock
        self._patience = patience

    def __iter__(self) -> Iterator[Candidate]:
        first = self._cache.first()
        if isinstance(first, Found):  # the usual case: it is cached, and it is the only one
            yield Candidate(self._cache, first)
        todo, answer = steps(self._cache, self._clock, self._patience, first), None
        while True:
            try:
                step = todo.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, Found):
                yield Candidate(self._cache, step)
            elif isinstance(step, Future):
                answer = waited(step)
            else:
                self._clock.sleep(step)

    async def __aiter__(self) -> AsyncIterator[Candidate]:
        import asyncio

        first = self._cache.first()
        if isinstance(first, Found):
            yield Candidate(self._cache, first)
        todo, answer = steps(self._cache, self._clock, self._patience, first), None
        while True:
            try:
                step = todo.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, Found):
                yield Candidate(self._cache, step)
            elif isinstance(step, Future):
                answer = await awaited(step)
            else:
                await asyncio.sleep(step)


def waited(reading: Future[Snapshot]) -> Snapshot | None:
    """Wait for a reading, and return None if it failed.

    The caller then falls back to a cached reading (`Cache.stale`), which raises if there is none.
    """
    try:
        return reading.result()
    except SinkError:
        return None


async def awaited(reading: Future[Snapshot]) -> Snapshot | None:
    """Wait for a reading in a coroutine, and return None if it failed.

    The reading goes on if the coroutine is cancelled, because other callers may wait for it.
    """
    import asyncio

    try:
        return await asyncio.wrap_future(reading)
    except SinkError:
        return None


def connector(
    uri: str, kind: str | None, settings: object, environ: Mapping[str, str], clock: Clock
) -> Callable[[], Reader]:
    """Return a function that opens a sink for reading. The address is validated at once.

    Without `settings`, each opening takes them from the environment again, so a renewed token is picked up.

    Raises:
        BadAddress: the address or a setting is not valid.
    """
    scheme, target = split(uri)
    named = kind or scheme
    store = kinds.kind(named)
    options = settings if settings is not None else store.from_environment(environ)
    # A wrong address is the programmer's mistake. It shows when the application starts, and not at its first token.
    store.parse(target, options)

    def connect() -> Reader:
        fresh = settings if settings is not None else store.from_environment(environ)
        return open_reader(
            uri, named, fresh, resolve=lambda reference: resolve(reference, environ), clock=clock, timeout=READ_TIMEOUT
        )

    return connect
