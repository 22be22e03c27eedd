"""What must hold in every reachable world, and what a good end is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sinks.seal import Where, said
from sinks.secret import Secret
from tests.resilience.model.adversary import KNOWN, URIS
from tests.resilience.model.auth0_model import CLIENT_ID, met
from tests.resilience.model.seeing import Shown, shown
from tests.resilience.model.world import AT_ONCE, FIRST_OTHER, VALUE_KEY, AwsPlace, Key, VaultPlace, World

FOREIGN_VALUES = ("foreign", "dashboard")
"""How values begin that the bridge neither made nor was told of."""


@dataclass(frozen=True)
class Leave:
    """What the commands of a scenario are allowed to do besides.

    `generating`: Auth0 generates values; the gap between its answer and the store is unavoidable. `killing`: a value is
    made unreadable because it leaked or is unwanted; readers do without it while Auth0 still accepts it here and there.
    `forgetting`: sinks may end unmanaged. `ended`: values that were retired, or leaked, before it all began.
    """

    generating: bool = False
    killing: bool = False
    forgetting: bool = False
    ended: frozenset[str] = frozenset()

    @classmethod
    def of(cls, operators: Iterable[str], start: World) -> Leave:
        """Return what these commands may do; sinks that nobody managed before may end like that."""
        unmanaged = not any(shown(place).managed for place in start.sinks)
        words = {word for name in operators for word in name.split()}
        killing, forgetting = bool(words & {"--compromised", "--discard"}), "forget" in words or unmanaged
        return cls("generate" in words, killing, forgetting, _ended(start))


def faults(world: World, leave: Leave) -> Iterator[str]:
    """Yield what is wrong with a world in whatever state the operators are."""
    live = world.auth0.live
    if live == KNOWN:
        yield "Auth0 was given the value of an adversary"
    if live in leave.ended and not world.struck:
        yield f"{live} had ended, and is live again"
    allowed = live.startswith(FOREIGN_VALUES) or (leave.generating and live.startswith("generated"))
    if not allowed and not any(live in shown(place).held for place in world.sinks):
        yield f"lost: Auth0 holds {live}, and no sink does"
    if not allowed and not world.foreign and not world.struck and (fault := _adrift(world)):
        yield fault
    for index, place in enumerate(world.sinks):
        yield from _faults_at(world, index, place, leave)


def _faults_at(world: World, index: int, place: VaultPlace | AwsPlace, leave: Leave) -> Iterator[str]:
    at = shown(place)
    if not at.whole:
        yield f"sink {index}: current was destroyed or stands twice"
    if at.fallback in leave.ended and not world.forged:
        yield f"sink {index}: {at.fallback} had ended, and is the fallback again"
    if world.siblings and at.sibling != world.siblings[index]:
        yield f"sink {index}: lost a foreign key: {at.sibling} instead of {world.siblings[index]}"
    if isinstance(place, AwsPlace):
        yield from _labels(index, place)
    elif not leave.forgetting and not world.foreign:
        yield from _unnamed(index, place)
    if at.managed and not world.foreign and world.struck != AT_ONCE:
        yield from _unserved(world, index, at, leave)
        if world.sibling_keys and not (leave.generating or leave.killing):
            yield from _untold(world, index, at)


def _adrift(world: World) -> str | None:
    """Where nobody holds any sink, Auth0 holds what is current everywhere."""
    all_shown = [shown(place) for place in world.sinks]
    if any(at.locked or not at.managed for at in all_shown):
        return None
    wrong = [at.current for at in all_shown if at.current != world.auth0.live]
    return f"nobody holds the sinks: current is {wrong[0]}, and Auth0 holds {world.auth0.live}" if wrong else None


def _unserved(world: World, index: int, at: Shown, leave: Leave) -> Iterator[str]:
    """Every value that Auth0 may accept now is one that this sink's readers try."""
    values = {value for value in met(world.auth0) if not value.startswith(FOREIGN_VALUES)}
    if leave.killing:
        gap = {v for v in values if leave.generating and v.startswith("generated")}  # its answer may be on its way
        if missing := values - at.held - gap - _unlabelled_by_others(world, index):
            yield f"sink {index}: {sorted(missing)} was ended, and Auth0 may still accept it"
        values = set[str]() if at.urgent else values & {world.auth0.live}  # what was pending is overtaken
    for value in sorted(values - {*at.candidates}):
        if not (leave.generating and _in_gap(world)):
            yield f"sink {index}: Auth0 may accept {value}; its readers try {at.current}, {at.pending}, {at.fallback}"


