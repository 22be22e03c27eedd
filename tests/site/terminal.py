"""What the program shows at a terminal, as pictures: `python -m tests.site.terminal` runs it and writes them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape, unescape
from pathlib import Path

from rich.style import Style
from rich.text import Text

from tests.docs.pages import DOCS
from tests.e2e.terminal import Terminal

DEMO, STATUS = DOCS / "guide" / "demo.svg", DOCS / "guide" / "status.svg"
ABOUT = {
    DEMO: "secret-bridge demo: one rotation on local servers, with two applications that ask for tokens meanwhile.",
    STATUS: "secret-bridge status: one client was rotated, one was adopted, and the sinks of one are still empty.",
}
WIDTH, COLUMN, ROW = 96, 7.25, 17
STYLE = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d9dee4}"
    ".b{font-weight:700;fill:#fff}.c2{fill:#7bd88f}.c3{fill:#f0c674}.c1{fill:#ff9d94}.c6{fill:#7fd4e8}.d{fill:#a3adb8}"
)


def demo(home: Path) -> str:
    """Return what the demo shows."""
    with Terminal("demo", environ={"COLUMNS": f"{WIDTH}"}, home=home) as terminal:
        for step in ("adopt", "promote", "settle", "retire"):
            terminal.until(step)
        assert terminal.ended() == 0, terminal.shown
    return f"$ secret-bridge demo\n{terminal.shown}"


def status(home: Path) -> str:
    """Return how three clients stand: one was rotated, one was adopted, and one is new."""
    environ = {"COLUMNS": f"{WIDTH}"}
    with Terminal("sandbox", "--directory", "first", "--clients", "3", environ=environ, home=home) as sandbox:
        sandbox.until("Ctrl-C")
        environ |= variables(home / "first")
        names = re.findall(r"^\[clients\.([\w-]+)\]", (home / "first" / "bridge.toml").read_text("utf-8"), re.MULTILINE)
        at(home / "first", environ, "adopt", *names[:2], "--yes")
        at(home / "first", environ, "rotate", names[0])
        shown = at(home / "first", environ, "status")
        sandbox.type("\x03")
        sandbox.ended("\x03")
    return f"$ secret-bridge status\n{shown}"


def at(home: Path, environ: Mapping[str, str], *args: str) -> str:
    """Return what a command shows."""
    with Terminal(*args, environ=environ, home=home) as terminal:
        assert terminal.ended() in (0, 5), terminal.shown
    return terminal.shown


def variables(home: Path) -> dict[str, str]:
    """Return the variables that a sandbox's file sets."""
    script = "set -a; . ./sandbox.env; env -0"
    done = subprocess.run(
        ["bash", "-c", script], cwd=home, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    return {
        name: value for name, _, value in (line.partition("=") for line in done.stdout.decode().split("\0") if line)
    }


def drawn(about: str, shown: str) -> str:
    """Return the picture of a terminal, dark on any page."""
    lines = Text.from_ansi(shown.replace("\r", "")).split("\n")
    while lines and not lines[-1].plain.strip():
        lines.pop()
    columns = max(len(line) for line in lines)
    width, height = round(columns * COLUMN) + 32, len(lines) * ROW + 26
    rows = [row for number, line in enumerate(lines) for row in written(line, 28 + number * ROW)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join([
        f'{head} role="img" aria-labelledby="title about">', '<title id="title">A terminal</title>',
        f'<desc id="about">{escape(about)}</desc>', f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" rx="6" fill="#16191d"/>', *rows, "</svg>\n",
    ])  # fmt: skip


def written(line: Text, y: int) -> Iterator[str]:
    """Yield a line's words, each part in its style and as wide as on a terminal."""
    if line.plain.strip():
        parts = [(line.plain[begin:end], kind) for begin, end, kind in runs(line)]
        inner = "".join(f'<tspan class="{kind}">{escape(t)}</tspan>' if kind else escape(t) for t, kind in parts)
        wide = round(len(line) * COLUMN, 1)
        yield f'<text x="16" y="{y}" xml:space="preserve" textLength="{wide}">{inner}</text>'
    else:
        yield "<text> </text>"


def runs(line: Text) -> Iterator[tuple[int, int, str]]:
    """Yield where parts of one style begin and end, with the classes for it."""
    kinds = [""] * len(line)
    for span in line.spans:
        style = span.style if isinstance(span.style, Style) else Style.parse(span.style)
        colour = f"c{style.color.number}" if style.color else ""
        named = [colour, "b" * bool(style.bold), "d" * bool(style.dim)]
        kinds[span.start : span.end] = [" ".join(filter(None, named))] * (span.end - span.start)
    begin = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or kinds[end] != kinds[begin]:
            yield begin, end, kinds[begin]
            begin = end


def words(shown: str) -> str:
    """Return a terminal's words or those of its picture, without times, numbers and ids, however they are broken."""
    if shown.startswith("<svg"):
        shown = unescape(re.sub(r"<(title|desc|style).*?</\1>|<[^>]+>", "", shown, flags=re.DOTALL))
    text = re.sub(r"\x1b\[[\d;]*m", "", shown)
    text = re.sub(r"\b[0-9a-f]{8}\b|\d[\d.:TZ-]*", "N", text)
    text = re.sub(r"\bN (min|h|d)\b", "N s", text)
    return re.sub(r"[\s─-╿]+", " ", text).strip()


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder for a program to run in."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


if __name__ == "__main__":
    for file, show in ((DEMO, demo), (STATUS, status)):
        with folder() as place:
            file.write_text(drawn(ABOUT[file], show(place)), "utf-8")
