"""How fast one tenant's Management API is asked: one budget for all threads of this process.

Auth0 tells how many requests are left at once, and not how many come back in a second. So that is measured: what was
sent, less what the rest has shrunk by, has come back in the meantime.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from sinks.clock import Clock

SHARE = 0.8
"""The part of the limit that the bridge uses. The rest is for everybody else."""
SUSTAINED: Mapping[int, float] = {50: 16.0, 10: 2.0, 2: 2.0}
"""Requests per second that come back, by the number that may be sent at once: the Management API's published limits."""
TOKENS: Mapping[int, float] = {100: 100.0, 30: 5.0, 25: 25.0}
"""The same of the token endpoint, where probes go."""
UNKNOWN = 5.0
"""By this the number that may be sent at once is divided, for the rate of any other limit until it is measured."""
FIRST = 1.6  # requests per second before the first answer: 80 % of the least limit
WINDOW, SHORTEST = 5.0, 1.0  # seconds of a measurement, usually and where what is left shrinks fast
MORE = 1.5
"""By this the rate grows again with each measurement that finds nothing used up."""
MANY = 10
"""From so many clients of a tenant on, a command spreads its requests evenly, and reads clients by the page."""
LATELY = 1000  # requests that are remembered
NEAREST = 0.9
"""By this the time between turns is multiplied, for the least time in which so many requests are sent.

A turn that was reserved is used later. Without this, several of them could be used at one moment.
"""
TOGETHER = 0.25  # seconds of turns over which that counts; at less than two of them, from one request to the next
LATE = 0.05
"""Seconds of turns that are made up for. A busy machine wakes a thread up some milliseconds after its turn."""
LOOK = 0.25  # seconds after which a waiting thread looks whether the rate has changed
SLEEP = 0.05  # seconds after which a thread that is not the next one looks again


@dataclass(frozen=True)
class Pacing:
    """How requests to one tenant are spread."""

    rate: float | None = None
    """Requests per second, in place of what answers tell."""
    clients: int = 1
    """How many clients of the tenant the command is about.

    For a few clients a handful of requests is sent, so they are sent at once while more than a fifth of the limit is
    left. For many, all are spread evenly.
    """
    together: bool = False
    """Whether several of them are worked on at a time."""

    @property
    def lists(self) -> bool:
        """Whether clients are read by the page. One after the other would take longer than a page is fresh."""
        return self.together and self.clients >= MANY


