"""Versions and their stages. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """The stage of a version in its life.

    A stage in `UNIQUE` belongs to one version at most.
    """

    PENDING = "pending"
    """Stored, and not current yet."""
    CURRENT = "current"
    """The value that readers get."""
    FALLBACK = "fallback"
    """The value that was current before."""
    RETIRED = "retired"
    """Ended: it is no candidate any more."""


ALLOWED: dict[Stage, frozenset[Stage]] = {
    Stage.PENDING: frozenset({Stage.CURRENT, Stage.RETIRED}),  # given back: it never became current
    Stage.CURRENT: frozenset({Stage.FALLBACK}),  # never retired directly
    Stage.FALLBACK: frozenset({Stage.CURRENT, Stage.RETIRED}),  # a rollback, or its end
    Stage.RETIRED: frozenset(),  # nothing comes back from here
}
"""The only moves between stages. A rollback writes a new version, so `FALLBACK -> CURRENT` is a carry-over."""


def short(version: str) -> str:
    """Return a version's id in short form, for messages.

    Vault's numbers become "v7". Of AWS's ids the first eight digits stay.
    """
    return f"v{version}" if version.isdigit() else f"{version[:8]}…"


UNIQUE = (Stage.PENDING, Stage.CURRENT, Stage.FALLBACK)
"""The stages that at most one version holds."""


class InvalidHistory(ValueError):
    """A history that is impossible.

    Two versions are at one unique stage, an id occurs twice, or a move is not in `ALLOWED`.
    """


@dataclass(frozen=True)
class Version:
    """One stored value, by the vault's own id. It names a value and never holds it.

    `stage` is None for a foreign version, which has no part in a rotation.
    """

    id: str
    stage: Stage | None = None
    created: datetime | None = None
    readable: bool = True


@dataclass(frozen=True)
class History:
    """The versions of one sink, oldest first.

    Raises:
        InvalidHistory: an id occurs twice, or two versions hold the same unique stage.
    """

    versions: tuple[Version, ...] = ()

    def __post_init__(self) -> None:
        ids = [v.id for v in self.versions]
        if len(set(ids)) != len(ids):
            raise InvalidHistory(f"a version stands twice among {', '.join(ids)}")
        for stage in UNIQUE:
            ids = [v.id for v in self.versions if v.stage is stage]
            if len(ids) > 1:
                raise InvalidHistory(f"{' and '.join(ids)} are both {stage}")

    def at(self, stage: Stage) -> Version | None:
        """Return the version that holds a unique stage, or None.

        `Stage.RETIRED` is not unique. For it the oldest version is returned.
        """
        return next((v for v in self.versions if v.stage is stage), None)

    def get(self, version_id: str) -> Version:
        """Return one version by its id.

        Raises:
            KeyError: there is no such version.
        """
        for version in self.versions:
            if version.id == version_id:
                return version
        raise KeyError(version_id)

    def added(self, version: Version) -> History:
        """Return a history with one more version at its end.

        Raises:
            InvalidHistory: its id or its unique stage is taken.
        """
        return History((*self.versions, version))

    def moved(self, *moves: tuple[str, Stage]) -> History:
        """Return a history after several moves that happen at once.

        Raises:
            InvalidHistory: a move is not in `ALLOWED`, or two versions would hold one unique stage.
            KeyError: there is no such version.
        """
        # All moves at once: current and fallback change together, and either one alone would be an invalid history.
        wanted = dict(moves)
        for version_id, stage in moves:
            present = self.get(version_id).stage
            if present is not None and stage is not present and stage not in ALLOWED[present]:
                raise InvalidHistory(f"{version_id}: {present} cannot become {stage}")
        return History(tuple(replace(v, stage=wanted.get(v.id, v.stage)) for v in self.versions))
