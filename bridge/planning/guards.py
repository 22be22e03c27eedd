"""Reasons why an operation must not begin. Pure: each function returns every reason at once.

Tags and locks can be forged. A guard refuses because of them, and never permits what Auth0 or a seal decides.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.auth0.client import Objection
from bridge.model.client_ref import ClientRef
from bridge.model.errors import Refused
from sinks.document import EMPTY_TEXT, NULL
from sinks.port import Lock, SinkState, Stage
from sinks.record import MANAGER, sinks_tag
from sinks.sibling_keys import SiblingKeys

FILLED = (EMPTY_TEXT, NULL)
"""What `adopt --add-key` fills: nothing is lost with it."""


def refuse(objections: Iterable[Objection]) -> None:
    """Raise all objections as one refusal, without repetitions.

    Raises:
        Refused: there is at least one objection.
    """
    # One cause often shows in several sinks, and repeating it would hide the other causes.
    found = tuple(dict.fromkeys(objections))
    if found:
        hints = tuple(dict.fromkeys(o.hint for o in found if o.hint))
        messages = tuple(o.message for o in found)
        raise Refused(messages[0], hints, more=messages[1:])


def ownership(sinks: tuple[SinkState, ...], client_ref: ClientRef, *, adopting: bool) -> tuple[Objection, ...]:
    """Return objections to sinks that are not the bridge's, not this client's, or recorded with another list.

    With `adopting`, sinks without a record and other lists of sinks are accepted.
    """
    found: list[Objection] = []
    # Compared as they are written, because one server has many names (ADR 13).
    named = tuple(sinks_tag(tuple(p.uri for p in sinks)).split())
    for state in sinks:
        if state.manager not in (None, MANAGER):
            found.append(
                Objection(
                    f"{state.uri} is managed by '{state.manager}' (its tag managed-by)",
                    "let that one go first, then adopt the sink",
                )
            )
        elif state.record is None:
            if state.exists and not adopting:
                found.append(_unmanaged(state, sinks, client_ref))
        else:
            found += _recorded(state, named, client_ref, adopting=adopting)
    return tuple(found)


def vanished(sinks: tuple[SinkState, ...], client_ref: ClientRef) -> tuple[Objection, ...]:
    """Return objections to empty sinks that the records of the client's other sinks name.

    A setting that leads elsewhere looks like an empty sink, and its readers stay where the sink was.
    """
    # Where nothing was promoted yet, a first rotation may have died between its sinks. Given again, it fills the rest.
    records = [state.record for state in sinks if state.record and state.exists and not state.record.age_is_minimum]
    known = {uri for record in records for uri in record.sinks}
    return tuple(
        Objection(
            f"{state.uri} was managed, and is not found now",
            "check its region, account, namespace and address; if it was deleted, fill it: "
            f"{client_ref.command('adopt', sinks)}",
        )
        for state in sinks
        if not state.exists and state.record is None and state.uri in known
    )


def unadopted(sinks: tuple[SinkState, ...]) -> bool:
    """Return whether the sinks may still be adopted together.

    That is the case when none of them is managed. It is also the case after an adoption that gave up on its way: some
    sinks then record this list, and the others are as they were before.
    """
    named = tuple(sinks_tag(tuple(p.uri for p in sinks)).split())
    # A death between two tags leaves a part of the sinks managed. Refusing the rest would need a repair by hand.
    others = [p for p in sinks if p.record is None]
    listed = all(p.record.sinks == named for p in sinks if p.record)
    return len(others) == len(sinks) or (bool(others) and listed and not any(p.wiped or p.manager for p in others))


def _unmanaged(state: SinkState, sinks: tuple[SinkState, ...], client_ref: ClientRef) -> Objection:
    hint = f"look at it and take it over: {client_ref.command('adopt', sinks)}"
    if state.manager == MANAGER or state.wiped:
        return Objection(f"{state.uri} was managed by secret-bridge, but its tags were wiped", hint + " --repair")
    latest = state.history.at(Stage.CURRENT) or (state.history.versions[-1] if state.history.versions else None)
    version = f" (v{latest.id})" if latest and latest.id.isdigit() else ""
    return Objection(f"{state.uri} exists{version} and is not managed by secret-bridge", hint)


def _recorded(state: SinkState, named: tuple[str, ...], client_ref: ClientRef, *, adopting: bool) -> list[Objection]:
    record = state.record
    if record is None:
        return []
    if (record.client_id, record.tenant) != (client_ref.client_id, client_ref.tenant):
        return [
            Objection(
                f"{state.uri} holds the secret of {record.client_id} in {record.tenant}, "
                f"not of {client_ref.client_id} in {client_ref.tenant}",
                "check the sink and the client; 'secret-bridge forget' gives a sink back; where somebody changed its "
                f"tags: {client_ref.command('adopt', (state,))} --repair",
            )
        ]
    # Two lists for one client would both lock some sinks, and both change Auth0.
    if record.sinks != named and not adopting:
        return [
            Objection(
                f"{state.uri} belongs to the list of sinks '{' '.join(record.sinks)}', and the command names "
                f"'{' '.join(named)}'",
                f"name all of them, or change the list: {_relisting(client_ref)}",
            )
        ]
    return []


def _relisting(client_ref: ClientRef) -> str:
    if client_ref.name == client_ref.client_id:
        return f"secret-bridge adopt {client_ref.name} --sink URI …"
    return f"set its sinks in the configuration, then {client_ref.command('adopt')}"


def contents(sinks: tuple[SinkState, ...], client_ref: ClientRef) -> tuple[Objection, ...]:
    """Return objections to sinks without the key, sinks that drifted, and sinks that disagree.

    A rotation from there would make a fallback of a value that was never verified.
    """
    found: list[Objection] = []
    for state in sinks:
        if state.exists and state.value(Stage.CURRENT) is None:
            found.append(_no_value(state, client_ref))
        # The other value may be a manual change after one in the dashboard, so it is not overwritten unasked.
        elif state.drifted:
            found.append(
                Objection(
                    f"{state.uri} has drifted: somebody stored another value there since rotation "
                    f"{state.record.rotation if state.record else '-'}",
                    f"publish what Auth0 accepts: {client_ref.command('sync', sinks)}",
                )
            )
    values = [(p.uri, v) for p in sinks if (v := p.value(Stage.CURRENT)) and not p.drifted]
    for uri, value in values[1:]:
        if value != values[0][1]:
            found.append(
                Objection(
                    f"{values[0][0]} and {uri} hold different values",
                    f"publish what Auth0 accepts in all of them: {client_ref.command('sync', sinks)}",
                )
            )
    return tuple(found)


def room_for_sibling_keys(sinks: tuple[SinkState, ...], sibling_keys: SiblingKeys) -> tuple[Objection, ...]:
    """Return objections to foreign keys at which sibling keys would have to be written.

    The keys are the user's own, and writing there would destroy what they hold.
    """
    found = [p for p in sinks if p.occupied and sibling_keys is SiblingKeys.KEEP]
    return tuple(
        Objection(
            f"{state.uri} has keys of its own where sibling keys would stand: {', '.join(state.occupied)}",
            "move them, or set sibling_keys = false",
        )
        for state in found
    )


def _no_value(state: SinkState, client_ref: ClientRef) -> Objection:
    if state.unusable:
        return _unusable(state, client_ref)
    if state.key is None:
        return Objection(f"{state.uri} holds no text", "write the application's secret there, or name another sink")
    others = ", ".join(state.keys) or "none"
    guess = next((k for k in state.keys if "secret" in k.lower()), state.keys[0] if state.keys else "NAME")
    return Objection(
        f"no key '{state.key}' in {state.uri}. Keys there: {others}",
        f"name the key: {state.uri}#{guess}  (or --key {guess})",
    )


def _unusable(state: SinkState, client_ref: ClientRef) -> Objection:
    if state.record:
        hint = f"publish what Auth0 accepts: {client_ref.command('sync')}"
    elif state.unusable in FILLED:
        hint = f"fill it with the live value: {client_ref.command('adopt')} --add-key"
    else:
        hint = (
            f"name the key that holds the secret: {state.uri}#KEY (or --key KEY). Keys there: {', '.join(state.keys)}"
        )
    return Objection(f"the key '{state.key}' in {state.uri} holds {state.unusable}, and not the secret", hint)


def same_sinks(lock: Lock, uris: tuple[str, ...]) -> Objection | None:
    """Return the objection to settling an operation with other sinks than it covers, or None."""
    # Settling a subset would publish or release there, and leave the other sinks locked with another value.
    if lock.sinks == tuple(sinks_tag(uris).split()):
        return None
    return Objection(
        f"{lock.operation} {lock.id} covers '{' '.join(lock.sinks)}', and the command names '{' '.join(sorted(uris))}'",
        "name exactly the sinks that it covers",
    )
