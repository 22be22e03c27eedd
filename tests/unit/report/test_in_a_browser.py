"""The HTML report in a real Chromium: what people see, reach by keyboard, hear, and print; and that it asks nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.browser import Page
from tests.unit.report.population import SCRIPT

pytestmark = pytest.mark.timeout(600)  # of a busy machine; alone each takes seconds

SCHEMES = ("light", "dark")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SHOWN = """[...document.querySelectorAll('#clients > tbody > tr:not(.detail)')].filter(row => row.offsetParent)
    .map(row => row.querySelector('.name').textContent)"""
TAB, ENTER, SPACE = ("Tab", 9), ("Enter", 13, "\r"), (" ", 32, " ")


def shown(page: Page) -> list[str]:
    names: list[str] = page.run(SHOWN)
    return names


def told(page: Page) -> str:
    return str(page.run("document.getElementById('count').textContent"))


def press_header(page: Page, key: str) -> None:
    page.run(f"document.querySelector('th[data-key={key}] button').click()")


def filter_by(page: Page, control: str, value: str) -> None:
    page.run(
        f"(() => {{ const c = document.getElementById('{control}'); c.value = {json.dumps(value)};"
        "c.dispatchEvent(new Event(c.tagName === 'INPUT' ? 'input' : 'change')); })()"
    )


def violations(page: Page, axe: str) -> list[Any]:
    page.run(axe + "; 0")
    found = page.run(
        f"axe.run(document, {{runOnly: {[*RULES]}, resultTypes: ['violations']}}).then(done => done.violations.map("
        "each => [each.id, each.help, each.nodes.slice(0, 3).map(node => node.html + node.failureSummary)]))"
    )
    assert isinstance(found, list)
    return found


def alone(page: Page, path: Path) -> None:
    """The page asked for itself, and nothing was refused or went wrong."""
    assert set(page.requests) == {path.as_uri()}
    assert page.complaints == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_five_clients_have_no_accessibility_violation_closed_or_open(
    page: Page, five: Path, axe: str, scheme: str
) -> None:
    page.look(scheme=scheme)
    page.open(five)
    assert violations(page, axe) == []
    page.run("document.getElementById('expand').click()")
    assert page.run("document.querySelectorAll('.detail svg[role=img]').length") == 5
    assert violations(page, axe) == []
    alone(page, five)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_five_thousand_clients_sort_filter_and_have_no_accessibility_violation(
    page: Page, thousands: Path, axe: str, scheme: str
) -> None:
    page.look(scheme=scheme)
    page.open(thousands)
    assert (len(shown(page)), "5,000 clients, the most urgent first; the first 100 are shown." in told(page)) == (
        100,
        True,
    )
    filter_by(page, "find", "ledger team-orders")
    found = shown(page)
    assert found
    assert all(name.startswith("ledger-") for name in found)
    assert f"{len(found)} of 5,000 clients" in told(page)
    press_header(page, "client")
    assert shown(page) == sorted(found)
    press_header(page, "client")
    assert shown(page) == sorted(found, reverse=True)
    page.run("document.getElementById('reset').click()")
    page.run("new Promise(done => setTimeout(done, 20))")
    assert len(shown(page)) == 100
    assert violations(page, axe) == []
    alone(page, thousands)


def test_both_colour_schemes_are_there(page: Page, five: Path) -> None:
    colours = {}
    for scheme in SCHEMES:
        page.look(scheme=scheme)
        page.open(five)
        colours[scheme] = page.run("getComputedStyle(document.body).backgroundColor")
    assert len(set(colours.values())) == 2


def test_the_most_urgent_come_first_and_a_script_in_a_name_shows_as_text(page: Page, five: Path) -> None:
    page.look()
    page.open(five)
    assert shown(page) == ["payments", SCRIPT, "orders", "legacy-crm", "billing"]
    assert page.run("document.title") == "Client secrets, 2026-11-23 18:00 UTC"
    page.run("document.getElementById('expand').click()")
    assert page.run("document.querySelectorAll('script, img, b:not(.tile b, .unread b), iframe').length") == 2
    assert "<img src=x>" in page.run("document.querySelector('.unread').textContent")
    alone(page, five)


def test_each_column_sorts_both_ways_and_what_is_absent_comes_last(page: Page, five: Path) -> None:
    page.look()
    page.open(five)
    press_header(page, "age")
    assert shown(page)[0] == "legacy-crm"
    assert page.run("document.querySelector('th[data-key=age]').getAttribute('aria-sort')") == "descending"
    press_header(page, "age")
    assert shown(page)[0] == "billing"
    press_header(page, "fallback")
    assert shown(page)[:3] == ["payments", "orders", "billing"]
    press_header(page, "fallback")
    assert shown(page)[:3] == ["billing", "orders", "payments"]
    assert page.run("document.querySelectorAll('[aria-sort]').length") == 1
    assert told(page) == "5 clients, by fallback, ascending."


def test_state_owner_and_attention_filter_and_the_tiles_do_too(page: Page, five: Path) -> None:
    page.look()
    page.open(five)
    filter_by(page, "state", "excepted")
    assert shown(page) == ["legacy-crm"]
    filter_by(page, "state", "")
    filter_by(page, "owner", "team-orders")
    assert (shown(page), told(page)) == (["orders"], "1 of 5 clients, the most urgent first.")
    filter_by(page, "owner", "")
    page.run("document.getElementById('attention').click()")
    assert shown(page) == ["payments", SCRIPT, "orders"]
    page.run("document.querySelector('.tile[data-kind=interrupted] button').click()")
    assert shown(page) == ["payments"]
    filter_by(page, "find", "no such client")
    assert (shown(page), told(page)) == ([], "No client fits. Reset shows all of them.")


def test_the_keyboard_reaches_and_opens_everything(page: Page, five: Path) -> None:
    page.look()
    page.open(five)
    reached = []
    for _ in range(24):
        page.press(*TAB)
        reached.append(page.run("document.activeElement.id || document.activeElement.textContent"))
    for stop in (
        "Skip to the clients",
        "find",
        "state",
        "owner",
        "attention",
        "reset",
        "Client",
        "payments",
        "billing",
    ):
        assert stop in reached, (stop, reached)
    page.run("document.querySelector('.toggle').focus()")
    page.press(*ENTER)
    assert page.run("document.querySelector('.toggle').getAttribute('aria-expanded')") == "true"
    assert "rotate r-91c0aa12 by github:acme/ops/runs/4711" in page.run("document.querySelector('.detail').textContent")
    page.press(*SPACE)
    assert page.run("document.querySelector('.detail').offsetParent") is None
    page.run("document.getElementById('find').focus()")
    page.type("orders")
    assert shown(page) == ["orders"]


def test_a_clients_details_tell_versions_policy_evidence_exception_and_operation(page: Page, five: Path) -> None:
    page.look()
    page.open(five)
    page.run("document.getElementById('expand').click()")
    details = page.run("[...document.querySelectorAll('.detail')].map(d => d.textContent)")
    payments, script, orders, legacy, billing = details
    assert "not asked; run: secret-bridge evidence payments" in payments
    assert "counts as live until 2026-11-23 16:01 UTC" in payments
    assert "AWS denied secretsmanager:DescribeSecret" in script
    assert "10.2.3.4 python-httpx/0.27: 14 failures" in orders
    assert "fallback2026-08-16 18:00 UTC" in orders
    assert "counts until the end of 2027-01-31" in legacy
    assert "owner: ciso" in legacy
    assert "edited by others 1 time since" in billing
    assert "v4 current, written 2026-11-23 15:00 UTC" in page.run(
        "document.querySelector('#detail-4 svg[role=img]').getAttribute('aria-label')"
    )


def test_it_reads_without_javascript(page: Page, thousands: Path, five: Path) -> None:
    page.look(scripts=False)
    page.open(thousands)
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.run("document.querySelectorAll('#clients > tbody > tr').length") == 5000
    assert page.run("document.querySelector('#controls').offsetParent") is None
    assert "need JavaScript" in " ".join(page.run("document.querySelector('noscript').textContent").split())


def test_paper_shows_every_client_that_fits_and_no_controls(page: Page, thousands: Path, tmp_path: Path) -> None:
    page.look(scheme="dark", media="print")
    page.open(thousands)
    filter_by(page, "owner", "team-billing")
    fitting = int(told(page).split(" of ")[0])
    assert (fitting > 100, len(shown(page))) == (True, 100)
    page.run(f"addEventListener('beforeprint', () => {{ window.printed = {SHOWN}; }})")
    page.paper(tmp_path / "report.pdf")
    assert page.run("window.printed.length") == fitting
    assert len(shown(page)) == 100
    assert page.run("document.getElementById('controls').offsetParent") is None
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_hundred_more_or_all_can_be_shown(page: Page, thousands: Path) -> None:
    page.look()
    page.open(thousands)
    page.run("document.getElementById('some').click()")
    assert len(shown(page)) == 200
    page.run("document.getElementById('all').click()")
    assert len(shown(page)) == 5000
    assert page.run("document.getElementById('more').offsetParent") is None


def test_it_fits_a_narrow_screen(page: Page, five: Path, axe: str) -> None:
    page.look(width=360)
    page.open(five)
    page.run("document.getElementById('expand').click()")
    assert page.run("document.documentElement.scrollWidth") <= 360
    assert violations(page, axe) == []
