"""Asks Auth0 about the values that the sinks hold.

It takes no lock and writes nothing, so it may run at any time. During a change, its answers are those of one moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bridge.auth0.probe import Verdict
from bridge.execution.session import Session
from bridge.execution.snapshot import read
from bridge.planning.advice import NEXT, Trouble
from bridge.planning.status import Kind, Status, judge
from sinks.port import SinkState, Stage
from sinks.seal import SEAL_TAG
from sinks.sibling_keys import next_of, previous_of


@dataclass(frozen=True)
class Verified:
    """What Auth0 says about one sink. It should accept the current value and refuse the fallback's."""

    uri: str
    """The sink's URI."""
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
    inconsistent: bool = False
    """Whether the sibling keys are not what they should be."""
    changed: tuple[str, ...] = ()
    """Names of the tags that were changed by others, as far as their former text is known."""
    next: str | None = None
    """The command that the verdicts call for, where not everything is as it should be."""

    @property
    def good(self) -> bool:
        """Whether everything is as it should be.

        A probe without an answer counts as bad for either value.
        """
        return (
            not (self.inconsistent or self.changed)
            and self.current_verdict is Verdict.ACCEPTED
            and self.fallback_verdict in (None, Verdict.REFUSED)
        )


def _notes(state: SinkState) -> tuple[str, ...]:
    # The most serious problem first, because only one is shown for each sink.
    if state.value(Stage.CURRENT) is None:
        return ("it holds no value",)
    if state.contradicted:
        return (state.contradicted,)
    if _is_unsealed(state):
        return ("no seal holds over its tags; the next rotation seals them as well",)
    if state.differs and state.lock is None:
        return (f"somebody has changed {', '.join(state.differs)}; the next operation writes it again",)
    told = f"{next_of(state.key)} or {previous_of(state.key)} is not what it should be"
    return (told,) if state.inconsistent else ()


def _next(session: Session, seen: Status, state: SinkState, current: Verdict, fallback: Verdict | None) -> str | None:
    """Return the command for a sink that is not as it should be.

    What `status` finds wrong with the sinks comes first, because the verdicts may follow from it.
    """
    if seen.kind is Kind.IN_PROGRESS:
        return session.client_ref.command("verify")  # when it has ended
    if seen.kind not in (Kind.OK, Kind.EXCEPTED, Kind.DUE, Kind.FALLBACK_OVERDUE):
        return seen.next
    if Verdict.UNKNOWN in (current, fallback) or (current, fallback) == (Verdict.ACCEPTED, Verdict.ACCEPTED):
        return session.client_ref.command("verify")  # there was no answer, or a change still spreads
    trouble = Trouble.UNSEALED if state.contradicted or _is_unsealed(state) else Trouble.DRIFT
    if state.differs:  # wiped tags as well: the record is then read from where the vault remembers it
        trouble = Trouble.WIPED
    return session.client_ref.command(NEXT[trouble])


def _is_unsealed(state: SinkState) -> bool:
    return state.record is not None and state.record.former is None and not (state.lock or state.drifted)


def _changed(state: SinkState) -> tuple[str, ...]:
    if _is_unsealed(state):
        return (SEAL_TAG,)
    # While a lock is held the tags may be ahead of the document, so differences mean nothing.
    differs = state.differs if state.lock is None else ()
    return (*differs, *(("bridge_fallback",) if state.contradicted else ()))


def verify(session: Session) -> tuple[Verified, ...]:
    """Probe the current and the fallback value of every sink. Nothing is changed.

    Raises:
        BridgeError: a sink or the client cannot be read.
    """
    snapshot = read(session)
    seen = judge(session.settings, session.client_ref, snapshot.sinks)
    found = []
    for state in snapshot.sinks:
        values = {stage: state.value(stage) for stage in (Stage.CURRENT, Stage.FALLBACK)}
        # One probe each: this reports what Auth0 says now, and does not prove that a change has spread.
        verdicts = {s: session.auth0.probe(snapshot.client, v) if v else Verdict.UNKNOWN for s, v in values.items()}
        version = {s: v.id if (v := state.history.at(s)) else None for s in values}
        latest = state.history.versions[-1].id if state.history.versions else None
        of_fallback = verdicts[Stage.FALLBACK] if version[Stage.FALLBACK] else None
        told = Verified(
            state.uri,
            version[Stage.CURRENT] or latest,
            verdicts[Stage.CURRENT],
            version[Stage.FALLBACK],
            of_fallback,
            _notes(state),
            state.inconsistent,
            _changed(state),
        )
        following = None if told.good else _next(session, seen, state, told.current_verdict, of_fallback)
        found.append(replace(told, next=following))
    return tuple(found)
