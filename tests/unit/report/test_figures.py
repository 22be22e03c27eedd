"""What a report says, from what was read: rows, forms, exceptions."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from bridge.cli.output import json as as_json
from bridge.config.settings import Exemption
from bridge.planning.status import Kind
from bridge.report.figures import Row, Unread
from bridge.report.prometheus import METRICS, PREFIX, TOTALS, metrics
from bridge.report.table import COLUMNS, cells, table
from sinks.port import SinkState
from tests.docs.pages import DOCS, keys, section, spans, tables
from tests.unit.report.population import DAY, HOUR, NOW, SCRIPT, both, client, few, html, looked, many, place, report

LEGACY = Exemption("ciso", "replaced in January", date(2027, 1, 31))
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?\d+(?:\.\d+)?)')


def only(found: Any, **evidence: tuple[str, ...]) -> Row:
    (row,) = report([found], evidence).rows
    return row


@pytest.mark.parametrize(
    ("age", "fallback", "kind", "attention", "due"),
    [
        (80 * DAY, None, Kind.OK, False, False),
        (91 * DAY, None, Kind.EXCEPTED, False, False),
        (15 * DAY, 15 * DAY, Kind.EXCEPTED, False, False),
    ],
)
def test_an_exception_covers_ages(
    age: timedelta, fallback: timedelta | None, kind: Kind, attention: bool, due: bool
) -> None:
    status = only(both(client("legacy", exception=LEGACY), age, fallback=fallback)).status
    assert (status.kind, status.attention, status.due, status.next) == (kind, attention, due, None)
    assert ("excepted until 2027-01-31 by ciso (replaced in January)" in status.state) is (kind is Kind.EXCEPTED)


def test_an_exception_covers_no_interrupted_operation_no_drift_and_nothing_that_was_not_read() -> None:
    legacy = client("legacy", exception=LEGACY)
    held = both(legacy, 91 * DAY, held=HOUR)
    drifted = looked(legacy, *(place(legacy, uri, 91 * DAY, rotation=f"r-{uri[:2]}") for uri in legacy.sinks))
    unread = looked(legacy, place(legacy, legacy.sinks[0], 91 * DAY), unread=(Unread(legacy.sinks[1], "down"),))
    wiped = looked(legacy, *(SinkState(uri, NOW, exists=True, wiped=True) for uri in legacy.sinks))
    for found, kind in ((held, Kind.INTERRUPTED), (drifted, Kind.DRIFT), (unread, Kind.NOT_READ), (wiped, Kind.WIPED)):
        status = only(found).status
        assert (status.kind, status.attention) == (kind, True)


@pytest.mark.parametrize(("until", "counts"), [(date(2026, 11, 23), True), (date(2026, 11, 22), False)])
def test_an_exception_counts_to_the_end_of_its_last_day_and_then_it_is_said_that_it_ended(
    until: date, counts: bool
) -> None:
    row = only(both(client("legacy", exception=replace(LEGACY, until=until)), 91 * DAY))
    assert (row.status.attention, row.status.due, row.excepted) == (not counts, not counts, counts)
    assert row.status.state.endswith("; the exception of ciso ended on 2026-11-22") is not counts
    assert as_json.report(row)["exception"]["counts"] is counts
    assert cells(row)["exception_counts"] is counts
    page = html(report([both(client("legacy", exception=replace(LEGACY, until=until)), 91 * DAY)]))
    assert ("the exception of ciso ended on 2026-11-22" in page) is not counts


def test_a_place_that_was_not_read_wants_attention_and_the_others_still_tell_their_ages() -> None:
    shop = client("shop")
    row = only(looked(shop, place(shop, shop.sinks[0], 40 * DAY), unread=(Unread(shop.sinks[1], "AWS is down"),)))
    assert (row.status.kind, row.status.attention, row.status.age) == (Kind.NOT_READ, True, 40 * DAY)
    assert row.status.state == "not read: use1://apps/shop: AWS is down"
    nothing = only(looked(shop, unread=(Unread(shop.sinks[0], "sealed"), Unread(shop.sinks[1], "AWS is down"))))
    assert (nothing.status.kind, nothing.status.age, nothing.due_at) == (Kind.NOT_READ, None, None)
    assert report([looked(shop, unread=(Unread(shop.sinks[0], "sealed"),))]).sources[0].unread == 1


def test_an_interrupted_operation_is_told_even_where_another_place_was_not_read() -> None:
    shop = client("shop")
    seen = place(shop, shop.sinks[0], 40 * DAY, held=HOUR)
    assert only(looked(shop, seen, unread=(Unread(shop.sinks[1], "AWS is down"),))).status.kind is Kind.INTERRUPTED


def test_the_most_urgent_come_first_and_among_equals_what_is_overdue_for_longest() -> None:
    found = [
        both(client("b"), 100 * DAY),
        both(client("a"), 95 * DAY),
        both(client("c"), DAY),
        both(client("d"), DAY, held=HOUR),
    ]
    assert [row.client.name for row in report(found).rows] == ["d", "b", "a", "c"]


def test_evidence_belongs_to_an_open_fallback_only() -> None:
    told = {"billing": ("nobody",)}
    assert only(both(client("billing"), DAY, fallback=DAY), **told).evidence == ("nobody",)
    assert only(both(client("billing"), DAY), **told).evidence is None
    asked = as_json.report(only(both(client("billing"), DAY, fallback=DAY)))
    assert (asked["evidence"], asked["evidence_next"]) == (None, "secret-bridge evidence billing")


def test_the_json_form_has_the_documented_keys() -> None:
    row = only(both(client("legacy", exception=LEGACY), 91 * DAY, fallback=DAY))
    told = json.loads(as_json.line(as_json.report(row)))
    page = DOCS / "reference" / "json.md"
    assert set(told) == set(keys(tables(section(page, "status"))[0])) | set(keys(tables(section(page, "report"))[0]))
    assert set(told["exception"]) == set(keys(tables(section(page, "status"))[1]))
    assert keys(tables(section(page, "Kinds of states"))[0]) == [*Kind]


def test_csv_has_a_line_per_client_and_calculates_nothing() -> None:
    formula = client("=1+2", owner="@team", client_id="+x")
    lines = list(csv.DictReader(io.StringIO(table(report([both(formula, 412 * DAY, at_least=True), *few()])))))
    assert len(lines) == 6
    told = next(line for line in lines if line["client"] == "'=1+2")
    assert (told["owner"], told["client_id"], told["kind"]) == ("'@team", "'+x", "due")
    assert (told["age_seconds"], told["age_is_minimum"], told["fallback_since"]) == (str(412 * 86400), "true", "")
    assert next(line for line in lines if line["client"] == SCRIPT)["unread"].startswith("use1://")
    assert [*lines[0]] == [*COLUMNS]
    assert spans(
        section(DOCS / "guide" / "report.md", "CSV").partition("columns")[2].partition("What is absent")[0]
    ) == [*COLUMNS]


def samples(text: str) -> dict[tuple[str, str], float]:
    """Read the exposition by the format's own grammar; what fits nowhere fails."""
    found: dict[tuple[str, str], float] = {}
    typed: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split()
            assert (name not in typed, kind) == (True, "gauge")
            typed.add(name)
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in typed
            key = match[1].removeprefix(PREFIX), match[2] or ""
            assert key not in found
            found[key] = float(match[3])
    assert text.endswith("\n")
    return found


