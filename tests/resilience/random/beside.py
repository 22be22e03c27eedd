"""What must hold of what stands beside the three stages: sibling keys, what was retired softly, what was recorded."""

from __future__ import annotations

from tests.resilience.random.commands import Command, Ended
from tests.resilience.random.judge import SETTLES, names, unsure
from tests.resilience.random.look import Look, Sight

SWITCHES = frozenset({"rotate", "rollback", "compromised", "adopt", "sync"})
"""Operations that do about sibling keys what the configuration says."""
ENDS = frozenset({"retire", "rotate", "compromised"})
"""Operations after which nothing is retired softly any more, unless it is in use again."""


def companions_say_what_is_held(before: Sight, after: Sight) -> None:
    """Whatever happens to a command, it tells nobody a value that no version holds."""
    for uri, look in after.sinks.items():
        stray = look.stray - before.sinks[uri].stray if look.keeps else frozenset()
        assert not stray, f"{uri}: the sibling keys say {names(stray, after)}, which no version holds"


def companions_are_right(before: Sight, after: Sight, ended: Ended, wanted: bool | None) -> None:
    """After an operation that publishes, the others are the fallback's and current's; and there are some, if wanted."""
    operation = carried_out(ended)
    if operation not in SETTLES | {"bring-back"} or unsure(before, ended):
        return
    for uri, look in after.sinks.items():
        if look.keeps:
            expected = (look.current, look.fallback or look.current)
            assert look.sibling_keys == expected, f"{operation}: {uri} says {look.sibling_keys}, expected {expected}"
        if operation in SWITCHES and wanted is not None:
            assert look.keeps is wanted, f"{operation}: sibling keys = {wanted}, and {uri} says {look.keeps}"
            assert wanted or look.sibling_keys == (None, None) or not before.sinks[uri].keeps


def soft_is_soft(before: Sight, after: Sight, ended: Ended, client_id: str) -> None:
    """What was retired softly is out of every reader's reach and named, until it is brought back or ends."""
    operation = carried_out(ended)
    for uri, look in after.sinks.items():
        was = before.sinks[uri]
        if operation == "retire-softly" and was.fallback:
            assert was.fallback not in look.held, f"{uri}: retired softly, and it can still be read"
            assert was.fallback not in look.sibling_keys, f"{uri}: retired softly, and it stands beside current"
            assert look.soft_deleted in (was.fallback, None), (
                f"{uri}: {look.soft_deleted} was set aside, expected {was.fallback}"
            )
            assert look.soft_deleted, f"{uri}: retired softly, and nothing names it"
        if operation == "retire" and was.fallback:
            assert was.fallback not in look.held | {*look.sibling_keys}, f"{uri}: retired, and it can still be read"
        if operation == "bring-back" and ended.done and (told := ended.done.sinks.get(uri)) and told.fallback:
            assert look.soft_deleted is None, f"{uri}: brought back, and still named as set aside"
            if was.soft_deleted and was.soft_deleted != "what nobody has read":
                assert look.fallback == was.soft_deleted, (
                    f"{uri}: {look.fallback} was brought back, expected {was.soft_deleted}"
                )
        if operation in ENDS and not in_use(look, was, before):
            assert look.soft_deleted is None, f"{operation}: {uri} still has {look.soft_deleted} set aside"


def nothing_comes_back_by_itself(command: Command, before: Sight, after: Sight, ended: Ended) -> None:
    """What was retired softly can be read again only where somebody asked for that, or where Auth0 has it again."""
    for uri, was in before.sinks.items():
        undoing = carried_out(ended) == "bring-back" or command.verb == "undo"
        if (
            was.soft_deleted
            and was.soft_deleted not in was.held
            and not undoing
            and was.soft_deleted not in before.met | after.met
        ):
            assert was.soft_deleted not in after.sinks[uri].held, (
                f"{command}: {was.soft_deleted} can be read again in {uri}"
            )


def only_notes_are_recorded(command: Command, before: Sight, after: Sight, ended: Ended) -> None:
    """What the tenant's log says is kept in every sink, the same in each, and nothing else is touched."""
    if command.verb != "record":
        return
    assert after.changes == before.changes
    for uri, was in before.sinks.items():
        assert after.sinks[uri].substance == was.substance, f"record: {uri} was changed"
    if ended.error or ended.killed:
        changed = [uri for uri, was in before.sinks.items() if after.sinks[uri].notes != was.notes]
        assert not changed or ended.killed or (ended.error and ended.error.changed), ended.error
        return
    kept = [look.notes for look in after.sinks.values()]
    assert all(notes and notes == kept[0] for notes in kept), f"record: {kept}"


def converged(after: Sight) -> None:
    """After everything was mended: what documents say beside current is right, and what is aside is out of reach."""
    for uri, look in after.sinks.items():
        if look.keeps:
            assert look.sibling_keys == (look.current, look.fallback or look.current), uri
        assert look.soft_deleted is None or look.soft_deleted not in look.held or look.soft_deleted == look.current, uri


def in_use(look: Look, was: Look, before: Sight) -> bool:
    """Tell whether what was set aside was current again, or Auth0's."""
    return look.soft_deleted is None or look.soft_deleted in (was.current, look.current, look.fallback, before.live)


def carried_out(ended: Ended) -> str:
    """Return the operation that is done; "" where none is."""
    return str(ended.done.operation) if ended.done and not ended.status and not ended.killed else ""
