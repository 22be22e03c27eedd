"""What must hold after each step, told once. `design.md`, section 3; the numbers are its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.model.settlement import Way
from sinks.seal import SEAL_TAG, UNPROVEN
from tests.resilience.random.commands import Command, Ended
from tests.resilience.random.look import Sight

STATUSES = frozenset({0, 1, 2, 3, 4, 5})
SETTLES = frozenset({"rotate", "rollback", "sync", "adopt", "settle", "compromised"})
"""Operations after which every sink holds as current what Auth0 holds."""


def nothing_is_lost(before: Sight, after: Sight, excused: frozenset[str]) -> None:
    """1: what Auth0 may accept is held, unless it was not before, or is the one gap of `auth0-generated`."""
    lost = after.unheld - before.unheld - after.brief - before.given_up - excused
    assert not lost, f"lost: Auth0 accepts {names(lost, after)}, and no sink holds it"


def current_stays(before: Sight, after: Sight) -> None:
    """5: whatever happens to a command, a reader that found a value still finds one."""
    for uri, was in before.sinks.items():
        assert after.sinks[uri].current or not was.current, f"current is gone from {uri}"


def foreign_stays(after: Sight, expected: Mapping[str, Mapping[str, Any]]) -> None:
    """7: other keys, tags and labels are as their writers left them."""
    for uri, look in after.sinks.items():
        assert look.beside == expected[uri], f"{uri}: found {look.beside}, expected {expected[uri]}"


def _unlocked(substance: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sink's substance without what belongs to a lock.

    In AWS, a version that a dead operation has put makes the seal's fallback an unproven one, marked by "@".
    """
    labels = {stage: text for stage, text in substance.get("labels", {}).items() if stage != "AWSPENDING"}
    tags = dict(substance.get("tags", {}))
    if former := tags.get(SEAL_TAG):
        tags[SEAL_TAG] = former.removeprefix(UNPROVEN)
    return {**substance, "pending": None, "labels": labels, "tags": tags}


def refused_means_unchanged(before: Sight, after: Sight, ended: Ended) -> None:
    """Exit status 1, 2 and 4 say that nothing was changed; the lock's own records do not count."""
    assert ended.status in STATUSES, ended.error
    if ended.status not in (1, 2, 4):
        return
    assert after.changes == before.changes, f"{ended} {ended.error}: Auth0 was changed"
    for uri, was in before.sinks.items():
        # A dead operation's value that Auth0 never had goes with its lock, when somebody gives that back.
        given_back = was.pending not in before.met and after.sinks[uri].pending is None
        then, now = (_unlocked(look.substance) if given_back else look.substance for look in (was, after.sinks[uri]))
        changed = {k: (then[k], now[k]) for k in now if then[k] != now[k]}
        assert not changed, f"{ended} {ended.error}: {uri} was changed: {changed}"


def no_lock_is_an_order(before: Sight, after: Sight, ended: Ended) -> None:
    """3: nothing is set because it was pending; whoever settles changes Auth0 only where its own value is lost."""
    looks = before.sinks.values()
    pending = {look.pending for look in looks if look.pending} - {look.fallback for look in looks}
    if after.changes > before.changes:
        assert after.live not in pending - before.met, f"set what was only pending: {names({after.live}, after)}"
    settlement = ended.done.settlement if ended.done else None
    if settlement and settlement.way is not Way.REPLACE:
        assert after.changes == before.changes, f"{ended}: Auth0 was changed"


def done_means_done(command: Command, before: Sight, after: Sight, ended: Ended, unsettled: list[str]) -> None:
    """What exit status 0 promises, by the operation that was carried out."""
    if ended.killed or ended.done is None or ended.status:
        return
    operation = str(ended.done.operation)
    # A foreign AWSPENDING that came when the operation had no more to do there stands until somebody removes it.
    unsettled = [uri for uri in unsettled if uri.startswith("vault") or after.sinks[uri].own]
    # What an interrupted release left before is for `resume` to tidy up, and `status` says so.
    unsettled = [uri for uri in unsettled if before.sinks[uri].locks < 2 or operation == "settle"]
    assert not unsettled, f"{command}: {operation} is done, and it is still held or left something: {unsettled}"
    looks = after.sinks.values()
    if operation in SETTLES and not unsure(before, ended):
        currents = {look.current for look in looks}
        assert currents == {after.live}, f"{command}: {operation} is done; {[names({c}, after) for c in currents]}"
    if operation == "retire":
        assert not any(look.fallback for look in looks), "retired, and there is a fallback"
    if operation == "forget":
        assert not any(tag.startswith("bridge_") for look in looks for tag in look.tags if "lock" not in tag)
    fallbacks = {look.fallback for look in looks if look.fallback}
    assert len(fallbacks) <= 1, f"{command}: {operation} is done, and there are different fallbacks"
    assert not fallbacks & {look.current for look in looks}, f"{command}: the fallback's value is current's"


def unsure(before: Sight, ended: Ended) -> bool:
    """Tell whether an operation may leave other values: an adoption goes by what Auth0 said once."""
    return ended.done is not None and ended.done.operation == "adopt" and before.met != {before.live}


def converged(after: Sight, unsettled: list[str], accepted: str) -> None:
    """After everything was mended: all agree, nothing is open, and what is kept is bounded."""
    assert accepted == "yes", f"Auth0 accepts the live value: {accepted}"
    assert unsettled == []
    for uri, look in after.sinks.items():
        assert look.current == after.live, f"{uri} holds {look.current} as current, Auth0 {after.live}"
        assert look.pending is None, uri
        assert look.tags.get("managed-by") == "secret-bridge", uri
        assert look.fallback != look.current, uri
        assert look.locks <= 1, f"{uri}: {look.locks} readable versions of the lock that nobody kept"
        assert look.own == 0, f"{uri}: {look.own} labels of the bridge are left"
    assert len({look.tags["bridge_rotation"] for look in after.sinks.values()}) == 1
    fallbacks = {look.fallback for look in after.sinks.values() if look.fallback}
    assert len(fallbacks) <= 1, f"different fallbacks: {fallbacks}"


def names(values: frozenset[str] | set[str | None], sight: Sight) -> list[str]:
    """Return words for values: all of them are made up, so they may be shown."""
    where = {look.current: f"current in {uri}" for uri, look in sight.sinks.items()}
    return [f"{value} ({'live' if value == sight.live else where.get(value, 'elsewhere')})" for value in values]
