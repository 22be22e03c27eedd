"""The documentation site in a real Chromium, from files: at a desk and on a phone, light and dark, and its search."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.report.browser import Page
from tests.unit.report.test_in_a_browser import violations

pytestmark = pytest.mark.timeout(900)  # of a busy machine; alone each takes seconds

KINDS = {
    "front": "index.html",
    "guide": "guide/security.html",
    "pictures": "guide/demo.html",
    "reference": "reference/commands.html",
    "decision": "adr/0012-libraries.html",
    "elsewhere": "project/readme.html",
    "search": "search.html",
}
DESK, PHONE = 1280, 390
LOOKS = tuple((width, scheme) for width in (DESK, PHONE) for scheme in ("light", "dark"))


def opened(page: Page, path: Path, width: int, scheme: str) -> None:
    page.look(width=width, scheme=scheme)
    page.open(path)


def strangers(page: Page, site: Path) -> list[str]:
    """Return what was asked for from elsewhere than the site's own directory."""
    return [each for each in page.requests if not each.startswith((f"{site.as_uri()}/", "data:"))]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_accessible_fits_its_screen_and_asks_nobody(page: Page, site: Path, axe: str, kind: str) -> None:
    colours = set()
    for width, scheme in LOOKS:
        opened(page, site / KINDS[kind], width, scheme)
        assert page.run("document.documentElement.scrollWidth") <= width
        colours.add(page.run("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2
    assert (strangers(page, site), page.complaints) == ([], [])
    for width, scheme in LOOKS:
        opened(page, site / KINDS[kind], width, scheme)
        assert violations(page, axe) == [], (width, scheme)


def test_every_page_fits_a_phone(page: Page, site: Path) -> None:
    page.look(width=PHONE)
    wide = []
    for path in sorted(site.rglob("*.html")):
        page.open(path)
        if page.run("document.documentElement.scrollWidth") > PHONE:
            wide.append(path.name)
    assert wide == []


def test_its_search_works_without_a_server(page: Page, site: Path) -> None:
    page.look()
    page.open(site / "search.html")
    page.run("document.querySelector('form.sidebar-search-container input').focus()")
    page.type("sibling")
    page.run("document.querySelector('form.sidebar-search-container').submit()")
    end = time.monotonic() + 120
    while page.run("document.querySelectorAll('#search-results ul.search li a').length") < 2:
        assert time.monotonic() < end, page.run("document.body.textContent")
        time.sleep(0.2)
    assert strangers(page, site) == []


def test_what_is_too_wide_inaccessible_or_from_elsewhere_is_seen(page: Page, tmp_path: Path, axe: str) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<html lang="en"><title>x</title><main><img src="http://127.0.0.1:9/x"><h1 style="width:900px">x</h1>'
    )
    opened(page, bad, PHONE, "light")
    assert [each[0] for each in violations(page, axe)] == ["image-alt"]
    assert page.run("document.documentElement.scrollWidth") > PHONE
    assert strangers(page, tmp_path) == ["http://127.0.0.1:9/x"]
