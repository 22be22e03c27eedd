"""Reading a place for many at once: whoever wants it read waits for the same reading (single flight)."""

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
    """One reading. `whole`: of all stages. It begins when `started` is set."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.started: float | None = None
        self.landed: Future[Snapshot] = Future()
        self.landed.set_running_or_notify_cancel()  # one waiter's cancelling is not the others'

    def land(self, read: Snapshot | SinkError) -> None:
        """Wake whoever waits, with what was read or with why it was not."""
        if isinstance(read, SinkError):
            self.landed.set_exception(read)
        else:
            self.landed.set_result(read)


class Loading:
    """Reads in a thread of its own, which ends when nobody waits any more.

    `land` is given every reading with what it found: keeps it, wakes who waits (`Flight.land`), and then tells of it.
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
        """Return a reading that began after a moment: the last one, the one that is on its way, or a new one."""
        if self._process != os.getpid():  # forked: the parent's threads and connections are not here
            self._process, self._guard = os.getpid(), Lock()
            self._flying = self._waiting = self._reader = None
        with self._guard:
            flying, landed = self._flying, self._landed
            if landed and landed.started is not None and landed.started >= after and landed.whole >= whole:
                return landed.landed
            if flying and (flying.started is None or flying.started >= after) and flying.whole >= whole:
                return flying.landed
            if flying is None:
                self._flying = flight = Flight(whole=whole)
                Thread(target=self._fly, args=(flight,), name="secret-bridge-reader", daemon=True).start()
                return flight.landed
            if self._waiting is None:
                self._waiting = Flight(whole=whole)
            self._waiting.whole |= whole
            return self._waiting.landed

    def _fly(self, flight: Flight | None) -> None:
        while flight is not None:
            flight.started = self._clock.monotonic()
            read = self._outcome(whole=flight.whole, started=flight.started)
            try:
                self._land(flight, read)
            finally:
                with self._guard:
                    self._landed = None if isinstance(read, SinkError) else flight
                    flight = self._flying = self._waiting
                    self._waiting = None

    def _outcome(self, *, whole: bool, started: float) -> Snapshot | SinkError:
        try:
            return self._read(whole=whole, started=started)
        except SinkError as error:
            return error
        except BaseException as error:  # noqa: BLE001  # else whoever waits would wait for ever
            return SinkError(f"reading failed: {_place(error)}")

    def _read(self, *, whole: bool, started: float) -> Snapshot:
        try:
            return self._stages(self._opened(), whole=whole, started=started)
        except Denied:  # a token that has expired, perhaps; there may be a new one where this one came from
            self.close()
            return self._stages(self._opened(), whole=whole, started=started)

    def _stages(self, reader: Reader, *, whole: bool, started: float) -> Snapshot:
        """Read pending before current: what is published meanwhile is then met as current, and nothing is missed."""
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
        if self._sees_pending:
            try:
                return reader.pending()
            except Denied as error:
                self._sees_pending, self.denied = False, error.message
        return NOTHING_NEXT

    def close(self) -> None:
        """Close the connections; the next reading opens new ones."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = self._connect()
        return self._reader


def _place(error: BaseException) -> str:
    """Name a bug of ours by its kind and where it is: its text may hold anything."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {where.filename.rpartition('/')[2]}:{where.lineno}"
