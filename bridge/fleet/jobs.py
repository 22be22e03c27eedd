"""Several clients at a time: threads do the work, and the main thread takes what is done."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bridge.fleet.slots import HERE, Place, Slots

T = TypeVar("T")
MOST = 1000
"""How many threads there may be. At 16 requests/s, some 500 clients wait for their change to spread."""


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


def spread(work: Callable[[T], Any], items: Sequence[T], *, jobs: int) -> Iterator[Any]:
    """Yield what `work` returns for each item, in their order, for `jobs` of them at a time.

    After Ctrl-C no further item is begun.

    Raises:
        Exception: whatever the work of an item raised, when its turn comes.
    """
    crew: Crew[T] = Crew(work, max(1, min(jobs, len(items))))
    return (done.value() for done in in_order(crew.results(items)))


_WAITS: ContextVar[Callable[[], None]] = ContextVar("bridge.fleet.jobs", default=lambda: None)


def let_another_begin() -> None:
    """Let another item of the same group begin, because the one of this thread waits. A second time it does nothing.

    Without several jobs it does nothing. This one goes on when it has waited, and takes its turn then.
    """
    _WAITS.get()()


@dataclass(frozen=True)
class Order(Generic[T]):
    """Which item comes next. Items of one group are in each other's way, and those of different groups are not."""

    group: Callable[[T], str] = lambda _: ""
    following: Callable[[Mapping[int, T]], int] = min
    """Of the items of a group that are left, by their numbers, which one is next. It may ask a server."""
    room: Callable[[str], int] = lambda _: MOST
    """How many items of a group may be under way at present, those included that wait."""


class _Group(Generic[T]):
    """The items of one group that no thread has taken yet. The counts are the main thread's."""

    def __init__(self, name: str, items: Mapping[int, T], following: Callable[[Mapping[int, T]], int]) -> None:
        self.name = name
        self.threads_to_come = len(items)
        """How many threads have to be started for what is left."""
        self.begun = 0
        """How many of them are at work, and have not waited yet."""
        self.under_way = 0
        """How many of them have not ended."""
        self._left = dict(items)
        self._following = following
        self._lock = threading.Lock()

    def take(self) -> tuple[int, T]:
        """Take the next item."""
        with self._lock:
            number = min(self._left)
            if len(self._left) > 1:
                # Without an order the item is done all the same. If a server is the reason, its own work says so.
                with suppress(Exception):
                    number = self._following(self._left)
            return number, self._left.pop(number)


class Crew(Generic[T]):
    """Does `work` for each item, for `jobs` of them at a time.

    With one job the work is done in the thread that asks for the results. Otherwise each item has a thread, which is a
    daemon: after a second Ctrl-C the process must not wait for a server that does not answer. Up to `jobs` items of
    each group have begun, and as many threads work. The others sleep or wait for their turn.
    """

    def __init__(self, work: Callable[[T], Any], jobs: int, order: Order[T] | None = None) -> None:
        self._work = work
        self._jobs = jobs
        self._order = order or Order()
        self._slots = Slots(jobs)
        self._told: queue.SimpleQueue[tuple[_Group[T], Done[T] | None]] = queue.SimpleQueue()  # None: it waits
        self._under_way: dict[int, T] = {}
        self._threads = 0
        self._interrupted = False

    def results(self, items: Iterable[T]) -> Iterator[Done[T]]:
        """Yield what became of each item, as soon as it is done.

        An interruption (Ctrl-C) is yielded as what each item raised that is under way. No further item is begun.
        """
        if self._jobs == 1:
            for number, item in enumerate(items):
                yield (told := self._tried(number, item))
                if self._interrupted or isinstance(told.raised, KeyboardInterrupt):
                    return
            return
        groups = self._grouped(items)
        try:
            while (self._begin(groups) or self._threads) and not self._interrupted:
                group, told_here = self._told.get()
                if told_here is None:
                    group.begun -= 1
                    continue
                self._threads -= 1
                group.under_way -= 1
                del self._under_way[told_here.number]
                yield told_here
        except KeyboardInterrupt:
            self._interrupted = True
        for number, item in sorted(self._under_way.copy().items()):
            yield Done(number, item, raised=KeyboardInterrupt())

    def interrupt(self) -> None:
        """Begin no further item, and give up those that are under way, as after an interruption."""
        self._interrupted = True

    def _grouped(self, items: Iterable[T]) -> list[_Group[T]]:
        found: dict[str, dict[int, T]] = {}
        for number, item in enumerate(items):
            found.setdefault(self._order.group(item), {})[number] = item
        return [_Group(name, each, self._order.following) for name, each in found.items()]

    def _begin(self, groups: Sequence[_Group[T]]) -> bool:
        """Begin items of each group in turn, as many as may be begun, and return whether any was begun."""
        begun = False
        while free := [each for each in groups if self._may_begin(each)]:
            for group in free:
                if self._threads >= MOST:
                    return begun
                try:
                    threading.Thread(target=self._do, args=(group,), daemon=True).start()
                except RuntimeError:  # the machine allows no more of them: whatever is under way must not be given up
                    if not self._threads:
                        raise
                    return begun
                begun, self._threads = True, self._threads + 1
                group.begun += 1
                group.under_way += 1
                group.threads_to_come -= 1
        return begun

    def _may_begin(self, group: _Group[T]) -> bool:
        room = max(self._jobs, self._order.room(group.name))
        return group.threads_to_come > 0 and group.begun < self._jobs and group.under_way < room

    def _do(self, group: _Group[T]) -> None:
        waits = [None]

        def wait() -> None:
            if waits:
                waits.clear()
                self._told.put((group, None))

        place = Place(self._slots, group.name)
        with place:
            _WAITS.set(wait)
            HERE.set(place)
            number, item = group.take()
            # Before the look, so that an interruption in between names it.
            self._under_way[number] = item
            if self._interrupted:
                del self._under_way[number]
                return
            done = self._tried(number, item)
        self._told.put((group, done))
        wait()

    def _tried(self, number: int, item: T) -> Done[T]:
        try:
            return Done(number, item, self._work(item))
        except (Exception, KeyboardInterrupt) as raised:  # noqa: BLE001  # given on to whoever takes it
            return Done(number, item, raised=raised)
