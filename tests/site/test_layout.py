"""How the pages are laid out for the site: where each goes, and what becomes of its links."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT

NAV = '[[part]]\ntitle = "All"\npages = ["docs/guide/a.md", "Overview <README.md>", "docs/adr/README.md"]\n'
PAGES = {
    ".site/nav.toml": NAV,
    "README.md": "# R\n",
    "docs/README.md": "# Front\n\n[a](guide/a.md#x) [all](../README.md) [list](guide/files) [room](guide/room/)\n",
    "docs/guide/a.md": "# A\n\n[up](../README.md) [code](../../bridge/x.py) [gone](b.md) [web](https://example.com/c.md)\n"
    "\n```md\n[as](../README.md)\n```\n",
    "docs/guide/files/one.txt": "1",
    "docs/guide/room/README.md": "# Room\n",
    "docs/adr/README.md": "# Decisions\n",
    "docs/adr/0001-b.md": "# 1. B\n",
    "bridge/x.py": "x = 1\n",
}


def laid_out(tmp_path: Path) -> Path:
    spec = importlib.util.spec_from_file_location("site_build", ROOT / ".site" / "build.py")
    assert spec
    assert spec.loader
    build: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    for name, text in PAGES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    build.Site(tmp_path / "root", tmp_path / "staged").lay_out()
    return tmp_path / "staged"


def test_links_lead_to_where_pages_files_and_folders_went(tmp_path: Path) -> None:
    staged = laid_out(tmp_path)
    front = (staged / "index.md").read_text()
    assert (
        "[a](guide/a.md#x) [all](project/readme.md) [list](guide/files/index.md) [room](guide/room/index.md)" in front
    )
    page = (staged / "guide" / "a.md").read_text()
    assert "[up](../index.md) [code](../bridge/x.py) [gone](b.md) [web](https://example.com/c.md)" in page
    assert "```md\n[as](../README.md)\n```" in page
    assert (staged / "bridge" / "x.py").read_text() == "x = 1\n"
    assert "[one.txt](one.txt)" in (staged / "guide" / "files" / "index.md").read_text()
    assert (staged / "guide" / "room" / "index.md").read_text() == "# Room\n"


def test_the_navigation_has_parts_titles_and_the_decisions(tmp_path: Path) -> None:
    staged = laid_out(tmp_path)
    front = (staged / "index.md").read_text()
    assert ":caption: All\n\nguide/a.md\nOverview <project/readme.md>\nadr/index.md\n" in front
    assert "0001-b.md" in (staged / "adr" / "index.md").read_text()
