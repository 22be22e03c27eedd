"""Asks Auth0 about the values that the places hold."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.auth0.probe import Verdict
from bridge.execution.session import Job
from bridge.execution.snapshot import read
from sinks.companions import next_of, previous_of
from sinks.port import Place, Stage
from sinks.seal import SEAL_TAG


@dataclass(frozen=True)
class Verified:
    """What Auth0 says about one place. It should accept the current value and refuse the fallback's."""

    uri: str
    """The place's URI."""
    current: str | None
    """Id of the current version, or of the latest one where none is current."""
    current_verdict: Verdict
    """Auth0's answer on the current value."""
    fallback: str | None = None
    """Id of the fallback's version, or None."""
    fallback_verdict: Verdict | None = None
    """Auth0's answer on the fallback's value. None where there is no fallback."""
    notes: tuple[str, ...] = ()
    """What the user should know."""
    astray: bool = False
    """Whether the companions are not what they should be."""
    changed: tuple[str, ...] = ()
    """Names of the tags that were changed by others, as far as their former text is known."""

    @property
    def good(self) -> bool:
        """Whether everything is as it should be."""
        return (
            not (self.astray or self.changed)
            and self.current_verdict is Verdict.ACCEPTED
            and self.fallback_verdict in (None, Verdict.REFUSED)
        )


def _notes(job: Job, place: Place) -> tuple[str, ...]:
    if place.value(Stage.CURRENT) is None:
        return ("it holds no value",)
    if place.contradicted:
        return (f"{place.contradicted}: {job.whose.command('adopt')} --repair",)
    if _is_unsealed(place):
        return (f"no seal holds over its tags; the next rotation seals them, or {job.whose.command('adopt')} --repair",)
    if place.differs and place.lock is None:
        return (f"somebody has changed {', '.join(place.differs)}; the next operation writes it again",)
    beside = f"{next_of(place.key)} or {previous_of(place.key)}"
    told = f"{beside} is not what it should be: {job.whose.command('sync')} mends that"
    return (told,) if place.astray else ()


def _is_unsealed(place: Place) -> bool:
    return place.record is not None and place.record.former is None and not (place.lock or place.drifted)


def _changed(place: Place) -> tuple[str, ...]:
    if _is_unsealed(place):
        return (SEAL_TAG,)
    differs = place.differs if place.lock is None else ()
    return (*differs, *(("bridge_fallback",) if place.contradicted else ()))


def verify(job: Job) -> tuple[Verified, ...]:
    """Probe the current and the fallback value of every place. Nothing is changed.

    Raises:
        BridgeError: a place or the client cannot be read.
    """
    seen = read(job)
    found = []
    for place in seen.places:
        values = {stage: place.value(stage) for stage in (Stage.CURRENT, Stage.FALLBACK)}
        verdicts = {s: job.auth0.probe(seen.client, v) if v else Verdict.UNKNOWN for s, v in values.items()}
        version = {s: v.id if (v := place.history.at(s)) else None for s in values}
        latest = place.history.versions[-1].id if place.history.versions else None
        found.append(
            Verified(
                place.uri,
                version[Stage.CURRENT] or latest,
                verdicts[Stage.CURRENT],
                version[Stage.FALLBACK],
                verdicts[Stage.FALLBACK] if version[Stage.FALLBACK] else None,
                _notes(job, place),
                place.astray,
                _changed(place),
            )
        )
    return tuple(found)
