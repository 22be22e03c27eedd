"""One rotation as a picture: `python -m tests.docs.timeline` writes docs/guide/rotation.svg from the page's table."""

from __future__ import annotations

from html import escape

from tests.docs.pages import DOCS, section, tables

PAGE = DOCS / "guide" / "first-rotation.md"
FILE = DOCS / "guide" / "rotation.svg"
HEADING = "One rotation over time"
LANES = ("Auth0 accepts", "pending", "current", "fallback", "reads the candidates", "reads the latest only")
"""The table's columns after the first one."""
TIMES = {"stage": "0 s", "set": "1 s", "promote": "2 s", "done": "about 32 s", "retire": "a day later"}
"""When a step usually is, at a propagation of 30 s."""
COLOURS = {"old": "#d9dde3", "new": "#bfe3c5", "either": "url(#either)", "may be refused": "#f3c9c0"}
SERVED = "#e3eefb"
LEFT, COLUMN, ROW, TOP = 160, 118, 34, 46
STYLE = (
    "text{font-family:system-ui,sans-serif;fill:#1b1f24;font-size:12px}.n{font-size:13px;font-weight:600}"
    ".t{font-size:11px;fill:#57606a}rect{stroke:#5b7aa5}.l{stroke:#99978c;stroke-dasharray:3 3}"
)
EITHER = (
    '<defs><pattern id="either" width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0H10V10H0Z" fill="#d9dde3"/><path d="M0 0H5V10H0Z" fill="#bfe3c5"/></pattern></defs>'
)


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
            lines.append(
                f'<rect x="{x}" y="{y + 3}" width="{width}" height="{ROW - 8}" fill="{COLOURS.get(text, SERVED)}"/>'
            )
            lines.append(f'<text x="{x + 8}" y="{y + 20}">{escape(text)}</text>')
    return lines


def drawn() -> str:
    """Return the picture: time from left to right, one lane for each column of the table."""
    table = rows()
    width, height = LEFT + len(table) * COLUMN + 10, TOP + len(LANES) * ROW + 8
    lines = []
    for number, (step, *_) in enumerate(table):
        x = LEFT + number * COLUMN
        lines.append(f'<text class="n" x="{x + 4}" y="18">{escape(step)}</text>')
        lines.append(f'<text class="t" x="{x + 4}" y="34">{escape(TIMES.get(step, ""))}</text>')
        lines.append(f'<line class="l" x1="{x}" y1="6" x2="{x}" y2="{height - 6}"/>')
    for number, name in enumerate(LANES):
        lines += lane(number, name, [row[number + 1] for row in table])
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="One rotation over time">',
        f"<style>{STYLE}</style>", EITHER, *lines, "</svg>\n",
    ])  # fmt: skip


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
