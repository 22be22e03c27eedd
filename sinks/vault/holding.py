"""Which statement about a document is valid, its tags or the sealed copy in its lock key, and what its fallback is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sinks.record import MANAGED_BY, MANAGER
from sinks.seal import CLIENT, COVERED, NOTHING, SEAL_TAG, Said, doubted, said
from sinks.vault.state import FALLBACK, fallback_number, texts, told

if TYPE_CHECKING:
    from sinks.seal import Where
    from sinks.state import SinkState
    from sinks.vault.responses import Entry, Meta
    from sinks.vault.values import Values

CHANGED = "somebody has changed its tags ({}); what they said is known, and the next operation writes it again"


@dataclass(frozen=True)
class Holding:
    """The valid statement about a document.

    It is decided once for each reading. The claim then writes it into the lock, as the copy from before the operation.
    """

    meta: Meta | None
    """The document's metadata, with the valid tags in place of the written ones."""
    said: Said = NOTHING
    """The valid statement."""
    copy: Said = NOTHING
    """The statement in the lock key."""
    differs: tuple[str, ...] = ()
    """Tags that another process changed, as in `SinkState.differs`."""
    contradicted: str = ""
    """How the tagged fallback contradicts the seal, as in `SinkState.contradicted`."""
    gone: bool = False
    """No version holds the fallback that the seal names."""


def holding(meta: Meta | None, latest: Entry | None, lock: Entry | None, values: Values, where: Where) -> Holding:
    """Choose the valid statement about a document. `lock` is the lock key's latest version.

    While an operation holds the sink, the copy dates from before it. The copy stays valid as long as the value is the
    same, because tags are written before the document. Of two valid seals, the one with the higher sequence wins.
    """
    current, highest = values.of(latest), lock.version if lock else 0
    copied = texts(told(lock) or {})
    copy = said(copied, where, current, highest)
    if meta is None:
        return Holding(None, copy=copy)
    ours = said(meta.tags, where, current, highest)
    if copied.get("state") == "idle" and SEAL_TAG not in copied:  # so a seal in the tags is older
        ours = ours.unsealed
    if copy.former is None:
        return _by_value(Holding(meta, ours, _under_base(copy, copied, where, values, highest)), values)
    # Tags of another manager are left alone: that is a person's decision, and no attack on ours.
    if ours.sequence > copy.sequence or meta.tags.get(MANAGED_BY, MANAGER) != MANAGER:
        return _by_value(Holding(meta, ours, copy), values)
    differs = tuple(name for name in (*COVERED, SEAL_TAG) if meta.tags.get(name) != copy.tags.get(name))
    others = {name: text for name, text in meta.tags.items() if name not in differs}
    return _by_value(Holding(replace(meta, tags={**others, **copy.tags}), copy, copy, differs), values)


def _under_base(copy: Said, copied: Mapping[str, str], where: Where, values: Values, highest: int) -> Said:
    """Return a lock's copy with its seal, if that is valid under the value that was current before."""
    record = copy.record
    base = (
        values.recall(record.recent[0], record.client_id) if record and record.recent and SEAL_TAG in copied else None
    )
    return said(copied, where, base, highest) if base else copy


def _by_value(found: Holding, values: Values) -> Holding:
    """Return the statement with the fallback's tag on the version that holds the value the seal names.

    The tagged number is only a hint. Foreign writes and those of sibling keys move it, and other writers may set it.
    """
    meta, ours = found.meta, found.said
    if meta is None or ours.former is None:
        return found
    hint, salt = fallback_number(meta), ours.tags[CLIENT]
    value = values.at(hint, meta) if hint else None
    if value and value.fingerprint(salt) == ours.fallback:
        return found
    wanted = "" if ours.is_soft_deleted else ours.fallback
    number = values.older(wanted, salt, meta.current, meta)
    others = {name: text for name, text in meta.tags.items() if name != FALLBACK}
    wrong = f"its tags name v{hint} as the fallback, which the seal does not" if hint and not number else ""
    tagged = replace(meta, tags={**others, **({FALLBACK: str(number)} if number else {})})
    return replace(found, meta=tagged, contradicted=wrong, gone=bool(wanted) and not number)


def told_apart(state: SinkState, found: Holding) -> SinkState:
    """Return the state with what other writers did to the sink's tags."""
    changed = (CHANGED.format(", ".join(found.differs)),) if found.differs and state.lock is None else ()
    said = (found.contradicted,) if found.contradicted else ()
    return replace(
        state,
        differs=found.differs,
        contradicted=found.contradicted,
        stale=state.stale or found.gone,
        notes=(*state.notes, *changed, *said),
    )


def with_doubt(found: Holding, values: Values) -> Holding:
    """Return the statement with an unproven fallback, where another value was current after it.

    A process that has read the current value can make a seal that names another fallback. The versions in between show
    that.
    """
    meta, number = found.meta, fallback_number(found.meta) if found.meta else None
    if meta is None or number is None or not found.said.former:
        return found
    current = values.at(meta.current, meta)
    between = (n for n, (_, readable) in meta.versions.items() if readable and number < n < meta.current)
    # Versions with current's value are foreign edits of other keys, or writes of sibling keys.
    if all(values.at(n, meta) == current for n in between):
        return found
    return replace(found, said=replace(found.said, former=doubted(found.said.former)))