def _unlabelled_by_others(world: World, index: int) -> set[str]:
    """Return the values that an editor of other keys in AWS took AWSPREVIOUS from; they can be read by version id."""
    edited = bool(world.siblings) and world.siblings[index] != FIRST_OTHER
    place = world.sinks[index]
    return _kept(place) if edited and isinstance(place, AwsPlace) else set()


def _untold(world: World, index: int, at: Shown) -> Iterator[str]:
    """Every value that Auth0 may accept now stands in the latest document, once it has sibling keys at all."""
    values = {value for value in met(world.auth0) if not value.startswith(FOREIGN_VALUES)}
    if missing := values - at.beside:
        told = f"its document holds {at.current}, {at.coming}, {at.former}"
        yield f"sink {index}: Auth0 may accept {sorted(missing)}; {told}"


def _in_gap(world: World) -> bool:
    """Tell whether Auth0 holds a generated value that is not stored everywhere yet."""
    live = world.auth0.live
    stored = all(live in shown(place).candidates for place in world.sinks)
    return live.startswith("generated") and not stored


def _unnamed(index: int, place: VaultPlace) -> Iterator[str]:
    """Every deleted version is named by a tag: else nobody could end it, or bring it back."""
    main = place.main or Key(0, ())
    named = dict(main.tags).get("bridge_aside", "").split()[1:]
    if unnamed := {str(number) for number, _ in main.deleted} - {*named}:
        yield f"sink {index}: {unnamed} can be undeleted, and nobody knows"


def _ended(start: World) -> frozenset[str]:
    """Return the values that a vault still holds although nothing names them any more; none where a sink is held."""
    sinks = [shown(place) for place in start.sinks]
    if any(at.locked or not at.managed for at in sinks):
        return frozenset()
    named = {start.auth0.live} | {value for at in sinks for value in (*at.candidates, *at.beside)}
    return frozenset(value for place in start.sinks for value in _kept(place) if value not in named)


def _kept(place: VaultPlace | AwsPlace) -> set[str]:
    """Return all values that can be read in a sink, without those that AWS can still bring back."""
    if isinstance(place, VaultPlace):
        return {*shown(place).held}
    soft_deleted = dict(place.tags).get("bridge_aside", "").split()[1:]
    documents = {version.id: json.loads(version.text) for version in place.versions}
    values = {number: document[VALUE_KEY] for number, document in documents.items() if VALUE_KEY in document}
    return {*values.values()} - {value for number, value in values.items() if number in soft_deleted}


def _labels(index: int, place: AwsPlace) -> Iterator[str]:
    for stage in ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "FALLBACK"):
        if len([v for v in place.versions if stage in v.stages]) > 1:
            yield f"sink {index}: {stage} stands twice"


def bad_end(world: World, leave: Leave) -> str | None:
    """Return why a world is no good end: everything quiet, and the sinks agree with Auth0."""
    if fault := next(faults(world, leave), None):
        return fault
    for index, place in enumerate(world.sinks):
        at = shown(place)
        if world.forged and (named := _proven(world, index, leave)):
            return f"sink {index}: {named} had ended, and a seal proves that it is the fallback"
        if at.locked or at.pending:
            return f"sink {index} is still held"
        if at.current != world.auth0.live:
            return f"sink {index}: current is {at.current}, Auth0 holds {world.auth0.live}"
        if at.fallback == at.current:
            return f"sink {index}: the fallback is current's own value"
        if at.managed and world.sibling_keys and (at.coming, at.former) != (at.current, at.fallback or at.current):
            return f"sink {index}: its sibling keys are {at.coming} and {at.former}; the fallback is {at.fallback}"
    return None


def _proven(world: World, index: int, leave: Leave) -> str | None:
    """Return the value that had ended and that a seal which holds names as a proven fallback."""
    place = world.sinks[index]
    tags = dict(place.tags if isinstance(place, AwsPlace) else place.main.tags if place.main else ())
    kind, current = "aws" if isinstance(place, AwsPlace) else "vault", shown(place).current
    found = said(tags, Where(URIS[kind], VALUE_KEY), Secret(current) if current else None)
    return next((value for value in leave.ended if Secret(value).fingerprint(CLIENT_ID) == found.former), None)
