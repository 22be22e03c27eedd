"""What must hold of what stands beside the three stages: companions, what was retired softly, what was recorded."""

from __future__ import annotations

from tests.resilience.random.commands import Command, Ended
from tests.resilience.random.judge import SETTLES, names, unsure
from tests.resilience.random.look import Look, Sight

SWITCHES = frozenset({"rotate", "rollback", "compromised", "adopt", "sync"})
"""Operations that do about companions what the configuration says."""
ENDS = frozenset({"retire", "rotate", "compromised"})
"""Operations after which nothing is retired softly any more, unless it is in use again."""


def companions_say_what_is_held(before: Sight, after: Sight) -> None:
    """Whatever happens to a command, it tells nobody a value that no version holds."""
    for uri, look in after.places.items():
        stray = look.stray - before.places[uri].stray if look.keeps else frozenset()
        assert not stray, f"{uri}: the companions say {names(stray, after)}, which no version holds"


def companions_are_right(before: Sight, after: Sight, ended: Ended, wanted: bool | None) -> None:
    """After an operation that publishes, the others are the fallback's and current's; and there are some, if wanted."""
    operation = carried_out(ended)
    if operation not in SETTLES | {"bring-back"} or unsure(before, ended):
        return
    for uri, look in after.places.items():
        if look.keeps:
            expected = (look.current, look.fallback or look.current)
            assert look.companions == expected, f"{operation}: {uri} says {look.companions}, expected {expected}"
        if operation in SWITCHES and wanted is not None:
            assert look.keeps is wanted, f"{operation}: companions = {wanted}, and {uri} says {look.keeps}"
            assert wanted or look.companions == (None, None) or not before.places[uri].keeps


def soft_is_soft(before: Sight, after: Sight, ended: Ended, client_id: str) -> None:
    """What was retired softly is out of every reader's reach and named, until it is brought back or ends."""
    operation = carried_out(ended)
    for uri, look in after.places.items():
        was = before.places[uri]
        if operation == "retire-softly" and was.fallback:
            assert was.fallback not in look.held, f"{uri}: retired softly, and it can still be read"
            assert was.fallback not in look.companions, f"{uri}: retired softly, and it stands beside current"
            assert look.aside in (was.fallback, None), f"{uri}: {look.aside} was set aside, expected {was.fallback}"
            assert look.aside, f"{uri}: retired softly, and nothing names it"
        if operation == "retire" and was.fallback:
            assert was.fallback not in look.held | {*look.companions}, f"{uri}: retired, and it can still be read"
        if operation == "bring-back" and ended.done and (told := ended.done.places.get(uri)) and told.fallback:
            assert look.aside is None, f"{uri}: brought back, and still named as set aside"
            if was.aside and was.aside != "what nobody has read":
                assert look.fallback == was.aside, f"{uri}: {look.fallback} was brought back, expected {was.aside}"
        if operation in ENDS and not in_use(look, was, before):
            assert look.aside is None, f"{operation}: {uri} still has {look.aside} set aside"


def nothing_comes_back_by_itself(command: Command, before: Sight, after: Sight, ended: Ended) -> None:
    """What was retired softly can be read again only where somebody asked for that, or where Auth0 has it again."""
    for uri, was in before.places.items():
        undoing = carried_out(ended) == "bring-back" or command.verb == "undo"
        if was.aside and was.aside not in was.held and not undoing and was.aside not in before.met | after.met:
            assert was.aside not in after.places[uri].held, f"{command}: {was.aside} can be read again in {uri}"


def only_notes_are_recorded(command: Command, before: Sight, after: Sight, ended: Ended) -> None:
    """What the tenant's log says is kept in every place, the same in each, and nothing else is touched."""
    if command.verb != "record":
        return
    assert after.changes == before.changes
    for uri, was in before.places.items():
        assert after.places[uri].substance == was.substance, f"record: {uri} was changed"
    if ended.error or ended.killed:
        changed = [uri for uri, was in before.places.items() if after.places[uri].notes != was.notes]
        assert not changed or ended.killed or (ended.error and ended.error.changed), ended.error
        return
    kept = [look.notes for look in after.places.values()]
    assert all(notes and notes == kept[0] for notes in kept), f"record: {kept}"


def converged(after: Sight) -> None:
    """After everything was mended: what documents say beside current is right, and what is aside is out of reach."""
    for uri, look in after.places.items():
        if look.keeps:
            assert look.companions == (look.current, look.fallback or look.current), uri
        assert look.aside is None or look.aside not in look.held or look.aside == look.current, uri


def in_use(look: Look, was: Look, before: Sight) -> bool:
    """Tell whether what was set aside was current again, or Auth0's."""
    return look.aside is None or look.aside in (was.current, look.current, look.fallback, before.live)


def carried_out(ended: Ended) -> str:
    """Return the operation that is done; "" where none is."""
    return str(ended.done.operation) if ended.done and not ended.status and not ended.killed else ""
