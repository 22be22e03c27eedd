"""HTML from Python: every text is escaped unless it is HTML already."""

from __future__ import annotations

from html import escape


class Html(str):
    """A text that is HTML; only `tag` and `joined` make it."""

    __slots__ = ()


def text(value: str) -> Html:
    """Return a text as HTML that shows just this text."""
    return value if isinstance(value, Html) else Html(escape(value))


def joined(*parts: str) -> Html:
    """Put parts after each other; those that are not HTML are escaped."""
    return Html("".join(map(text, parts)))


def tag(name: str, *parts: str, **attributes: str) -> Html:
    """Return an element. Of an attribute's name a final `_` is dropped, and each other one is written `-`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{joined(*parts)}</{name}>")
