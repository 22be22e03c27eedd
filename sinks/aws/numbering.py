"""The ids of the bridge's versions of a secret, which are derived from a sequence number. Pure.

An id does not contain its number, so numbers are found by deriving ids. What was found is remembered for the secrets
that were read lately, because an operation reads each listing several times.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import uuid
from collections.abc import Iterable

GAP = 2000  # the search stops after so many numbers without a version. AWS keeps about 100 versions
REMEMBERED = 256  # secrets


@functools.lru_cache(maxsize=4096)  # each reading of a listing asks for the same ids
def version_id(arn: str, number: int) -> str:
    """Return the id of the bridge's n-th version of a secret.

    It is the uuid5 of the ARN and the number, so two processes that read the same listing derive the same next id.
    """
    return str(uuid.uuid5(_namespace(arn), str(number)))


@functools.lru_cache(maxsize=64)
def _namespace(arn: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, arn)


def first_id(name: str) -> str:
    """Return the id of the first version of a secret that does not exist yet, whose ARN is unknown.

    It is the uuid5 of the secret's name.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"secret-bridge:{name}"))


def numbers(arn: str, ids: Iterable[str]) -> dict[str, int]:
    """Return the number of each of the ids that is the bridge's.

    A version counts whose number is at most `GAP` above the one before it. The result depends on the ids alone, and on
    no earlier call.
    """
    return _search(arn).of(frozenset(ids))


class _Search:
    """What is known of the ids of one secret's latest listing."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._begun = hashlib.sha1(_namespace(arn).bytes, usedforsecurity=False)
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self._tried: dict[str, int] = {}  # up to which number an id was looked for and not found

    def of(self, ids: frozenset[str]) -> dict[str, int]:
        with self._lock:
            self._known = {each: number for each, number in self._known.items() if each in ids}
            self._tried = {each: number for each, number in self._tried.items() if each in ids}
            # What this process has just put has the next number.
            while (following := version_id(self._arn, self._top() + 1)) in ids - self._known.keys():
                self._known[following] = self._top() + 1
            # What is found may raise the bound for the others.
            while left := {each for each in ids - self._known.keys() if self._tried.get(each, 0) < self._top() + GAP}:
                self._try(left, self._top() + GAP)
            return self._counting()

    def _top(self) -> int:
        return max(self._counting().values(), default=0)

    def _counting(self) -> dict[str, int]:
        """Return the known ids, up to the first gap that is too wide."""
        found, highest = dict[str, int](), 0
        for number, version in sorted((number, version) for version, number in self._known.items()):
            if number > highest + GAP:
                break
            found[version] = highest = number
        return found

    def _try(self, left: set[str], bound: int) -> None:
        """Derive ids up to a number, as far as that was not done yet."""
        # By the first 12 digits, those of the hash: thousands of whole ids would take long to make.
        starts = {version[:8] + version[9:13] for version in left}
        for number in range(min(self._tried.get(each, 0) for each in left) + 1, bound + 1):
            each = self._begun.copy()
            each.update(b"%d" % number)
            if each.hexdigest()[:12] in starts and (version := version_id(self._arn, number)) in left:
                self._known[version] = number
        self._tried |= dict.fromkeys(left - self._known.keys(), bound)


@functools.lru_cache(maxsize=REMEMBERED)
def _search(arn: str) -> _Search:
    return _Search(arn)
