"""The report in Prometheus' text format.

It exposes points in time and limits. An age at any later moment follows from these by subtraction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from bridge.model.printable import printable
from bridge.report.figures import Report, Row

PREFIX = "secret_bridge_"


@dataclass(frozen=True)
class Metric:
    """A gauge with one sample for each client that has a value.

    `value` returns None for a client without one. `labels` returns the labels beside `client`.

    No sample is better than a zero, which an alert would take for an age or a time.
    """

    name: str
    help: str
    value: Callable[[Row], float | None]
    labels: Callable[[Row], dict[str, str]] = lambda _row: {}


def _time(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _who(row: Row) -> dict[str, str]:
    status = row.status
    told = {"client_id": status.client_id, "tenant": row.client.tenant, "owner": status.owner or ""}
    return {**told, "kind": status.kind}


def _granted(row: Row) -> dict[str, str]:
    granted = row.status.exception
    return {"owner": granted.owner, "reason": granted.reason} if granted else {}


# Points in time are exposed beside ages, because a file that is read an hour later still has the right time.
METRICS = (
    Metric("client_info", "Whose a client is and how it stands; always 1.", lambda _row: 1, _who),
    Metric("client_attention", "Whether somebody should do something.", lambda row: row.status.attention),
    Metric("client_read", "Whether every sink of it could be read.", lambda row: not row.unread),
    Metric("secret_promoted_timestamp_seconds", "Since when the current value is current, where it is oldest.",
           lambda row: _time(row.status.promoted)),
    Metric("secret_age_seconds", "The age of the current value when this was written.",
           lambda row: row.status.age.total_seconds() if row.status.age is not None else None),
    Metric("secret_age_is_minimum", "Whether the value was there before the bridge: it is at least that old.",
           lambda row: row.status.age_is_minimum if row.status.promoted else None),
    Metric("secret_max_age_seconds", "The highest age of a value.", lambda row: row.client.max_age.total_seconds()),
    Metric("secret_due_timestamp_seconds", "When the current value is due: with jitter, earlier than at that age.",
           lambda row: _time(row.due_at)),
    Metric("fallback_open", "Whether there is an open fallback.",
           lambda row: bool(row.status.fallbacks) if row.status.sinks else None),
    Metric("fallback_since_timestamp_seconds", "Since when there is.", lambda row: _time(row.fallback_since)),
    Metric("fallback_age_seconds", "How long there had been one when this was written.",
           lambda row: row.fallback_age.total_seconds() if row.fallback_age is not None else None),
    Metric("fallback_max_age_seconds", "The age from which a fallback is overdue.",
           lambda row: row.client.fallback_max_age.total_seconds()),
    Metric("exception_end_timestamp_seconds", "When the exception of a client ends, or ended.",
           lambda row: _time(row.status.exception.end) if row.status.exception else None, _granted),
)  # fmt: skip
"""The metrics with one sample for each client."""
TOTALS = {
    "report_timestamp_seconds": "When this was written.",
    "clients": "How many clients stand how.",
}
"""The help texts of the metrics about the report as a whole."""


def metrics(report: Report) -> str:
    """Return the whole exposition, in version 0.0.4 of the format.

    A client without a value for a metric has no sample of it.
    """
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield from _head("report_timestamp_seconds", TOTALS["report_timestamp_seconds"])
    yield _sample("report_timestamp_seconds", {}, report.at.timestamp())
    # Every state has a sample, also with 0. A sample that disappears would leave an alert on its last value.
    yield from _head("clients", TOTALS["clients"])
    for kind, number in report.counts().items():
        yield _sample("clients", {"kind": kind}, number)
    for metric in METRICS:
        yield from _head(metric.name, metric.help)
        for row in report.rows:
            value = metric.value(row)
            if value is not None:
                yield _sample(metric.name, {"client": row.status.client, **metric.labels(row)}, value)


def _head(name: str, text: str) -> Iterator[str]:
    # The help texts are constants without line breaks, so they need no escaping.
    yield f"# HELP {PREFIX}{name} {text}"
    yield f"# TYPE {PREFIX}{name} gauge"


def _sample(name: str, labels: dict[str, str], value: float) -> str:
    """Return one line: a metric with its labels and value."""
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    # Python would write large numbers with an exponent and lose the seconds of a timestamp.
    number = f"{float(value):.3f}".rstrip("0").rstrip(".")
    return f"{PREFIX}{name}{{{told}}} {number}" if told else f"{PREFIX}{name} {number}"


def _escaped(text: str) -> str:
    """Escape the value of a label, as the format prescribes.

    A reason with a line break in it could otherwise add samples of its own.
    """
    lines = (printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return "\\n".join(lines)
