"""The metadata of many documents in a few requests, by a listing that OpenBao has and HashiCorp's Vault has not.

An entry of that listing is the same as the answer about one key, so `sinks.vault.state.surveyed` makes the same state
of it. Whatever is missing, odd, or changed while it was listed is left out, and is then surveyed by itself. A folder
may hold far more than our documents. It is listed only where enough of it is ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sinks.errors import Denied, Refused, SinkError
from sinks.vault.errors import Missing
from sinks.vault.responses import meta_in
from sinks.vault.rights import LEAST
from sinks.vault.state import surveyed

if TYPE_CHECKING:
    from sinks.state import SinkState
    from sinks.vault.api import Kv

LOG = logging.getLogger(__name__)
SHARE = 8
"""How many names a folder may have for each of our documents, which has two: its own, and its lock key's."""
PAGE = 500
"""How many names are listed at a time."""
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer. A document and its lock key have some kilobytes of metadata."""
RECENT = timedelta(seconds=5)
"""What changed so shortly before the listing may have changed during it. Dates of HTTP have whole seconds."""
ODD = (KeyError, TypeError, AttributeError, ValueError, RecursionError)
"""What is raised for an answer of another form."""


class Unlisted(SinkError):
    """A folder may not be listed, or only at too great a cost."""


@dataclass(frozen=True)
class Folder:
    """The documents of ours in one folder of one mount, by their names below the folder."""

    mount: str
    name: str
    documents: tuple[str, ...]
    suffix: str

    @property
    def deep(self) -> bool:
        """Whether the lock keys are in folders below this one."""
        return "/" in self.suffix


def states(vault: str, paths: Iterable[str], suffix: str, kv: Kv) -> dict[str, SinkState]:
    """Return the states of sinks by their URIs, for as many as the server tells at once.

    Nothing is raised: a server without the listing, or a token without the right, tells of none.
    """
    found: dict[str, SinkState] = {}
    for first, names in _folders(paths).items():
        uri = f"{vault}://{first}"
        try:
            mount, name = kv.located(f"{first}/{names[0]}")
            folder = Folder(mount, name.rpartition("/")[0], names, suffix)
            found |= {f"{uri}/{name}": state for name, state in _surveyed(uri, folder, kv)}
        except SinkError as error:
            LOG.debug("%s is not listed: %s", uri, error.message)
            # What is wrong with the server or the login is so for each folder, and may take long to show.
            if not isinstance(error, (Missing, Refused, Unlisted)):
                break
    return found


def _folders(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of our documents by folder, for the folders that have enough of them."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, []).append(name)
    return {folder: tuple(names) for folder, names in found.items() if len(names) >= LEAST}


def _surveyed(uri: str, folder: Folder, kv: Kv) -> Iterator[tuple[str, SinkState]]:
    first = f"{folder.mount}/{folder.name}/" if folder.name else f"{folder.mount}/"
    config = kv.config(first + folder.documents[0])
    began = kv.now() - RECENT
    try:
        told = _told(folder, kv)
    except ODD as error:
        raise Unlisted(f"the answer has another form ({type(error).__name__})") from None
    except Denied as error:
        raise Unlisted(error.message) from None
    at = kv.now()
    for name in folder.documents:
        # A name that is not told may be hidden from this token, so that nothing is known of it.
        with suppress(*ODD):
            document, lock = told[name], told[name + folder.suffix]
            # The two may have been read at different moments, which shows only if one of them changed since.
            if max(*_changes(document), *_changes(lock)) < began:
                yield name, surveyed(f"{uri}/{name}", at, config, meta_in(document), meta_in(lock))


def _changes(told: Mapping[str, Any]) -> Iterator[datetime]:
    """Yield when a key's metadata changed, as far as they tell.

    A destroyed version leaves no time. It is destroyed by an operation, whose claim and release leave theirs.
    """
    yield datetime.fromisoformat(told["updated_time"])
    yield from meta_in(told).deleted.values()


def _told(folder: Folder, kv: Kv) -> dict[str, Any]:
    """Return what the server tells of the folder's documents and their lock keys, by their names below it."""
    names, told = _listed(folder, kv)
    if not folder.deep:
        return told
    # Scanning has no pages, and goes into every folder. What is below one that is none of a document's may be anything.
    strange = {name for name in names if name.endswith("/")} - {f"{name}/" for name in (*names, *folder.documents)}
    if strange:
        raise Unlisted("there are other folders in it")
    return told | _entries(kv.details(folder.mount, folder.name, most=LARGEST, scan="true"))[1]


def _listed(folder: Folder, kv: Kv) -> tuple[set[str], dict[str, Any]]:
    """Return the names in the folder, and what is told of ours.

    Raises:
        Unlisted: too few of its names are ours, or its pages do not end.
    """
    names: set[str] = set()
    told: dict[str, Any] = {}
    wanted = {name + end for name in folder.documents for end in ("", *(() if folder.deep else (folder.suffix,)))}
    after = ""
    while True:
        page, entries = _page(folder, kv, after)
        names.update(page)
        told |= {name: entries[name] for name in wanted & entries.keys()}
        if len(names) > SHARE * len(folder.documents):
            raise Unlisted("too few of its names are ours")
        if page and min(page) <= after:
            raise Unlisted("a page begins again")
        # All names are needed before a scan. An older server does not know the limit, and tells all at once.
        if len(page) != PAGE or (not folder.deep and wanted <= names):
            return names, told
        after = page[-1]


def _page(folder: Folder, kv: Kv, after: str) -> tuple[list[str], dict[str, Any]]:
    more = {"after": after} if after else {}
    try:
        return _entries(kv.details(folder.mount, folder.name, most=LARGEST, list="true", limit=str(PAGE), **more))
    except Missing:
        if not after:
            raise
        return [], {}  # the page before was the last one


def _entries(data: Any) -> tuple[list[str], dict[str, Any]]:
    """Return the names in a listing, and what it tells of them.

    Raises:
        TypeError: it has another form.
    """
    names, told = data["keys"], data["key_info"]
    if not isinstance(names, list) or not isinstance(told, dict) or not all(isinstance(name, str) for name in names):
        raise TypeError
    return names, told
