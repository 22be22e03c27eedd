"""The verification of a record: each line against its mark and the line before it, and all against anchors. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.audit.chain import KEYLESS, NOTHING, Chain, Head, Line, read_line
from bridge.audit.records import BEGIN, END


@dataclass(frozen=True)
class Verified:
    """The result of a verification.

    It can be good although lines are missing at the end: only anchors show that, and `notes` says so if none was given.
    """

    lines: int
    """The number of whole lines."""
    first: int | None
    """The number (`seq`) of the first line. None if there is no whole line."""
    head: Head | None
    """The head of the last line, which can serve as an anchor for the next verification."""
    faults: tuple[str, ...]
    """Edits, removals, another order, and contradictions to an anchor."""
    notes: tuple[str, ...]
    """Remarks that are not faults: torn lines, open attempts, and what this verification could not show."""
    open: tuple[int, ...]
    """The numbers of first lines of attempts without a last line."""

    @property
    def good(self) -> bool:
        """Whether the record has no fault."""
        return not self.faults


@dataclass
class _Found:
    """The state of a verification that is under way.

    Only what later checks need is kept of each line, because a record may be larger than the memory.
    """

    chain: Chain
    """The chain with the key that lines are checked by."""
    anchors: tuple[Head, ...]
    """The anchors that the record has to agree with."""
    faults: list[str] = field(default_factory=list)
    """The faults so far."""
    notes: list[str] = field(default_factory=list)
    """The notes so far."""
    marks: dict[int, str] = field(default_factory=dict)
    """The marks of those lines that anchors name, by line number."""
    begun: dict[int, str] = field(default_factory=dict)
    """The attempts without a last line so far: the number of the first line, and its position in words."""
    first: Line | None = None
    """The first whole line."""
    last: Head | None = None
    """The head of the latest whole line."""
    lines: int = 0
    """The number of whole lines so far."""
    keys: set[str] = field(default_factory=set)
    """The ids of other keys that were met, each of which is one fault only."""


def verify(lines: Iterable[bytes], chain: Chain, anchors: tuple[Head, ...] = ()) -> Verified:
    """Check all lines of a record, from the oldest to the newest.

    The lines of several files, one after the other, are one record. Without anchors, a tail that was cut or an older
    copy cannot be noticed, and a note says so. A torn line is a note, not a fault, if no line is missing after it.
    """
    found = _Found(chain, anchors)
    # A torn line is judged at the end. If the numbers go on without a gap after
    # it, a write was cut short and nothing is missing.
    torn: list[int] = []
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        line = read_line(raw)
        if line is None:
            torn.append(number)
            continue
        _check(found, number, line)
        found.lines += 1
    found.notes += [
        f"line {number} is torn: a write was cut short; no line is missing after it" for number in torn if found.last
    ]
    if found.last is None:
        found.faults += ["there is no whole line"] if torn else []
    _against_anchors(found)
    return Verified(
        lines=found.lines,
        first=found.first.head.seq if found.first else None,
        head=found.last,
        faults=tuple(found.faults),
        notes=(*found.notes, *_remarks(found)),
        open=tuple(found.begun),
    )


def _check(found: _Found, number: int, line: Line) -> None:
    where = f"line {number} (seq {line.head.seq})"
    if line.key != found.chain.key_id:
        found.faults += [] if line.key in found.keys else [_other_key(where, line.key, found.chain.key_id)]
        found.keys.add(line.key)
    # Only for lines of this key: a mark of another key cannot be checked here, which is a fault of its own.
    elif not found.chain.made(line):
        found.faults.append(f"{where} was edited: it does not fit its mark")
    if found.last is None:
        _check_first(found, where, line)
    else:
        _check_place(found, where, line, found.last)
    # The check goes on behind a fault, from the line as it is there. So one edit
    # is one fault, and does not hide the next one.
    found.last = line.head
    if any(anchor.seq == line.head.seq for anchor in found.anchors):
        found.marks[line.head.seq] = line.head.mac
    told = line.told
    if told.get("event") == BEGIN:
        found.begun[line.head.seq] = where
    elif told.get("event") == END:
        found.begun.pop(told.get("begin") or 0, None)


def _check_first(found: _Found, where: str, line: Line) -> None:
    """Check that the first line has the number 1, or continues a record that ended with one of the anchors."""
    found.first = line
    before = Head(line.head.seq - 1, line.before)
    if before in found.anchors or (line.head.seq == 1 and line.before == NOTHING):
        return
    found.faults.append(
        f"{where} is the first one here: the lines before it are missing. Where they are in an older file, name that "
        f"first, or give its last anchor: --anchor {before}"
        if line.head.seq > 1
        else f"{where} is the first one, and names one before it"
    )


def _check_place(found: _Found, where: str, line: Line, last: Head) -> None:
    if line.before == last.mac and line.head.seq == last.seq + 1:
        return
    if line.head.seq > last.seq + 1:
        missing = f"seq {last.seq + 1}" + (f" to {line.head.seq - 1}" if line.head.seq > last.seq + 2 else "")
        found.faults.append(f"{missing} missing before {where}")
    elif line.head.seq <= last.seq:
        found.faults.append(f"{where} stands after seq {last.seq}: another order, or twice")
    else:
        found.faults.append(f"{where} does not follow seq {last.seq} as it stands here: one of them was replaced")


def _against_anchors(found: _Found) -> None:
    for anchor in found.anchors:
        mark = found.marks.get(anchor.seq)
        # A record that was moved away ends where this one begins, so an anchor may
        # also name the line before the first one here.
        if found.first and anchor == Head(found.first.head.seq - 1, found.first.before):
            continue
        if found.last is None or anchor.seq > found.last.seq:
            ends = f"ends with seq {found.last.seq}" if found.last else "is empty"
            found.faults.append(f"anchor {anchor.seq}: the record {ends}: its tail was cut, or it is an older copy")
        elif mark is None:
            found.faults.append(f"anchor {anchor.seq}: no such line here")
        elif mark != anchor.mac:
            found.faults.append(f"anchor {anchor.seq}: another line stands there: the record was replaced")


def _remarks(found: _Found) -> Iterable[str]:
    for seq in found.begun:
        yield f"seq {seq} has no end: it still runs, or died; the next command of that client closes it"
    if found.chain.key_id == KEYLESS and found.lines:
        yield "no key: whoever can write the file can make such a chain; only anchors show that"
    if found.lines and not found.anchors:
        yield "no anchor: a tail that was cut, or an older copy, would not show"


def _other_key(where: str, theirs: str, ours: str) -> str:
    if theirs == KEYLESS:
        return f"{where} has no key's mark: it was written without a key, or forged"
    if ours == KEYLESS:
        return f"{where} has the mark of key {theirs}, which is needed to check it"
    return f"{where} has the mark of another key ({theirs}, not {ours})"
