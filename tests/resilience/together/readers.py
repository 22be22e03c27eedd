"""One reader for each client: it tries current, then the other candidates, and must always find the accepted one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.e2e.observe import values_met
from tests.e2e.sinks import AwsPlace, VaultPlace
from tests.e2e.world import World

PAUSE = 0.5  # seconds: the servers have other work as well
TRIES = 5
"""A reader begins anew where a change came between two of its requests."""


@contextmanager
def reading(worlds: Mapping[str, World], *, leaked: bool = False) -> Iterator[list[str]]:
    """Read each client's sinks again and again; yields the list of what readers have missed, one line each.

    Every value that Auth0 may accept has to be there. With `leaked`, one of them: the others are to go. A reader then
    repeats for as long as a change spreads: an answer that is given again puts its own value in place of the one that
    the answer before has set, right before it sets it.
    """
    missed: list[str] = []
    over = threading.Event()
    threads = [
        threading.Thread(target=_read, args=(name, world, leaked, over, missed)) for name, world in worlds.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield missed
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _read(name: str, world: World, leaked: bool, over: threading.Event, missed: list[str]) -> None:
    while True:
        try:
            missed += [f"{name}: {line}" for line in absent(world, leaked=leaked)]
        except Exception as error:  # noqa: BLE001  # a reader that died would prove nothing
            missed.append(f"{name}: its reader failed: {type(error).__name__}")
        if over.wait(PAUSE):
            return


def absent(world: World, *, leaked: bool = False) -> list[str]:
    """Return the sinks in which a value is missing that Auth0 may accept."""
    found = [place.uri for place in world.sinks if not _finds(world, place, leaked=leaked)]
    return [f"Auth0 may accept a value that {uri} does not offer" for uri in found]


def _finds(world: World, place: VaultPlace | AwsPlace, *, leaked: bool) -> bool:
    patience = world.tenant.settings.propagation.total_seconds() if leaked else 0.0
    tries, ends = 0, time.monotonic() + patience
    while tries < TRIES or time.monotonic() < ends:
        tries += 1
        before, offered = values_met(world), _current(place)
        needed = before & values_met(world)  # accepted all the time
        if not needed <= offered:
            seen = place.see()
            offered |= {value for value in (seen.current, seen.pending, seen.fallback) if value}
            needed &= values_met(world)
        if needed <= offered or (leaked and needed & offered):
            return True
    return False


def _current(place: VaultPlace | AwsPlace) -> set[str]:
    if isinstance(place, VaultPlace):
        return {(place.document() or {}).get(place.key, "")}
    return {place._value(place.text(VersionStage="AWSCURRENT") or "{}") or ""}
