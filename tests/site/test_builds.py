"""The documentation site: it is built without a warning, and every link in it leads somewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs import manual
from tests.docs.pages import ROOT
from tests.site.conftest import built
from tests.site.links import broken, foreign, read

pytestmark = pytest.mark.timeout(1800)  # of a busy machine; alone it takes less than a minute


def test_every_link_and_anchor_of_the_site_leads_somewhere(site: Path) -> None:
    assert len(list(site.rglob("*.html"))) > 60
    assert broken(site) == []


def test_nothing_in_it_comes_from_another_host(site: Path) -> None:
    assert foreign(site) == []


def test_the_front_page_leads_to_every_part(site: Path) -> None:
    parts = ("guide", "reference", "internals", "adr", "project")
    assert {link.split("/")[0] for link in read(site / "index.html").links} >= set(parts)


def test_a_broken_link_a_missing_heading_and_a_page_that_nobody_finds_each_fail_the_build(
    generator: Path, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    for name in ("README.md", "tests/README.md", ".github", ".site", "docs", "bridge/model/printable.py"):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, target)
    with (root / "docs" / "guide" / "leak.md").open("a") as page:
        page.write("\n[gone](nowhere.md) and [moved](audit.md#no-such-heading)\n")
    (root / "docs" / "guide" / "hidden.md").write_text("# Hidden\n")
    done = built(generator, tmp_path / "site", root)
    assert done.returncode == 1
    assert "nowhere.md" in done.stderr
    assert "no-such-heading" in done.stderr
    assert "hidden.md: WARNING: document isn't included in any toctree" in done.stderr


def test_a_link_that_leads_nowhere_and_a_foreign_script_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html">b</a><a href="#c">c</a><h1 id="d"></h1><a href="#d"></a><a href="a.html#e"></a>'
        '<a href="https://example.com/"></a><script src="https://example.com/x.js"></script>'
    )
    assert broken(tmp_path) == ["a.html: b.html", "a.html: #c", "a.html: a.html#e"]
    assert foreign(tmp_path) == ['a.html: <script src="http']


def checked(page: str) -> str:
    """Return what groff complains about."""
    groff = shutil.which("groff")
    assert groff, "the manual page is checked by groff: apt-get install groff-base"
    told = [groff, "-ww", "-man", "-Tutf8", "-z"]
    return subprocess.run(told, input=page, capture_output=True, text=True, check=True).stderr


def test_the_manual_page_is_valid_and_a_broken_copy_is_not() -> None:
    page = manual.FILE.read_text("utf-8")
    assert checked(page) == ""
    assert checked(page.replace(".SH ENVIRONMENT", ".SHH ENVIRONMENT\n\\f[nofont]x")) != ""
