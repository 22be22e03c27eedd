"""What all pictures of the documentation share: both colour schemes, title and description, and no font of others."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:12px;fill:#1b1f24}.h{font-size:13px;font-weight:600}"
    ".q{font-size:11px;fill:#57606a}.l{stroke:#99978c;stroke-dasharray:3 3}rect.paper{fill:#fff;stroke:none}"
)
DARK = "text{fill:#e6e9ed}.q{fill:#aab4bf}.l{stroke:#77756c}rect.paper{fill:#16191d}"


def picture(
    title: str, about: str, size: tuple[int, int], lines: Iterable[str], *, light: str = "", dark: str = ""
) -> str:
    """Return a picture with paper of its own, so that it can be read on a page of either scheme."""
    width, height = size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return "\n".join([
        f'{head} role="img" aria-labelledby="title about">',
        f'<title id="title">{escape(title)}</title>', f'<desc id="about">{escape(about)}</desc>',
        f"<style>{STYLE}{light}@media(prefers-color-scheme:dark){{{DARK}{dark}}}</style>",
        f'<rect class="paper" width="{width}" height="{height}" rx="6"/>', *lines, "</svg>\n",
    ])  # fmt: skip