def test_metrics_tell_the_same_figures() -> None:
    quoted = client('we"ird\\na\nme', exception=LEGACY)
    found = samples(metrics(report([*few(), both(quoted, 91 * DAY)])))
    assert found["report_timestamp_seconds", ""] == NOW.timestamp()
    assert found["clients", 'kind="interrupted"'] == 1
    assert found["clients", 'kind="due"'] == 0
    assert found["client_attention", 'client="orders"'] == 1
    assert found["client_read", f'client="{SCRIPT}"'] == 0
    assert found["secret_age_seconds", 'client="orders"'] == 16 * 86400
    assert found["fallback_age_seconds", 'client="orders"'] == 16 * 86400
    assert found["secret_age_is_minimum", 'client="legacy-crm"'] == 1
    assert ("fallback_age_seconds", 'client="legacy-crm"') not in found
    end = datetime(2027, 2, 1, tzinfo=NOW.tzinfo).timestamp()
    weird = r'client="we\"ird\\na\nme"'
    assert found["exception_end_timestamp_seconds", f'{weird},owner="ciso",reason="replaced in January"'] == end


def test_every_metric_is_documented_with_its_labels() -> None:
    (told,) = tables(section(DOCS / "guide" / "report.md", "Metrics"))
    assert keys(told) == [PREFIX + name for name in (*TOTALS, *(metric.name for metric in METRICS))]
    row = only(both(client("legacy", exception=LEGACY), DAY))
    for metric, line in zip(METRICS, told[len(TOTALS) :], strict=True):
        assert spans(line[2]) == [*metric.labels(row)], metric.name


class Elements(HTMLParser):
    """Which elements a page has, with their attributes; and the texts inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found[-1:] and self.found[-1][0] in ("script", "style") and data.strip():
            self.texts.append(data)


def test_the_page_names_nothing_outside_itself_and_its_policy_forbids_it() -> None:
    page = Elements(html(report(few())))
    attributes = [(tag, name, value) for tag, found in page.found for name, value in found.items()]
    assert [value for _, name, value in attributes if name in ("src", "srcset", "action", "data", "style")] == []
    assert [value for _, name, value in attributes if name == "href"] == ["#clients"]
    assert not any(name.startswith("on") for _, name, _ in attributes)
    style, data, script = page.texts
    policy = next(found["content"] for tag, found in page.found if "http-equiv" in found) or ""
    assert policy.startswith("default-src 'none'; ")
    for text in (style, script):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "url(" not in style
    assert "innerHTML" not in script
    assert "@import" not in style
    assert not re.search(r"[<>&\u2028\u2029]", data)
    assert [each["client"] for each in json.loads(data)][1] == SCRIPT


def test_names_are_text_and_never_elements() -> None:
    evil = "</script></style>--><img src=x onerror=alert(1)>\u2028&amp;\"'`${x}"
    bad = client(evil, owner=evil, client_id=evil, exception=replace(LEGACY, owner=evil, reason=evil))
    found = [both(bad, 91 * DAY, fallback=DAY), looked(bad, unread=(Unread(evil, evil),))]
    page = Elements(html(report(found, {evil: (evil,)})))
    assert {tag for tag, _ in page.found}.isdisjoint({"img", "iframe", "b2"})
    assert len([tag for tag, _ in page.found if tag == "script"]) == 2
    assert json.loads(page.texts[1])[0]["client"] == evil


def test_five_thousand_clients_have_a_row_each_in_one_file_of_moderate_size() -> None:
    text = html(report(many(5000)))
    assert text.count('<th scope="row" class="client">') == 5000
    assert len(text) < 20_000_000
