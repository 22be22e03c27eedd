"""The house as a picture: `python -m tests.architecture.picture` writes docs/internals/architecture.svg."""

from __future__ import annotations

import importlib
from html import escape

from tests.architecture.rooms import ROOMS, floors
from tests.architecture.sources import ROOT
from tests.docs.drawing import picture

FILE = ROOT / "docs/internals/architecture.svg"
CORE = (
    ("cli",),
    ("operations",),
    ("execution",),
    ("planning", "evidence"),
    ("auth0", "config"),
    ("model",),
    ("sinks",),
)
"""What every command goes through, from the top."""
WIDTH, ROW, GAP, WINGS, WING = 520, 64, 14, 560, 340
TITLE = "The rooms of the house"
ABOUT = "The floors that a command goes through, from the command line down to the sinks, and the wings beside them."
COLOURS = ".h{font-size:15px}.w{font-size:11.5px}rect.b{fill:#eef3fa;stroke:#5b7aa5}rect.g{fill:#f6f6f3;stroke:#99978c}"
DARK = "rect.b{fill:#1c2939;stroke:#7f9cc4}rect.g{fill:#24241f;stroke:#8a887d}"


def about(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    told = importlib.import_module(room if room == "sinks" else f"bridge.{room}").__doc__ or ""
    return told.strip().split("\n")[0].partition(". ")[0].rstrip(".")


def wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines that fit into so many pixels, two at the most."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 2 * width // 13:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:2] if len(lines) < 3 else [lines[0], f"{lines[1]} …"]


def box(room: str, x: int, y: int, width: int, kind: str = "b") -> str:
    """Return one room as a box with its name and what it is for."""
    lines = [
        f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{ROW}" rx="6"/>',
        f'<text class="h" x="{x + 10}" y="{y + 22}">{room}/</text>',
    ]
    for number, line in enumerate(wrapped(about(room), width - 20)):
        lines.append(f'<text class="w" x="{x + 10}" y="{y + 39 + 15 * number}">{escape(line)}</text>')
    return "\n".join(lines)


def drawn() -> str:
    """Return the picture: the core at the left, floor by floor, and the wings beside it."""
    boxes = []
    for number, rooms in enumerate(CORE):
        width = (WIDTH - GAP * (len(rooms) - 1)) // len(rooms)
        boxes += [box(r, 10 + n * (width + GAP), 10 + number * (ROW + GAP), width) for n, r in enumerate(rooms)]
    wings = sorted(set(ROOMS) - {room for rooms in CORE for room in rooms}, key=lambda room: (-floors()[room], room))
    boxes += [box(r, WINGS, 10 + n * (ROW + GAP), WING, "g") for n, r in enumerate(wings)]
    height = 10 + max(len(CORE), len(wings)) * (ROW + GAP)
    return picture(TITLE, ABOUT, (WINGS + WING + 10, height), boxes, light=COLOURS, dark=DARK)


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
