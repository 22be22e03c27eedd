"""The audit record as people read it: the attempts in it, and the result of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.audit.files import in_lines
from bridge.audit.records import BEGIN, END
from bridge.model.errors import Failed
from sinks.files import Unfit, opened

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
Told = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """The two lines of one attempt. A line that was not found is None.

    `end` is None while the attempt runs, and after its process died until the next command about the client closes it.
    `begin` is None if logrotate moved that line to another file.
    """

    begin: Told | None
    end: Told | None


def lines_in(path: Path) -> Iterator[bytes]:
    """Yield the raw lines of a file.

    Nothing is read before the first line is asked for, so the error comes then as well.

    Raises:
        Failed: the file cannot be read, or is not a regular file.
    """
    try:
        with opened(path) as file:
            yield from in_lines(file)
    except Unfit as error:
        raise Failed(f"{path} cannot be read: it {error}", "pipe its lines in, and name -") from None
    except OSError as error:
        raise Failed(f"{path} cannot be read ({type(error).__name__})") from None


def about(lines: Iterable[bytes], client: str | None = None) -> Iterator[Told]:
    """Yield the content of each line of a record, in order.

    If `client` is given, a client's name or client id, only the lines about it are yielded. Torn lines and other texts
    are skipped. Lines from standard error and the system's log are understood, too: a prefix before the JSON object is
    ignored. The marks are not checked.
    """
    for raw in lines:
        told = _told(raw)
        if told is None or told.get("event") not in (BEGIN, END):
            continue
        if client is None or client in (told.get("client"), told.get("client_id")):
            yield told


def attempts(told: Iterable[Told]) -> list[Recorded]:
    """Return the attempts in the order of their first lines, each with both of its lines.

    An attempt with one line only is included. A line without an id is put together with others like it.
    """
    found: dict[object, Recorded] = {}
    for line in told:
        known = found.get(line.get("attempt"), Recorded(None, None))
        if line.get("event") == BEGIN:
            found[line.get("attempt")] = Recorded(line, known.end)
        else:
            found[line.get("attempt")] = Recorded(known.begin, line)
    return list(found.values())


def _told(raw: bytes) -> dict[str, Any] | None:
    # syslog and collectors of containers put a time and a host name in front of the object.
    begin = raw.find(b"{")
    try:
        told = json.loads(raw[begin:]) if begin >= 0 else None
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def summary(recorded: Recorded) -> str:
    """Return one attempt as a line of text: its time, command, outcome, caller, reason, and line numbers.

    The caller is named as the process claims and as each vault has proven.
    """
    begin, end = recorded.begin or {}, recorded.end or {}
    # The first line wins: `at` is then when the attempt began, and not when a later command closed it.
    either = {**end, **begin}
    options = "".join(f" {text}" for text in begin.get("options") or ())
    parts = [
        _moment(either.get("at")),
        f"{either.get('client')}  {either.get('command')}{options}",
        _outcome(recorded.end),
        _who(begin),
    ]
    parts += [f"reason: {begin['reason']}"] if begin.get("reason") else []
    parts += [f"seq {'-'.join(str(line.get('seq')) for line in (begin, end) if line.get('seq'))}"]
    return "  ".join(part for part in parts if part)


def _moment(at: object) -> str:
    # Others may have written the line, and what stands first in it must not look like another line of the output.
    return f"{at[:19]}Z" if isinstance(at, str) and _TIME.fullmatch(at[:19]) else "-"


def _outcome(end: Told | None) -> str:
    if end is None:
        return "NO END: it still runs, or died"
    rotations = ", ".join(str(each.get("rotation")) for each in end.get("operations") or ())
    seconds = f" in {end['seconds']:.0f} s" if isinstance(end.get("seconds"), int | float) else ""
    status = f" (exit {end['exit']})" if end.get("exit") else ""
    return f"{end.get('outcome')}{status}{seconds}{f' {rotations}' if rotations else ''}"


def _who(begin: Told) -> str:
    claimed, proven = begin.get("claimed") or {}, begin.get("proven") or {}
    if not begin:
        return ""
    words = [f"claimed {claimed.get('run') or claimed.get('user')}@{begin.get('host')}"]
    words += [f"{vault}: {_caller(told)}" for vault, told in proven.items()]
    return f"by {', '.join(words)}"


def _caller(told: Mapping[str, str] | None) -> str:
    if not told:
        return "not known"
    entity = f" (entity {told['entity_id']})" if told.get("entity_id") else ""
    return f"{told.get('arn') or told.get('display_name') or '-'}{entity}"
