"""Where the pages of a site that was built lead to."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Read(HTMLParser):
    """One page: what it links to or shows, and the places in it that have a name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names = {"", "top"}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's address and its name."""
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            if name == "id" and value:
                self.names.add(value)


@cache
def read(path: Path) -> Read:
    """Return a page that was read."""
    return Read(path)


def broken(site: Path) -> list[str]:
    """Return every link within the site to a file or a heading that is not there, with its page."""
    found = []
    for page in sorted(site.rglob("*.html")):
        for link in read(page).links:
            told = urlsplit(link)
            if told.scheme or told.netloc:
                continue
            target = (page.parent / unquote(told.path)).resolve() if told.path else page
            name = unquote(told.fragment)
            if not target.is_file() or (target.suffix == ".html" and name not in read(target).names):
                found.append(f"{page.relative_to(site)}: {link}")
    return found


def foreign(site: Path) -> list[str]:
    """Return what pages bring from another host without being asked: scripts, styles, fonts, pictures."""
    found = []
    for page in sorted(site.rglob("*.html")):
        text = page.read_text("utf-8")
        found += [f"{page.name}: {tag}" for tag in ('<script src="http', '<img src="http', "@import") if tag in text]
    return found + [path.name for path in site.rglob("*.css") if "url(http" in path.read_text("utf-8")]
