"""Which values are candidates while an operation ends one of them, and while the vault is away."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime

import pytest

from bridge.consumer.cache import Cache, Limits
from bridge.consumer.errors import SecretUnavailable
from bridge.consumer.events import Event, Kind
from bridge.consumer.loading import Flight
from bridge.consumer.snapshot import Found, Snapshot
from sinks.errors import SinkError, Unavailable
from sinks.reader import Latest, Next, Reader
from sinks.secret import Secret
from sinks.versions import Stage
from tests.e2e.clock import Shifted

ID = "AbC"
OLD, NOW, NEW = (Secret(name * 20) for name in ("old", "now", "new"))
AWAY = Unavailable("the vault is away")


def snapshot(current: Secret = NOW, pending: Secret | None = None, fallback: Secret | None = None,
             ending: tuple[Secret, ...] = (), *, unread: bool = False, started: float = 0.0) -> Snapshot:  # fmt: skip
    marks = frozenset(each.fingerprint(ID) for each in ending)
    latest = Latest(current, "2", datetime.now(UTC))
    return Snapshot(started, current, latest, True, Next(pending, marks), fallback, unread=unread)


CANDIDATES = {
    "nothing under way": (snapshot(fallback=OLD), [NOW, OLD], [NOW, OLD]),
    "a rotation": (snapshot(pending=NEW, fallback=OLD), [NOW, NEW, OLD], [NOW, NEW, OLD]),
    "it ends an open fallback": (snapshot(pending=NEW, fallback=OLD, ending=(OLD,)), [NOW, NEW], [NOW, NEW]),
    "it answers a leak of current": (snapshot(pending=NEW, fallback=OLD, ending=(NOW,)), [NEW, NOW, OLD], [NEW, OLD]),
    "it answers a leak of both": (snapshot(pending=NEW, fallback=OLD, ending=(NOW, OLD)), [NEW, NOW], [NEW]),
    "the leak is answered": (snapshot(NEW, fallback=NOW, ending=(NOW,)), [NEW], [NEW]),
    "a leak, and no new value yet": (snapshot(ending=(NOW,)), [NOW], [NOW]),
    "the new value is current already": (snapshot(NEW, NEW, NOW, ending=(NOW,)), [NEW], [NEW]),
}


@pytest.mark.parametrize(("read", "here", "away"), CANDIDATES.values(), ids=CANDIDATES)
def test_a_value_that_is_ending_is_no_candidate_while_the_vault_is_away(
    read: Snapshot, here: list[Secret], away: list[Secret]
) -> None:
    assert [found.value for found in read.candidates(ID)] == here
    cache = kept(read)
    fail(cache)
    assert cache.snapshot is not None
    assert [found.value for found in cache.ordered(cache.snapshot)] == away
    first = cache.first()
    assert isinstance(first, Found)
    assert first.value == away[0]
    cache._landed(Flight(whole=True), read)  # the vault is back, and says the same
    assert not cache.snapshot.unread
    assert [found.value for found in cache.snapshot.candidates(ID)] == here


def kept(read: Snapshot, clock: Shifted | None = None, told: list[Event] | None = None) -> Cache:
    """A cache that has read this; its vault is away from now on."""

    def connect() -> Reader:
        raise AWAY

    hook = None if told is None else told.append
    cache = Cache(ID, "vault://secret/apps/billing", connect, Limits(1e9, 2e9, ahead=True), hook, clock or Shifted())
    cache._landed(Flight(whole=True), read)
    return cache


def fail(cache: Cache) -> None:
    reading: Future[Snapshot] = cache.load(whole=True, after=cache._now())
    with pytest.raises(SinkError):
        reading.result(10)


def test_the_value_that_worked_last_stays_in_front_unless_it_was_ending() -> None:
    cache = kept(snapshot(pending=NEW, fallback=OLD, ending=(NOW,)))
    cache.accepted(Found(OLD, Stage.FALLBACK))
    fail(cache)
    assert cache.snapshot is not None
    assert [found.value for found in cache.ordered(cache.snapshot)] == [OLD, NEW]


def test_an_acceptance_on_its_way_does_not_bring_back_a_value_that_was_ending() -> None:
    told: list[Event] = []
    cache = kept(snapshot(pending=NEW, fallback=OLD, ending=(NOW,)), told=told)
    (_, current, _) = cache.snapshot.candidates(ID) if cache.snapshot else ()
    fail(cache)
    cache.accepted(current)
    first = cache.first()
    assert isinstance(first, Found)
    assert first.value == NEW
    cache.accepted(Found(OLD, Stage.FALLBACK))
    assert cache.first().value == OLD  # type: ignore[union-attr]
    assert [event.kind for event in told if event.kind is Kind.FALLBACK_USED] == [Kind.FALLBACK_USED]


def test_a_failing_vault_makes_no_value_older_or_younger() -> None:
    clock = Shifted()
    cache = kept(snapshot(started=clock.monotonic()), clock)
    cache._stale_at = clock.monotonic() + 100
    fail(cache)
    assert cache.standing().usable
    assert cache.standing().failure == AWAY.message
    clock.sleep(101)
    assert not cache.standing().usable
    with pytest.raises(SecretUnavailable, match="the vault is away"):
        cache.stale()


def test_a_cache_that_never_read_is_not_usable_and_says_why() -> None:
    def connect() -> Reader:
        raise AWAY

    cache = Cache(ID, "vault://secret/x", connect, Limits(1, 1, ahead=True), None, Shifted())
    assert (cache.standing().usable, cache.standing().age, cache.standing().failure) == (False, None, "")
    fail(cache)
    assert (cache.standing().usable, cache.standing().age, cache.standing().failure) == (False, None, AWAY.message)
