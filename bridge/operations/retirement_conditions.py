"""Conditions for retiring a fallback: hard ones, and the evidence of the tenant's logs.

The hard conditions cannot be overridden: Auth0 refuses the value, accepts the current one, and the fallback is old
enough. The evidence is advice that `force` overrides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.auth0.probe import Verdict
from bridge.evidence.asking import Question
from bridge.evidence.checkpoint import latest
from bridge.evidence.collect import investigate
from bridge.evidence.judge import REQUIRE, Evidence, Ignored, ignoring, lines
from bridge.execution.session import Session
from bridge.execution.snapshot import Snapshot
from bridge.model.errors import Failed, Refused
from bridge.operations.evidence import log_access
from bridge.operations.start import require_accepted
from bridge.planning.sink_record import promoted
from sinks.clock import span
from sinks.port import SinkState, Stage, Version
from sinks.secret import Secret
from sinks.versions import short

PROBES = 6
"""How often the fallback's value is probed. One refusal alone proves little."""
RESOLUTION = timedelta(seconds=1)
"""Resolution of the vaults' times."""


@dataclass(frozen=True)
class Conditions:
    """What must hold before a fallback may be retired.

    All times are the vaults'. The clock of this machine decides nothing here.
    """

    since: datetime
    """When the fallback stopped being current, by the vaults' time."""
    allowed_from: datetime
    """When the fallback is old enough."""
    now: datetime
    """The vaults' time of the check."""
    probes: int
    """How many probes were sent."""
    refused: int
    """How many of them Auth0 refused."""
    accepted: int
    """How many of them Auth0 accepted."""

    @property
    def old_enough(self) -> bool:
        """Whether every consumer had to show its secret since."""
        return self.now + RESOLUTION > self.allowed_from

    @property
    def met(self) -> bool:
        """Whether the fallback may be retired.

        Auth0 must have refused every probe, and there must have been at least one.
        """
        return self.old_enough and self.accepted == 0 and 0 < self.refused == self.probes


def conditions(sinks: tuple[SinkState, ...], min_age: timedelta, now: datetime, verdicts: list[Verdict]) -> Conditions:
    """Judge what was read and probed. Pure.

    `min_age` is the least age of a fallback. `verdicts` are the answers to all probes of its value.
    """
    # The latest sink counts: until then its readers had the fallback as their current value.
    since = max((moment for p in sinks if (moment := promoted(p, now))), default=now)
    return Conditions(
        since=since,
        allowed_from=since + min_age,
        now=now,
        probes=len(verdicts),
        refused=verdicts.count(Verdict.REFUSED),
        accepted=verdicts.count(Verdict.ACCEPTED),
    )


def judge(
    session: Session,
    snapshot: Snapshot,
    fallbacks: list[tuple[SinkState, Version]],
    *,
    ignored: tuple[Ignored, ...],
    force: bool,
) -> Evidence:
    """Probe both values, ask the tenant's logs, and return the evidence.

    Raises:
        Refused: a condition does not hold, or the evidence stands against it and `force` is not set.
        Failed: Auth0 did not say whether it refuses the value.
    """
    current = snapshot.sinks[0].value(Stage.CURRENT)
    if current is None:
        raise Refused(f"{snapshot.sinks[0].uri} holds no current value")
    # If Auth0 refuses the current value, the fallback may be the live one.
    require_accepted(session, snapshot, current, snapshot.sinks[0].uri)
    values: list[Secret] = []
    for state, _ in fallbacks:
        value = state.value(Stage.FALLBACK)
        if value is not None and value not in values:
            values.append(value)
    # By value and not by sink, because sinks usually share the fallback and each probe appears in the tenant's logs.
    verdicts = [session.auth0.probe(snapshot.client, value) for value in values for _ in range(PROBES)]
    judged = conditions(snapshot.sinks, session.settings.fallback_min_age, snapshot.at, verdicts)
    # Where the fallback's version is destroyed or pruned, nothing is left to probe. Its tag still has to go.
    may = judged.met or (not values and judged.old_enough)
    # Missing answers are no refusal. The exit status tells a script that trying again may help (ADR 14).
    if not may and verdicts.count(Verdict.UNKNOWN) and judged.old_enough and not judged.accepted:
        raise Failed("Auth0 did not say whether it refuses the fallback's value", "try again")
    # Asked even where a hard condition fails, so that one refusal names everything that is in the way.
    evidence = ignoring(_asked(session, snapshot, judged, may=may), ignored)
    if may and (force or not evidence.stands_against(session.settings.evidence)):
        return evidence
    told = _told(session, fallbacks, judged, evidence)
    raise Refused(told[0], _next(session, judged, evidence, may=may), more=told[1:])


def _asked(session: Session, snapshot: Snapshot, judged: Conditions, *, may: bool) -> Evidence:
    """Ask the logs. Late entries are awaited only as long as they can make a difference.

    With `may` False the retirement is refused in any case, so the logs are read once and not waited for.
    """
    patient = session.timing.patience if session.settings.evidence == REQUIRE else session.timing.proof
    patience = patient if may else timedelta()
    before = latest(state.noted for state in snapshot.sinks)
    # Other clients' evidence serves here only if its mark was sent after this client's vaults were read.
    question = Question(snapshot.client, judged.since, judged.now, snapshot.read, patience, before)
    return investigate(log_access(session), question)


def _next(session: Session, judged: Conditions, evidence: Evidence, *, may: bool) -> tuple[str, ...]:
    if not judged.old_enough:
        return ("run the same command then",)
    if not may:
        return ()
    away = "retiring would not make it worse, but takes rollback away"
    retire = session.client_ref.command("retire")
    anyway = f"{retire} --force --reason …"
    if not evidence.stale:
        return (f'what is not checked counts, because evidence = "{REQUIRE}"; find it out, or: {anyway}',)
    addresses = ", ".join(dict.fromkeys(source.address for source in evidence.stale))
    return (
        f"restarting {addresses} cures it, once it has not failed for {span(evidence.window)}; {away}",
        f"if it is none of yours: {retire} --ignore-source {evidence.stale[0].address} --reason …",
        f"in spite of it: {anyway}",
    )


def _told(
    session: Session, fallbacks: list[tuple[SinkState, Version]], judged: Conditions, evidence: Evidence
) -> list[str]:
    which = " / ".join(f"{short(v.id)} ({p.uri})" for p, v in fallbacks)
    age, least = judged.now - judged.since, session.settings.fallback_min_age
    # Up to the next second, so that the command is not given a moment too early.
    moment = judged.allowed_from.astimezone(UTC) + timedelta(microseconds=999_999)
    until = f" stays until {moment:%Y-%m-%d %H:%M:%SZ} ({span(judged.allowed_from - judged.now)} left)"
    refused = "yes" if judged.accepted == 0 else "NO: it still accepts the old value"
    rows = [
        ("age", f"{span(age)} (min {span(least)}): {'old enough' if judged.old_enough else 'too young'}"),
        ("refused by Auth0", f"{refused} ({judged.refused} of {judged.probes} probes)"),
        *lines(evidence),
    ]
    width = max(len(name) for name, _ in rows)
    return [
        f"fallback {which}{' must not go yet' if judged.old_enough else until}.",
        *(f"{name:<{width}}  {text}" for name, text in rows),
    ]
