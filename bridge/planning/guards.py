"""Reasons why an operation must not begin. Pure: each function returns every reason at once."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.auth0.client import Objection
from bridge.model.client_ref import Whose
from bridge.model.errors import Refused
from sinks.companions import Companions
from sinks.port import Lock, Place, Stage
from sinks.record import MANAGER, sinks_tag


def refuse(objections: Iterable[Objection]) -> None:
    """Raise all objections as one refusal, without repetitions.

    Raises:
        Refused: there is at least one objection.
    """
    found = tuple(dict.fromkeys(objections))
    if found:
        hints = tuple(dict.fromkeys(o.hint for o in found if o.hint))
        raise Refused("\n".join(o.message for o in found), "\n".join(hints) or None)


def ownership(places: tuple[Place, ...], whose: Whose, *, adopting: bool) -> tuple[Objection, ...]:
    """Return objections to places that are not the bridge's, not this client's, or recorded with another list.

    With `adopting`, places without a record and other lists of places are accepted.
    """
    found: list[Objection] = []
    named = tuple(sinks_tag(tuple(p.uri for p in places)).split())
    for place in places:
        if place.manager not in (None, MANAGER):
            found.append(
                Objection(
                    f"{place.uri} is managed by '{place.manager}' (its tag managed-by)",
                    "let that one go first, then adopt the place",
                )
            )
        elif place.record is None:
            if place.exists and not adopting:
                found.append(_unmanaged(place, places, whose))
        else:
            found += _recorded(place, named, whose, adopting=adopting)
    return tuple(found)


def unadopted(places: tuple[Place, ...]) -> bool:
    """Return whether the places may still be adopted together.

    That is the case when none of them is managed. It is also the case after an adoption that gave up on its way: some
    places then record this list, and the others are as they were before.
    """
    named = tuple(sinks_tag(tuple(p.uri for p in places)).split())
    others = [p for p in places if p.record is None]
    listed = all(p.record.places == named for p in places if p.record)
    return len(others) == len(places) or (bool(others) and listed and not any(p.wiped or p.manager for p in others))


def _unmanaged(place: Place, places: tuple[Place, ...], whose: Whose) -> Objection:
    hint = f"look at it and take it over: {whose.command('adopt', places)}"
    if place.manager == MANAGER or place.wiped:
        return Objection(f"{place.uri} was managed by secret-bridge, but its tags were wiped", hint + " --repair")
    latest = place.history.at(Stage.CURRENT) or (place.history.versions[-1] if place.history.versions else None)
    version = f" (v{latest.id})" if latest and latest.id.isdigit() else ""
    return Objection(f"{place.uri} exists{version} and is not managed by secret-bridge", hint)


def _recorded(place: Place, named: tuple[str, ...], whose: Whose, *, adopting: bool) -> list[Objection]:
    record = place.record
    if record is None:
        return []
    if (record.client_id, record.tenant) != (whose.client_id, whose.tenant):
        return [
            Objection(
                f"{place.uri} holds the secret of {record.client_id} in {record.tenant}, "
                f"not of {whose.client_id} in {whose.tenant}",
                "check the place and the client; 'secret-bridge forget' gives a place back; where somebody changed its "
                f"tags: {whose.command('adopt', (place,))} --repair",
            )
        ]
    if record.places != named and not adopting:
        return [
            Objection(
                f"{place.uri} belongs to the list of places '{' '.join(record.places)}', and the command names "
                f"'{' '.join(named)}'",
                f"name all of them, or change the list: {_relisting(whose)}",
            )
        ]
    return []


def _relisting(whose: Whose) -> str:
    if whose.name == whose.client_id:
        return f"secret-bridge adopt {whose.name} --sink URI …"
    return f"set its sinks in the configuration, then {whose.command('adopt')}"


def contents(places: tuple[Place, ...], whose: Whose) -> tuple[Objection, ...]:
    """Return objections to places without the key, places that drifted, and places that disagree."""
    found: list[Objection] = []
    for place in places:
        if place.exists and place.value(Stage.CURRENT) is None:
            found.append(_no_value(place))
        elif place.drifted:
            found.append(
                Objection(
                    f"{place.uri} has drifted: somebody stored another value there since rotation "
                    f"{place.record.rotation if place.record else '-'}",
                    f"publish what Auth0 accepts: {whose.command('sync', places)}",
                )
            )
    values = [(p.uri, v) for p in places if (v := p.value(Stage.CURRENT)) and not p.drifted]
    for uri, value in values[1:]:
        if value != values[0][1]:
            found.append(
                Objection(
                    f"{values[0][0]} and {uri} hold different values",
                    f"publish what Auth0 accepts in all of them: {whose.command('sync', places)}",
                )
            )
    return tuple(found)


def companions_room(places: tuple[Place, ...], companions: Companions) -> tuple[Objection, ...]:
    """Return objections to foreign keys at which companions would have to be written."""
    found = [p for p in places if p.occupied and companions is Companions.KEEP]
    return tuple(
        Objection(
            f"{place.uri} has keys of its own where companions would stand: {', '.join(place.occupied)}",
            "move them, or set companions = false",
        )
        for place in found
    )


def _no_value(place: Place) -> Objection:
    if place.key is None:
        return Objection(f"{place.uri} holds no text", "write the application's secret there, or name another place")
    others = ", ".join(place.keys) or "none"
    guess = next((k for k in place.keys if "secret" in k.lower()), place.keys[0] if place.keys else "NAME")
    return Objection(
        f"no key '{place.key}' in {place.uri}. Keys there: {others}",
        f"name the key: {place.uri}#{guess}  (or --key {guess})",
    )


def same_places(lock: Lock, uris: tuple[str, ...]) -> Objection | None:
    """Return the objection to settling an operation with other places than it covers, or None."""
    if lock.places == tuple(sinks_tag(uris).split()):
        return None
    return Objection(
        f"{lock.operation} {lock.id} covers '{' '.join(lock.places)}', "
        f"and the command names '{' '.join(sorted(uris))}'",
        "name exactly the places that it covers",
    )
