"""Several clients at a time: threads do the work, and the main thread takes what is done."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
MOST = 400
"""How many threads there may be, those included that only wait for a change to spread."""


@dataclass(frozen=True)
class Done(Generic[T]):
    """What became of one item: what the work returned, or what it raised."""

    number: int
    item: T
    result: Any = None
    raised: BaseException | None = None

    def value(self) -> Any:
        """Return what the work returned, or raise what it raised."""
        if self.raised is not None:
            raise self.raised
        return self.result


def in_order(results: Iterable[Done[T]]) -> Iterator[Done[T]]:
    """Yield results in the order of their items. What is done too early is kept until its turn."""
    kept: dict[int, Done[T]] = {}
    following = 0
    for done in results:
        kept[done.number] = done
        while following in kept:
            yield kept.pop(following)
            following += 1
    # After an interruption some are missing.
    yield from (kept[number] for number in sorted(kept))


_RELEASE: ContextVar[Callable[[], None]] = ContextVar("bridge.cli.jobs", default=lambda: None)


def spread(work: Callable[[T], Any], items: Sequence[T], *, jobs: int) -> Iterator[Any]:
    """Yield what `work` returns for each item, in their order, for `jobs` of them at a time.

    After Ctrl-C no further item is begun.

    Raises:
        Exception: whatever the work of an item raised, when its turn comes.
    """
    crew: Crew[T] = Crew(work, max(1, min(jobs, len(items))))
    return (done.value() for done in in_order(crew.results(items)))


def only_waiting() -> None:
    """Let another item begin, because the one of this thread has nothing left to do but to wait.

    Without several jobs it does nothing.
    """
    _RELEASE.get()()


class Crew(Generic[T]):
    """Does `work` for each item, for `jobs` of them at a time.

    With one job the work is done in the thread that asks for the results. Otherwise each item has a thread, which is a
    daemon: after a second Ctrl-C the process must not wait for a server that does not answer.
    """

    def __init__(self, work: Callable[[T], Any], jobs: int) -> None:
        self._work = work
        self._jobs = self._free = jobs
        self._told: queue.SimpleQueue[tuple[int, Done[T] | None]] = queue.SimpleQueue()  # None: a job is free
        self._under_way: dict[int, T] = {}
        self._interrupted = False

    def results(self, items: Iterable[T]) -> Iterator[Done[T]]:
        """Yield what became of each item, as soon as it is done.

        An interruption (Ctrl-C) is yielded as what each item raised that is under way. No further item is begun.
        """
        left = enumerate(items)
        if self._jobs == 1:
            for number, item in left:
                yield (told := self._tried(number, item))
                if self._interrupted or isinstance(told.raised, KeyboardInterrupt):
                    return
            return
        try:
            while (self._begin(left) or self._under_way) and not self._interrupted:
                number, told_here = self._told.get()
                if told_here is None:
                    self._free += 1
                    continue
                del self._under_way[number]
                yield told_here
        except KeyboardInterrupt:
            self._interrupted = True
        for number, item in self._under_way.items():
            yield Done(number, item, raised=KeyboardInterrupt())

    def interrupt(self) -> None:
        """Begin no further item, and give up those that are under way, as after an interruption."""
        self._interrupted = True

    def _begin(self, left: Iterator[tuple[int, T]]) -> bool:
        """Begin as many items as there are free jobs, and return whether any was begun."""
        begun = False
        while self._free > 0 and len(self._under_way) < MOST and (pair := next(left, None)):
            number, item = pair
            begun, self._free, self._under_way[number] = True, self._free - 1, item
            threading.Thread(target=self._do, args=pair, daemon=True).start()
        return begun

    def _do(self, number: int, item: T) -> None:
        free = [None]

        def release() -> None:
            if free:
                free.clear()
                self._told.put((number, None))

        _RELEASE.set(release)
        self._told.put((number, self._tried(number, item)))
        release()

    def _tried(self, number: int, item: T) -> Done[T]:
        try:
            return Done(number, item, self._work(item))
        except (Exception, KeyboardInterrupt) as raised:  # noqa: BLE001  # given on to whoever takes it
            return Done(number, item, raised=raised)