class Pace:
    """Gives each request its turn."""

    def __init__(
        self,
        clock: Clock,
        pacing: Pacing = Pacing(),
        sustained: Mapping[int, float] = SUSTAINED,  # it is frozen
    ) -> None:
        rate = pacing.rate
        self._sustained = sustained
        self._clock = clock
        self._given = rate
        self._bursts = pacing.clients < MANY
        self._lock = threading.Lock()
        self._waiting: list[tuple[bool, int]] = []
        self._tickets = itertools.count()
        self._rate = rate or FIRST
        self._next = self._held = clock.monotonic()
        self._limit = self._left = 0
        self._known = self._unlimited = self._guessed = False
        self._most = 0.0  # requests per second that are known to come back at best
        self._measured_from: tuple[float, int] | None = None
        self._sent = 0
        self._reserved = threading.local()
        self._lately: deque[float] = deque(maxlen=LATELY)

    @property
    def rate(self) -> float:
        """Requests per second, as they are spread at present."""
        return self._rate

    @property
    def told(self) -> bool:
        """Whether an answer has told a limit, which `rate` keeps to."""
        return self._known and not self.unlimited

    @property
    def unlimited(self) -> bool:
        """Whether the latest answer told no limit, so that `rate` does not count."""
        return self._unlimited and self._given is None

    @property
    def used(self) -> float:
        """Requests per second, as they were sent within the last five seconds."""
        with self._lock:
            since = self._clock.monotonic() - WINDOW
            return sum(at >= since for at in self._lately) / WINDOW

    def reserve(self) -> None:
        """Wait for the turn of this thread's next urgent request, which has no lease yet."""
        if not getattr(self._reserved, "turn", False):
            self._await_turn(urgent=False, counts=True, sends=False)
            self._reserved.turn = True

    def take(self, *, urgent: bool = False) -> None:
        """Wait for this request's turn. An `urgent` one, which has a lease, comes before all others.

        One whose turn was reserved waits only while the limit is used up, and so as not to come too near to another.
        """
        reserved = urgent and getattr(self._reserved, "turn", False)
        if reserved:
            self._reserved.turn = False
        self._await_turn(urgent=urgent, counts=not reserved, sends=True)

    def sending(self) -> None:
        """Take note that a request is sent at this moment. Threads and connections take their time after its turn."""
        with self._lock:
            if self._lately:
                self._lately[-1] = max(self._lately[-1], self._clock.monotonic())

    def _await_turn(self, *, urgent: bool, counts: bool, sends: bool) -> None:
        """Wait. What `counts` takes a turn, and what `sends` is sent then."""
        me = (not urgent, next(self._tickets))
        with self._lock:
            heapq.heappush(self._waiting, me)
        try:
            while (wait := self._wait(me, counts=counts, sends=sends)) > 0:
                # An answer to another request may raise the rate meanwhile.
                self._clock.sleep(min(wait, LOOK))
        except BaseException:
            with self._lock:
                if me in self._waiting:
                    self._waiting.remove(me)
                    heapq.heapify(self._waiting)
            raise

    def _wait(self, me: tuple[bool, int], *, counts: bool, sends: bool) -> float:
        """Return the seconds until it is worth looking again, or 0 when the turn has come."""
        with self._lock:
            now = self._clock.monotonic()
            times = [self._held]
            if not self._has_room():
                times += [self._next] * counts + [self._far_enough()] * sends
            wait = max(times) - now
            if self._waiting[0] != me:
                return max(wait, SLEEP)
            if wait > 0:
                return wait
            heapq.heappop(self._waiting)
            if counts:
                self._next = max(now - LATE, self._next) + 1 / self._rate
                self._left -= 1
                self._sent += 1
            if sends:
                self._lately.append(now)
            return 0.0

    def _far_enough(self) -> float:
        """Return when the next request is far enough from those before it."""
        turns = max(1, int(self._rate * TOGETHER))
        return self._lately[-turns] + turns * NEAREST / self._rate if len(self._lately) >= turns else float("-inf")

    def _has_room(self) -> bool:
        if self._given is not None:
            return False
        return self._unlimited or (self._bursts and (not self._known or self._left > self._limit - self._limit * SHARE))

    def hold(self, seconds: float) -> None:
        """Let nothing begin for so long, because the limit is used up."""
        with self._lock:
            # Answers come in any order, and one of them must not end what another one asked for.
            self._held = max(self._held, self._clock.monotonic() + seconds)

    def heard(self, headers: Mapping[str, str], *, good: bool = True) -> None:
        """Learn from an answer's headers (`x-ratelimit-limit`, `x-ratelimit-remaining`). `good`: it is no error."""
        limit, left = (_whole(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining"))
        told = any(name.lower().startswith("x-ratelimit") for name in headers)
        # Some plans have no limit for some requests. What makes no sense tells nothing, nor does the error of a proxy.
        if told or good:
            self._unlimited = not told
        if not limit or left is None or left > limit:
            return
        with self._lock:
            now = self._clock.monotonic()
            if not self._known or limit != self._limit:
                self._limit, self._known = limit, True
                self._most, self._guessed = self._sustained.get(limit, limit / UNKNOWN), limit not in self._sustained
                self._set(self._most)
                self._measured_from, self._sent = (now, left), 0
            self._left = left
            self._measure(now, left)

    def _measure(self, now: float, left: int) -> None:
        since, before = self._measured_from or (now, left)
        if now - since < (WINDOW if left > before / 2 else SHORTEST):
            return
        back = (self._sent + left - before) / (now - since)
        if left >= self._limit - 1:
            # Nothing comes back to what is full, so less than the limit would be seen. It shows that more can be used
            # than is: somebody else has used it up before, and does so no more.
            self._set(max(self._rate / SHARE, min(self._most, self._rate / SHARE * MORE)))
        elif back > 0:
            # A quarter of what is above, because a single measurement is rough.
            self._most = back if self._guessed else max(self._most, self._most + (back - self._most) / 4)
            self._guessed = False
            self._set(back)
        self._measured_from, self._sent = (now, left), 0

    def _set(self, sustained: float) -> None:
        if self._given is None:
            self._rate = max(sustained * SHARE, SHARE / 60)


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.strip().isdigit() else None
