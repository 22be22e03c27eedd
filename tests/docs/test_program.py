"""Pages and pictures that are made by scripts are what these make today, and the site's navigation has every page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bridge.cli.listed import LISTED
from tests.docs import audiences, commands, manual, timeline
from tests.docs.pages import DOCS, PAGES, ROOT, name_of, without_fences

NAV = ROOT / ".site" / "nav.toml"
PICTURES = sorted(DOCS.rglob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_of_commands_is_made_from_the_program() -> None:
    assert commands.FILE.read_text("utf-8") == commands.page(), "run: python -m tests.docs.commands"


def test_the_manual_page_is_made_from_the_program_and_the_readme() -> None:
    assert manual.FILE.read_text("utf-8") == manual.page(), "run: python -m tests.docs.manual"


def test_the_picture_of_the_audiences_is_what_its_script_draws() -> None:
    assert audiences.FILE.read_text("utf-8") == audiences.drawn(), "run: python -m tests.docs.audiences"


@pytest.mark.parametrize("one", LISTED, ids=lambda one: one.name)
def test_both_describe_every_command(one: object) -> None:
    name = one.name  # type: ignore[attr-defined]  # of a Listed
    assert f"secret-bridge {name} " in commands.page()
    assert f"secret\\-bridge {name} " in manual.page()


def test_an_option_that_is_new_changes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    before = commands.page(), manual.page()
    (first, *rest) = commands.commands()
    more = type(first)(**{**vars(first), "parameters": (*first.parameters, commands.Parameter("--new", "New.", True))})
    for module in (commands, manual):
        monkeypatch.setattr(module, "commands", lambda: [more, *rest])
    assert (commands.page(), manual.page()) != before
    assert "`--new` | New." in commands.page()
    assert "\\-\\-new" in manual.page()


def unreadable(text: str) -> list[str]:
    """Return what a picture lacks for screen readers, and what it asks others for."""
    tree = ElementTree.fromstring(text)
    parts = [part for part in ("title", "desc") if not (tree.findtext(f"{SVG}{part}") or "").strip()]
    named = tree.get("aria-labelledby") == "title about" and tree.get("role") == "img"
    return (
        parts
        + ["names"] * (not named)
        + [word for word in ("url(http", "@import", "@font-face", "<image") if word in text]
    )


@pytest.mark.parametrize("picture", PICTURES, ids=name_of)
def test_a_picture_is_small_described_and_asks_nobody(picture: Path) -> None:
    assert unreadable(picture.read_text("utf-8")) == []
    assert picture.stat().st_size < 8000


def test_a_picture_without_a_description_or_with_a_foreign_font_is_seen() -> None:
    bare = '<svg xmlns="http://www.w3.org/2000/svg"><style>@font-face{src:url(https://x)}</style></svg>'
    assert unreadable(bare) == ["title", "desc", "names", "url(http", "@font-face"]
    assert unreadable(timeline.drawn()) == []


def astray(nav: str, pages: set[str]) -> tuple[set[str], list[str]]:
    """Return the pages that a navigation lacks, and those that it names twice or that do not exist."""
    entries = [entry for part in tomllib.loads(nav)["part"] for entry in part["pages"]]
    named = [re.sub(r".+ <(.+)>", r"\1", entry) for entry in entries]
    return pages - {*named}, [page for page in named if named.count(page) > 1 or not (ROOT / page).is_file()]


def expected() -> set[str]:
    """Return the pages that the navigation has to have: decisions are found by their list."""
    pages = {name_of(page) for page in PAGES if not page.name[0].isdigit()}
    return pages - {"docs/README.md", ".github/pull_request_template.md"}


def test_the_sites_navigation_has_every_page_once() -> None:
    assert astray(NAV.read_text("utf-8"), expected()) == (set(), [])


def test_a_page_that_the_navigation_lacks_or_has_twice_is_seen() -> None:
    nav = NAV.read_text("utf-8").replace('"docs/guide/leak.md"', '"docs/guide/audit.md", "docs/guide/none.md"')
    lacking, wrong = astray(nav, expected())
    assert (lacking, wrong) == (
        {"docs/guide/leak.md"},
        ["docs/guide/audit.md", "docs/guide/none.md", "docs/guide/audit.md"],
    )


FRONT, README = DOCS / "README.md", ROOT / "README.md"


def unmeasured(front: str) -> list[str]:
    """Return the counts of refused requests on the front page that the benchmarks do not have."""
    measured = (DOCS / "internals" / "benchmarks.md").read_text("utf-8")
    told = re.findall(r"\b(\d+) of ([\d,]{4,})", front)
    rows = [f"| {requests} | **{refused}** |" for refused, requests in told]
    return [row for row in rows if row not in measured] if rows else ["no counts"]


def test_the_front_pages_counts_are_measured_and_others_are_seen() -> None:
    front = FRONT.read_text("utf-8")
    assert unmeasured(front) == []
    assert unmeasured(front.replace("77,559", "77,560")) == ["| 77,560 | **0** |"]


def test_the_front_page_and_the_readme_are_short() -> None:
    assert len(FRONT.read_text("utf-8").split()) <= 350
    prose = re.sub(r"^\|.*$", "", without_fences(README), flags=re.MULTILINE)  # one screen, plus tables and commands
    assert len(prose.split()) <= 450
