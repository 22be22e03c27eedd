"""From an application's own words to the name of its client, and to what a rule's placeholders stand for. Pure.

Whoever may create or rename an application chooses these words. So a word that could lead to another path than the
rule's author meant is not used, and not mended either: the application is skipped, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.auth0.client import Client
from bridge.config.settings import PLACEHOLDER
from bridge.model.printable import printable

LONGEST = 64
"""The most characters of a name, and of a word that stands for a placeholder in a path."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]+")
_KEPT = re.compile(r"[A-Za-z0-9_.-]")
# What people write in names, and what means nothing in any path. Each run of it becomes one hyphen.
_BETWEEN = re.compile(r"[ ()\[\]&+,:;@'!|=-]+")


class Unnameable(Exception):
    """A word of an application cannot be used. The text says which, and why."""


def slug(application: str) -> str:
    """Return an application's name as a word for names and paths: `Web Shop (EU)` is `web-shop-eu`.

    It has a-z, 0-9, `_`, `.` and `-`, begins with a letter or a digit, and has no two dots in a row. Different
    applications may have the same one.

    Raises:
        Unnameable: the application's name has other characters, is too long, or nothing of it is left.
    """
    strange = sorted({each for each in application if not _KEPT.match(each) and not _BETWEEN.match(each)})
    if strange:
        listed = " ".join(printable(each) for each in strange[:5])
        raise Unnameable(f"its name has characters that no client's name may have: {listed}")
    return _word(_BETWEEN.sub("-", application).strip("-").lower(), "its name")


def client_name(template: str, client: Client) -> str:
    """Return the name of the client that an application becomes, by a rule's template for names.

    Raises:
        Unnameable: the application lacks what a placeholder stands for, or the name would not be a safe one.
    """
    return _word(rendered(template, "", client), "the client's name")


def rendered(template: str, name: str, client: Client) -> str:
    """Return a template with each placeholder replaced, for what becomes a path or a word of a command.

    `name` is the client's name.

    Raises:
        Unnameable: the application lacks what a placeholder stands for, or has it with characters that are not safe.
    """
    return PLACEHOLDER.sub(lambda found: _meant(found.group(1), name, client), template)


def rendered_text(template: str, name: str, client: Client) -> str:
    """Return a template with each placeholder replaced, for what only people read.

    Raises:
        Unnameable: the application lacks what a placeholder stands for, or it is not a line of text.
    """

    def line(found: re.Match[str]) -> str:
        word = found.group(1)
        if not word.startswith("metadata."):
            return _meant(word, name, client)
        text = _metadata(word, client.metadata)
        if not text.strip() or not text.isprintable() or len(text) > LONGEST:
            raise Unnameable(f"its {word} is not a line of at most {LONGEST} characters")
        return text

    return PLACEHOLDER.sub(line, template)


def _meant(placeholder: str, name: str, client: Client) -> str:
    if placeholder == "name":
        return name
    if placeholder == "application":
        return slug(client.name)
    if placeholder == "client_id":
        if not is_client_id(client.client_id):
            raise Unnameable("its client id has characters that no path may have")
        return client.client_id
    return _word(_metadata(placeholder, client.metadata), f"its {placeholder}")


def is_client_id(text: str) -> bool:
    """Return whether a text has the form of the client ids that Auth0 makes."""
    return len(text) <= LONGEST and _CLIENT_ID.fullmatch(text) is not None


def _metadata(placeholder: str, metadata: Mapping[str, str]) -> str:
    key = placeholder.removeprefix("metadata.")
    if key not in metadata:
        raise Unnameable(f"it has no {placeholder}, which the rule uses")
    return metadata[key]


def _word(text: str, what: str) -> str:
    if len(text) > LONGEST:
        raise Unnameable(f"{what} has more than {LONGEST} characters")
    if not _WORD.fullmatch(text) or ".." in text or text.endswith("."):
        wanted = "a letter or a digit first, then also _ - and single dots"
        raise Unnameable(f"{what} is '{printable(text)}', expected {wanted}")
    return text
