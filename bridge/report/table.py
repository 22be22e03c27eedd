"""The report as CSV: one line per client, with the same figures as the JSON form."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta

from bridge.config.settings import Exemption
from bridge.model.printable import printable
from bridge.report.figures import Report, Row
from sinks.record import stamp

# A reason or a name may be written by others. A spreadsheet would run `=HYPERLINK(…)` in it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters at the start of a cell that make a spreadsheet calculate it."""

Cell = str | tuple[str, ...] | bool | datetime | timedelta | None


def _granted(value: Callable[[Exemption], str]) -> Callable[[Row], str | None]:
    return lambda row: value(row.status.exception) if row.status.exception else None


COLUMNS: dict[str, Callable[[Row], Cell]] = {
    "client": lambda row: row.status.client,
    "client_id": lambda row: row.status.client_id,
    "tenant": lambda row: row.client.tenant,
    "owner": lambda row: row.status.owner,
    "kind": lambda row: row.status.kind,
    "state": lambda row: row.status.state,
    "attention": lambda row: row.status.attention,
    "next": lambda row: row.status.next,
    "promoted_at": lambda row: row.status.promoted,
    "age_seconds": lambda row: row.status.age,
    "age_is_minimum": lambda row: row.status.age_is_minimum,
    "max_age_seconds": lambda row: row.client.max_age,
    "due_at": lambda row: row.due_at,
    "fallback_since": lambda row: row.fallback_since,
    "fallback_age_seconds": lambda row: row.fallback_age,
    "fallback_max_age_seconds": lambda row: row.client.fallback_max_age,
    "retire_from": lambda row: row.status.retire_from,
    "retire_by": lambda row: row.status.retire_by,
    "evidence": lambda row: row.evidence or (),
    "exception_owner": _granted(lambda granted: granted.owner),
    "exception_reason": _granted(lambda granted: granted.reason),
    "exception_until": _granted(lambda granted: granted.until.isoformat()),
    "exception_counts": lambda row: row.excepted if row.status.exception else None,
    "sinks": lambda row: " ".join(state.uri for state in row.status.sinks),
    "unread": lambda row: tuple(f"{each.uri}: {each.why}" for each in row.unread),
}
"""The columns, in order, and what each has in a client's line."""


def table(report: Report) -> str:
    """Return the whole table with a header line (RFC 4180).

    A missing value is an empty cell. Durations are whole seconds, and truth values are `true` and `false`.
    """
    text = io.StringIO()
    # Rows end with CR LF, as RFC 4180 requires. It is the default of this writer.
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_plain(value) for value in cells(row).values()] for row in report.rows)
    return text.getvalue()


def cells(row: Row) -> dict[str, Cell]:
    """Return the cells of one client, by column.

    They are values, before they are written as text. `None` means that the client has no such value.
    """
    return {name: value(row) for name, value in COLUMNS.items()}


def _plain(value: Cell) -> str:
    """Return the text of a cell.

    A text that begins like a formula gets an apostrophe in front, so a spreadsheet shows it instead of calculating it.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f}"
    text = "\n".join(map(printable, value)) if isinstance(value, tuple) else printable(value or "")
    return f"'{text}" if text.startswith(_FORMULA) else text
