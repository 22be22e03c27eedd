"""Reading a sink on behalf of many callers at once (single flight).

Callers that need the sink at the same time share one reading.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Lock, Thread
from typing import TYPE_CHECKING

from bridge.consumer.snapshot import Snapshot
from sinks.errors import Denied, Refused, SinkError
from sinks.reader import NOTHING_NEXT, Next

if TYPE_CHECKING:
    from sinks.clock import Clock
    from sinks.reader import Reader


class Flight:
    """One reading, and the future of its result.

    `whole` says whether it covers every stage. `started` is its monotonic start time, or None before it begins.
    """

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.started: float | None = None
        self.landed: Future[Snapshot] = Future()
        self.landed.set_running_or_notify_cancel()  # one waiter cannot cancel it for the others

    def land(self, read: Snapshot | SinkError) -> None:
        """Wake the waiting callers with the reading, or with the reason why it failed.

        It must be called once. A caller that asks again after that gets another flight.
        """
        if isinstance(read, SinkError):
            self.landed.set_exception(read)
        else:
            self.landed.set_result(read)


class Loading:
    """Reads a sink in a thread of its own. The thread ends when no caller waits any more.

    At most one reading runs, and at most one more is queued behind it. `land` is called with each finished reading. It
    stores the result, wakes the waiting callers (`Flight.land`), and then reports events.

    `denied` is the store's message if this reader may not see pending values, else empty.
    """

    def __init__(
        self, connect: Callable[[], Reader], clock: Clock, land: Callable[[Flight, Snapshot | SinkError], None]
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._land = land
        self._process = os.getpid()
        self._guard = Lock()
        self._flying: Flight | None = None
        self._waiting: Flight | None = None
        self._landed: Flight | None = None
        self._reader: Reader | None = None
        self._sees_pending = True
        self.denied = ""

    def load(self, *, whole: bool, after: float) -> Future[Snapshot]:
        """Return the future of a reading that began at or after a moment.

        That is the last reading, the one in progress, or a new one. With `whole`, the reading covers every stage.
        """
        # After a fork the parent's threads are gone, and its connections must not be used.
        if self._process != os.getpid():
            self._process, self._guard = os.getpid(), Lock()
            self._flying = self._waiting = self._reader = None
        with self._guard:
            flying, landed = self._flying, self._landed
            # A reading that began before `after` may have missed the value that the caller
            # needs, however late it ended.
            if landed and landed.started is not None and landed.started >= after and landed.whole >= whole:
                return landed.landed
            # One that has not begun will begin later than any `after`.
            if flying and (flying.started is None or flying.started >= after) and flying.whole >= whole:
                return flying.landed
            if flying is None:
                self._flying = flight = Flight(whole=whole)
                Thread(target=self._fly, args=(flight,), name="secret-bridge-reader", daemon=True).start()
                return flight.landed
            if self._waiting is None:
                self._waiting = Flight(whole=whole)
            self._waiting.whole |= whole  # it has not begun yet, so it can still read more
            return self._waiting.landed

    def _fly(self, flight: Flight | None) -> None:
        """Read for one flight, then for the one that was queued meanwhile, until none is left.

        The thread then ends, so an application that is idle keeps no thread of this library.
        """
        while flight is not None:
            flight.started = self._clock.monotonic()
            read = self._outcome(whole=flight.whole, started=flight.started)
            try:
                self._land(flight, read)
            finally:
                with self._guard:
                    # A failed reading is not kept: the next caller starts a new one.
                    # Under the lock together with the choice of the next flight, so that no
                    # caller sees neither of them.
                    self._landed = None if isinstance(read, SinkError) else flight
                    flight = self._flying = self._waiting
                    self._waiting = None

    def _outcome(self, *, whole: bool, started: float) -> Snapshot | SinkError:
        try:
            # An error is returned and not raised: the callers that wait are in other threads, and get it by the future.
            return self._read(whole=whole, started=started)
        except SinkError as error:
            return error
        except BaseException as error:  # noqa: BLE001  # else the waiting callers would wait forever
            return SinkError(f"reading failed: {_where(error)}")

    def _read(self, *, whole: bool, started: float) -> Snapshot:
        """Read the sink, and retry once with fresh credentials if they were denied.

        Raises:
            SinkError: the sink cannot be read.
        """
        try:
            return self._stages(self._opened(), whole=whole, started=started)
        except Denied:
            # The token may have expired. Opening the sink again looks it up anew.
            self.close()
            return self._stages(self._opened(), whole=whole, started=started)

    def _stages(self, reader: Reader, *, whole: bool, started: float) -> Snapshot:
        """Read pending before current, so that no value is missed (ADR 27).

        A value that is promoted between the two requests is then found as current.
        """
        # Pending, then current, then fallback. In another order a value that moves up between two
        # requests would be in neither answer.
        pending = self._pending(reader) if whole else NOTHING_NEXT
        latest = reader.latest()
        if latest.value is None:
            raise Refused(f"{reader.uri} holds no value")
        read = Snapshot(started, latest.value, latest)
        if not whole:
            return read
        return replace(
            read, whole=True, next=pending, fallback=reader.fallback(latest), promoted=reader.promoted(latest)
        )

    def _pending(self, reader: Reader) -> Next:
        """Return the pending value.

        A reader that may not see pending values is not asked again. `denied` records that.
        """
        if self._sees_pending:
            try:
                return reader.pending()
            except Denied as error:
                self._sees_pending, self.denied = False, error.message
        return NOTHING_NEXT

    def close(self) -> None:
        """Close the connections. The next reading opens new ones.

        A reading that runs in another thread may fail by it.
        """
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = self._connect()
        return self._reader


def _where(error: BaseException) -> str:
    """Return the type of an unexpected exception and its line in the code.

    Its text is left out, because it may hold a secret.
    """
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {where.filename.rpartition('/')[2]}:{where.lineno}"
