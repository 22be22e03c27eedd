"""Builds the documentation site: `python .site/build.py [DIRECTORY]`, else into build/site. A broken link fails it.

The pages lie in the repository where its readers look for them. They are laid out anew for the site: docs/ at its top,
and the few pages from elsewhere under project/. Every link between them is followed there. A link to a file that is no
page becomes a download of it, one to a folder leads to a list of its files.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRONT, DECISIONS = "docs/README.md", "docs/adr/README.md"
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)(#[^)\s]*)?(?=\))")
ENTRY = re.compile(r"(?:(.+) <)?(?P<page>[^<>]+)>?")
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
MENDED = (  # what the theme and the pages leave to wish for with a keyboard or a screen reader
    ('<p class="caption" role="heading">', '<p class="caption">'),
    ('<div id="search-results">', '<h1>Search</h1><div id="search-results">'),
    ('<th class="head"><p></p></th>', '<td class="head"></td>'),
    ("<pre>", '<pre tabindex="0">'),
    ("<p><img", '<p class="picture" tabindex="0"><img'),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ('<aside class="sidebar-drawer"', '<aside class="sidebar-drawer" aria-label="Pages"'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
)


class Site:
    """The pages of a repository, and where they go."""

    def __init__(self, root: Path, staged: Path) -> None:
        self.root, self.staged = root, staged
        self.parts = tomllib.loads((root / ".site" / "nav.toml").read_text("utf-8"))["part"]
        named = [ENTRY.fullmatch(entry)["page"] for part in self.parts for entry in part["pages"]]
        there = [str(path.relative_to(root)) for path in sorted((root / "docs").rglob("*.md"))]
        self.pages = {page: place(page) for page in dict.fromkeys([*there, *named])}

    def lay_out(self) -> None:
        """Write every page, with links as the site has them."""
        for page, where in self.pages.items():
            text = (self.root / page).read_text("utf-8")
            self._write(where, "".join(self._followed(part, page, where) for part in FENCE.split(text)))
        trees = [tree(part["title"], [self._entry(entry) for entry in part["pages"]]) for part in self.parts]
        self._write("index.md", "\n".join(trees), mode="a")
        decisions = [where for page, where in self.pages.items() if re.match(r"docs/adr/\d", page)]
        self._write(self.pages[DECISIONS], tree("", [Path(where).name for where in decisions]), mode="a")

    def _entry(self, entry: str) -> str:
        title, page = ENTRY.fullmatch(entry).groups()
        return f"{title} <{self.pages[page]}>" if title else self.pages[page]

    def _followed(self, text: str, page: str, where: str) -> str:
        return text if text.startswith("```") else LINK.sub(lambda link: self._link(link, page, where), text)

    def _link(self, link: re.Match[str], page: str, where: str) -> str:
        target = os.path.normpath(Path(page).parent / link[1])
        to = self.pages.get(target) or self.pages.get(f"{target}/README.md") or self._file(target)
        return os.path.relpath(to, Path(where).parent) + (link[2] or "") if to else link[0]

    def _file(self, target: str) -> str:
        """Bring a file or a list of a folder's files along, and return where it is; nothing where there is none."""
        path, where = self.root / target, place(target)
        if path.is_dir():
            where = f"{where}/index.md"
            files = [each for each in sorted(path.rglob("*")) if each.is_file() and each.suffix != ".md"]
            lines = [f"- [{each.relative_to(path)}]({each.relative_to(path)})\n" for each in files]
            self._write(where, f"---\norphan: true\n---\n# Files in {target}\n\n{''.join(lines)}")
            for each in files:
                self._file(str(each.relative_to(self.root)))
        elif path.is_file():
            (self.staged / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.staged / where)
        return where if path.exists() else ""

    def _write(self, where: str, text: str, mode: str = "w") -> None:
        path = self.staged / where
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)


def place(path: str) -> str:
    """Return where something of the repository goes: docs/ to the top, a page from elsewhere under project/."""
    inside = path.removeprefix("docs/")
    if inside == path and path.endswith(".md"):
        folder, name = os.path.split(path)
        return f"project/{'tests' if folder == 'tests' else name.removesuffix('.md').lower()}.md"
    return re.sub(r"(^|/)README\.md$", r"\1index.md", inside)


def tree(caption: str, pages: list[str]) -> str:
    """Return a part of the navigation as Sphinx reads it."""
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "", "```{toctree}", *options, "", *pages, "```", ""])


def mend(out: Path) -> None:
    """Mend the pages that were built."""
    for path in out.rglob("*.html"):
        text = path.read_text("utf-8")
        for old, new in MENDED:
            text = text.replace(old, new)
        path.write_text(text, "utf-8")


def main() -> int:
    """Build the site, and return the exit status."""
    from sphinx.cmd.build import build_main

    parser = argparse.ArgumentParser(description="Build the documentation site.")
    parser.add_argument("directory", nargs="?", type=Path, default=HERE.parent / "build" / "site")
    parser.add_argument("--root", type=Path, default=HERE.parent, help="another copy of the repository")
    told = parser.parse_args()
    shutil.rmtree(told.directory, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        staged = Path(work) / "pages"
        Site(told.root, staged).lay_out()
        options = ["-q", "-W", "--keep-going", "-c", str(HERE), "-d", str(Path(work) / "doctrees")]
        status = build_main([*options, str(staged), str(told.directory)])
    mend(told.directory)
    return status


if __name__ == "__main__":
    sys.exit(main())
