"""The documentation's pages, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / ".github").glob("*.md")),
    ROOT / "tests" / "README.md",
    *sorted(DOCS.rglob("*.md")),
)
EXAMPLES = tuple(sorted(path for path in (DOCS / "guide" / "deploy").rglob("*") if path.is_file()))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Fence:
    """A block of code, and the language that it says it is in."""

    language: str
    text: str


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path, language: str | None = None) -> list[Fence]:
    found = [Fence(*match) for match in _FENCE.findall(path.read_text("utf-8"))]
    return [fence for fence in found if language in (None, fence.language)]


def without_fences(path: Path) -> str:
    return _FENCE.sub("", path.read_text("utf-8"))


def code(path: Path) -> list[str]:
    """Everything that is set as code: blocks and spans."""
    return [*(fence.text for fence in fences(path)), *_SPAN.findall(without_fences(path))]


def spans(text: str) -> list[str]:
    return _SPAN.findall(text)


def section(path: Path, heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    match = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"no heading '{heading}' in {name_of(path)}"
    return match.group(1)


def tables(text: str) -> list[list[list[str]]]:
    """The tables in a text: rows of cells, their heads left out."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.split("|")[1:-1]])
        elif rows:
            found.append(rows[2:])
            rows = []
    return found


def keys(table: list[list[str]]) -> list[str]:
    """What stands as code in a table's first column."""
    return [span for row in table for span in spans(row[0])]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
