"""What each audience does, as a picture: `python -m tests.docs.audiences` writes docs/guide/audiences.svg."""

from __future__ import annotations

from html import escape

from tests.docs.drawing import picture
from tests.docs.pages import DOCS

FILE = DOCS / "guide" / "audiences.svg"
WHO = {
    "DevOps": ("rotate --due", "status --check", "doctor", "resume, when interrupted"),
    "Security teams": ("verify, evidence", "retire", "report, audit, history", "rotate --compromised"),
}
"""Who runs which commands, beside the bridge."""
SINKS = ("Vault, OpenBao", "AWS Secrets Manager")
COLOURS = "rect.b{fill:#eef3fa;stroke:#5b7aa5}rect.s{fill:#f6f6f3;stroke:#99978c}path{stroke:#57606a}#tip{fill:#57606a}"
DARK = "rect.b{fill:#1c2939;stroke:#7f9cc4}rect.s{fill:#24241f;stroke:#8a887d}path{stroke:#aab4bf}#tip{fill:#aab4bf}"
TIP = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path id="tip" style="stroke:none" d="M0 0L8 4L0 8z"/></marker>'
)
TITLE = "What each audience does"
ABOUT = (
    "DevOps and security teams run commands of the bridge. The bridge changes the secret at Auth0 and publishes it to"
    " Vault and AWS. Applications read it there and ask Auth0 for tokens."
)


def box(kind: str, x: int, y: int, width: int, height: int, name: str, *lines: str) -> list[str]:
    """Return a box with a name and lines of text."""
    texts = [f'<text class="h" x="{x + 12}" y="{y + 22}">{escape(name)}</text>']
    texts += [f'<text x="{x + 12}" y="{y + 42 + 17 * n}">{escape(line)}</text>' for n, line in enumerate(lines)]
    return [f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>', *texts]


def arrow(path: str, label: str, x: int, y: int) -> list[str]:
    """Return an arrow with what it means."""
    line = f'<path d="{path}" fill="none" stroke-width="1.5" marker-end="url(#arrow)"/>'
    return [line, f'<text class="q" x="{x}" y="{y}">{escape(label)}</text>']


def drawn() -> str:
    """Return the picture: people at the left, the bridge in the middle, servers and applications at the right."""
    lines = [f"<defs>{TIP}</defs>"]
    for number, (who, commands) in enumerate(WHO.items()):
        lines += box("b", 10, 10 + 136 * number, 190, 112, who, *commands)
        lines += arrow(f"M200 {69 + 136 * number}H256V{120 + 34 * number}H268", "", 0, 0)[:1]
    lines += box("s", 270, 90, 150, 92, "secret-bridge", "sets, publishes,", "keeps the fallback,", "checks both ends")
    lines += box("s", 560, 10, 150, 56, "Auth0", "one secret")
    lines += box("s", 560, 90, 150, 76, "Sinks", *SINKS)
    lines += box("b", 560, 208, 190, 56, "Applications", "current, pending, fallback")
    lines += arrow("M420 104H490V38H558", "sets the secret", 432, 30)
    lines += arrow("M420 130H558", "stores it first", 432, 124)
    lines += arrow("M640 208V168", "read", 648, 192)
    lines += arrow("M736 208V38H712", "ask for tokens", 644, 82)
    return picture(TITLE, ABOUT, (760, 274), lines, light=COLOURS, dark=DARK)


if __name__ == "__main__":
    FILE.write_text(drawn(), "utf-8")
