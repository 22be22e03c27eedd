"""Builds HTML in Python. Every text is escaped unless it is an `Html`."""

from __future__ import annotations

from html import escape

from bridge.model.printable import printable


class Html(str):
    """A text that is HTML already, so it is not escaped again.

    Wrap only text that holds no foreign markup: constants, or the results of this module's functions.
    """

    __slots__ = ()


def text(value: str) -> Html:
    """Return a text as HTML that displays exactly this text.

    Names, owners and reasons come from metadata that others may write, so they must not become markup.
    """
    return value if isinstance(value, Html) else Html(escape(printable(value)))


def joined(*parts: str) -> Html:
    """Concatenate parts.

    A part that is not `Html` is escaped. So forgetting to escape is not possible, and only
    wrapping in `Html` can be wrong.
    """
    return Html("".join(map(text, parts)))


def tag(name: str, *parts: str, **attributes: str) -> Html:
    """Return an element with escaped content and attributes.

    In the name of an attribute, a trailing `_` is dropped (`class_`), and every other `_` becomes `-` (`data_kind`).
    """
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{joined(*parts)}</{name}>")
