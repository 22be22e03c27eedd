"""One rotation as a picture: `python -m tests.docs.timeline` writes docs/guide/rotation.svg from the page's table."""

from __future__ import annotations

from html import escape

from tests.docs.drawing import picture
from tests.docs.pages import DOCS, section, tables

PAGE = DOCS / "guide" / "first-rotation.md"
FILE = DOCS / "guide" / "rotation.svg"
HEADING = "One rotation over time"
LANES = ("Auth0 accepts", "pending", "current", "fallback", "reads the candidates", "reads the latest only")
"""The table's columns after the first one."""
TIMES = {"stage": "0 s", "set": "1 s", "promote": "2 s", "done": "about 32 s", "retire": "a day later"}
"""When a step usually is, at a propagation of 30 s."""
KINDS = {"old": "old", "new": "new", "either": "either", "may be refused": "no"}
"""The class of a bar, by its text; all others are readers that are served."""
LEFT, COLUMN, ROW, TOP = 160, 118, 34, 46
TITLE = "One rotation over time"
ABOUT = (
    "The new value is pending in every sink before it is set at Auth0. Readers of the candidates are served all along."
    " Readers of the latest value may be refused from set until the change has spread and they have read again."
)
COLOURS = "rect{stroke:#5b7aa5}.old{fill:#d9dde3}.new,.either{fill:#bfe3c5}.yes{fill:#e3eefb}.no{fill:#f3c9c0}"
DARK = "rect{stroke:#7f9cc4}.old{fill:#454c56}.new,.either{fill:#1f5a33}.yes{fill:#1d3a5f}.no{fill:#7a2f22}"


def rows() -> list[list[str]]:
    """Return the page's table: a step, and what holds from it on."""
    (table,) = tables(section(PAGE, HEADING))
    return table


def spans(texts: list[str]) -> list[tuple[int, int, str]]:
    """Return equal neighbours as one: where each begins, how long it is, and its text."""
    found: list[tuple[int, int, str]] = []
    for number, text in enumerate(texts):
        if found and found[-1][2] == text:
            begin, length, _ = found.pop()
            found.append((begin, length + 1, text))
        else:
            found.append((number, 1, text))
    return found


def lane(number: int, name: str, texts: list[str]) -> list[str]:
    y = TOP + number * ROW
    lines = [f'<text x="10" y="{y + 20}">{escape(name)}</text>']
    for begin, length, text in spans(texts):
        x, width = LEFT + begin * COLUMN, length * COLUMN
        if text != "-":
            lines.append(bar(KINDS.get(text, "yes"), x, y + 3, width))
            if text == "either":  # of both colours
                lines.append(f'<path class="old" d="M{x + 1} {y + 4}h{width - 2}l-{width - 2} {ROW - 10}z"/>')
            lines.append(f'<text x="{x + 8}" y="{y + 20}">{escape(text)}</text>')
    return lines


def bar(kind: str, x: int, y: int, width: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{ROW - 8}"/>'


def drawn() -> str:
    """Return the picture: time from left to right, one lane for each column of the table."""
    table = rows()
    width, height = LEFT + len(table) * COLUMN + 10, TOP + len(LANES) * ROW + 8
    lines = []
    for number, (step, *_) in enumerate(table):
        x = LEFT + number * COLUMN
        lines.append(f'<text class="h" x="{x + 4}" y="18">{escape(step)}</text>')
        lines.append(f'<text class="q" x="{x + 4}" y="34">{escape(TIMES.get(step, ""))}</text>')
        lines.append(f'<line class="l" x1="{x}" y1="6" x2="{x}" y2="{height - 6}"/>')
    for number, name in enumerate(LANES):
        lines += lane(number, name, [row[number + 1] for row in table])
    return picture(TITLE, ABOUT, (width, height), lines, light=COLOURS, dark=DARK)


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
