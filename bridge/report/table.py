"""The report as CSV: one line per client, with the same figures as the JSON form."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from bridge.report.figures import Report, Row
from sinks.record import stamp

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters at the start of a cell that make a spreadsheet calculate it."""

Cell = str | bool | datetime | timedelta | None


def table(report: Report) -> str:
    """Return the whole table with a header line (RFC 4180).

    A missing value is an empty cell. Durations are whole seconds, and truth values are `true` and `false`.
    """
    lines = [cells(row) for row in report.rows]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_plain(value) for value in line.values()] for line in lines)
    return text.getvalue()


def cells(row: Row) -> dict[str, Cell]:
    """Return the cells of one client, by column.

    Their order must be that of `COLUMNS`, because `table` writes them below that header.
    """
    status, granted = row.status, row.status.exception
    return {
        "client": status.client,
        "client_id": status.client_id,
        "tenant": row.client.tenant,
        "owner": status.owner,
        "kind": status.kind,
        "state": status.state,
        "attention": status.attention,
        "next": status.next,
        "promoted_at": status.promoted,
        "age_seconds": status.age,
        "age_is_minimum": status.age_is_minimum,
        "max_age_seconds": row.client.max_age,
        "due_at": row.due_at,
        "fallback_since": row.fallback_since,
        "fallback_age_seconds": row.fallback_age,
        "fallback_max_age_seconds": row.client.fallback_max_age,
        "retire_from": status.retire_from,
        "retire_by": status.retire_by,
        "evidence": "\n".join(row.evidence) if row.evidence is not None else None,
        "exception_owner": granted.owner if granted else None,
        "exception_reason": granted.reason if granted else None,
        "exception_until": granted.until.isoformat() if granted else None,
        "exception_counts": granted.counts(status.at) if granted else None,
        "places": " ".join(place.uri for place in status.places),
        "unread": "\n".join(f"{each.uri}: {each.why}" for each in row.unread),
    }


COLUMNS = (
    "client", "client_id", "tenant", "owner", "kind", "state", "attention", "next", "promoted_at", "age_seconds",
    "age_is_minimum", "max_age_seconds", "due_at", "fallback_since", "fallback_age_seconds", "fallback_max_age_seconds",
    "retire_from", "retire_by", "evidence", "exception_owner", "exception_reason", "exception_until",
    "exception_counts", "places", "unread",
)  # fmt: skip
"""The columns, in order."""


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
    text = value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text
