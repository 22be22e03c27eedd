"""What holds at a document: its tags, or the sealed copy in its lock key; and which version the fallback is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sinks.record import MANAGED_BY, MANAGER
from sinks.seal import CLIENT, COVERED, NOTHING, SEAL_TAG, Said, doubted, said
from sinks.vault.state import FALLBACK, fallback_number, texts, told

if TYPE_CHECKING:
    from sinks.port import Place
    from sinks.seal import Where
    from sinks.vault.api import Entry, Meta
    from sinks.vault.values import Values

CHANGED = "somebody has changed its tags ({}); what they said is known, and the next operation writes it again"


@dataclass(frozen=True)
class Holding:
    """What holds. `meta` has the tags that hold; `copy` is what the lock key says.

    `differs`, `contradicted` are as in `sinks.port.Place`. `gone`: nothing holds the fallback that the seal names.
    """

    meta: Meta | None
    said: Said = NOTHING
    copy: Said = NOTHING
    differs: tuple[str, ...] = ()
    contradicted: str = ""
    gone: bool = False


def holding(meta: Meta | None, latest: Entry | None, lock: Entry | None, values: Values, where: Where) -> Holding:
    """Find out what holds. `lock` is the lock key's document.

    While an operation holds the place, the copy is from before it. It holds as long as the value is the same, because
    tags are written before the document.
    """
    current, highest = values.of(latest), lock.version if lock else 0
    copied = texts(told(lock) or {})
    copy = said(copied, where, current, highest)
    if meta is None:
        return Holding(None, copy=copy)
    ours = said(meta.tags, where, current, highest)
    if copied.get("state") == "idle" and SEAL_TAG not in copied:  # nothing held when it was given back: these are older
        ours = ours.unsealed
    if copy.former is None:
        return _by_value(Holding(meta, ours, _under_base(copy, copied, where, values, highest)), values)
    if ours.sequence > copy.sequence or meta.tags.get(MANAGED_BY, MANAGER) != MANAGER:
        return _by_value(Holding(meta, ours, copy), values)
    differs = tuple(name for name in (*COVERED, SEAL_TAG) if meta.tags.get(name) != copy.tags.get(name))
    others = {name: text for name, text in meta.tags.items() if name not in differs}
    return _by_value(Holding(replace(meta, tags={**others, **copy.tags}), copy, copy, differs), values)


def _under_base(copy: Said, copied: Mapping[str, str], where: Where, values: Values, highest: int) -> Said:
    """Return a lock's copy with its seal, if that holds under the value that was current before."""
    record = copy.record
    base = (
        values.recall(record.recent[0], record.client_id) if record and record.recent and SEAL_TAG in copied else None
    )
    return said(copied, where, base, highest) if base else copy


def _by_value(found: Holding, values: Values) -> Holding:
    """Return what holds with the version tagged that holds the value which the seal names; and what was tagged else.

    The number is only a hint: foreign writes and layouts move it, and others may write it.
    """
    meta, ours = found.meta, found.said
    if meta is None or ours.former is None:
        return found
    hint, salt = fallback_number(meta), ours.tags[CLIENT]
    value = values.at(hint, meta) if hint else None
    if value and value.fingerprint(salt) == ours.fallback:
        return found
    wanted = "" if ours.is_aside else ours.fallback
    number = values.older(wanted, salt, meta.current, meta)
    others = {name: text for name, text in meta.tags.items() if name != FALLBACK}
    wrong = f"its tags name v{hint} as the fallback, which the seal does not" if hint and not number else ""
    tagged = replace(meta, tags={**others, **({FALLBACK: str(number)} if number else {})})
    return replace(found, meta=tagged, contradicted=wrong, gone=bool(wanted) and not number)


def told_apart(place: Place, found: Holding) -> Place:
    """Return a place with what others did to its tags."""
    changed = (CHANGED.format(", ".join(found.differs)),) if found.differs and place.lock is None else ()
    said = (found.contradicted,) if found.contradicted else ()
    return replace(
        place,
        differs=found.differs,
        contradicted=found.contradicted,
        stale=place.stale or found.gone,
        notes=(*place.notes, *changed, *said),
    )


def with_doubt(found: Holding, values: Values) -> Holding:
    """Return what holds, with the fallback unproven where another value was current after it.

    Whoever has read the current value may have sealed another fallback's name; what lies between tells.
    """
    meta, number = found.meta, fallback_number(found.meta) if found.meta else None
    if meta is None or number is None or not found.said.former:
        return found
    current = values.at(meta.current, meta)
    between = (n for n, (_, readable) in meta.versions.items() if readable and number < n < meta.current)
    if all(values.at(n, meta) == current for n in between):
        return found
    return replace(found, said=replace(found.said, former=doubted(found.said.former)))
