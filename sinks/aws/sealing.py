"""The seal of one secret: whether it is valid when read, and when it must be written again.

AWS has no copy of the tags. So a seal is a proof only until an operation puts a version after it. The lock holder seals
the sink again, at the latest before the release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sinks.aws.grip import mark_of
from sinks.seal import CLIENT, NOTHING, SEAL_TAG, Said, Where, doubted, said
from sinks.versions import History, Stage

if TYPE_CHECKING:
    from sinks.aws.access import Access
    from sinks.aws.listing import Listing
    from sinks.secret import Secret
    from sinks.state import SinkState

GONE = "its fallback is tagged, or labelled, on a version that the seal does not name"


class Sealing:
    """What a secret shall say about itself. `current` is the value that the seal is made with.

    It lives through one operation: `begin` at the claim, `tags` at each write of tags, `due` before the release.
    """

    def __init__(self, uri: str, key: str | None, access: Access) -> None:
        self._where = Where(uri, key)
        self._access = access
        self._told = NOTHING
        self._current: Secret | None = None
        self._puts = -1  # how many versions this process had put at its last seal

    def read(self, state: SinkState) -> SinkState:
        """Return the state with the result of the seal, and with the fallback that the seal names.

        The values of `state` must have been read. While something is pending, or after a later version, the seal names
        an unproven fallback at most.
        """
        mark = mark_of(state)
        top = mark.listing.top(mark.described.arn)
        found = said(mark.described.tags, self._where, state.value(Stage.CURRENT))
        pending = mark.listing.pending is not None
        if pending or found.sequence < top:  # nothing proves that these are the latest tags
            found = replace(found, former=doubted(found.former))
        record = replace(state.record, former=None if pending else found.former) if state.record else None
        state = replace(state, record=record, snapshot=replace(mark, said=found if record else NOTHING))
        return state if pending or found.former is None else self._by_value(state, found, mark.listing)

    def _by_value(self, state: SinkState, found: Said, listing: Listing) -> SinkState:
        pinned, value, salt = state.history.at(Stage.FALLBACK), state.value(Stage.FALLBACK), found.tags[CLIENT]
        if value.fingerprint(salt) == found.fallback if value else not (found.fallback or pinned):
            return state
        version, known = self._find(found, listing)
        values = dict(state.values)
        values.pop(Stage.FALLBACK, None)
        if known:
            values[Stage.FALLBACK] = known
        wrong = GONE if pinned and version is None else ""
        return replace(
            state,
            values=values,
            history=_pinned(state.history, version),
            differs=("FALLBACK",) if version else (),
            contradicted=wrong,
            stale=bool(found.fallback) and not found.is_soft_deleted and version is None,
            notes=(*state.notes, *((wrong,) if wrong else ())),
        )

    def _find(self, found: Said, listing: Listing) -> tuple[str | None, Secret | None]:
        if found.fallback and not found.is_soft_deleted:
            # Labels are hints: whoever may label can pin FALLBACK on any version.
            for version in listing.likeliest():
                value = self._access.value(version, self._where.key) if version != listing.current else None
                if value and value.fingerprint(found.tags[CLIENT]) == found.fallback:
                    return version, value
        return None, None

    def begin(self, state: SinkState) -> None:
        """Remember what a sink says at the start of a claim or takeover.

        A valid seal is due for renewal from then on, because the claim puts a version after it.
        """
        self._told, self._current, self._puts = mark_of(state).said, state.value(Stage.CURRENT), -1

    def forget(self) -> None:
        """Remember that the sink says nothing any more.

        No seal is due from then on.
        """
        self._told = NOTHING

    def end(self) -> None:
        """Remember that there is no fallback any more.

        The next seal says so. One is due from then on, if there was one.
        """
        if self._told.former:
            self._told, self._puts = replace(self._told, former=""), -1

    @property
    def fallback(self) -> str:
        """The fingerprint of the fallback that the seal shall name.

        Empty: there is none, or no seal.
        """
        return self._told.fallback

    @property
    def due(self) -> bool:
        """Whether the seal must be written again, because versions were put or the fallback ended since."""
        return self._told.former is not None and self._current is not None and self._puts != self._access.puts

    def tags(
        self, changes: Mapping[str, str], top: int, *, current: Secret | None = None, former: str | None = None
    ) -> dict[str, str]:
        """Return the tags to write with these changes, with a new seal over them.

        `current` is the value from now on, with `former` as its fallback (`Record.former`). None: both stay.
        """
        if current is not None:
            self._current, self._told = current, replace(self._told, former=former)
        sequence = max(top, self._told.sequence)  # AWS removes old versions, so the highest number may fall
        self._told = self._told.changed(changes, self._where, self._current, sequence, self._told.former)
        self._puts = self._access.puts
        # Without a seal before, there is none now: it would prove what nobody has checked.
        return {**changes, **self._told.tags} if SEAL_TAG in self._told.tags else dict(changes)


def _pinned(history: History, version: str | None) -> History:
    free = (replace(v, stage=None if v.stage is Stage.FALLBACK else v.stage) for v in history.versions)
    return History(tuple(replace(v, stage=Stage.FALLBACK) if v.id == version else v for v in free))
