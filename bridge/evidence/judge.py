"""Judges which consumers still fail with an old value, as far as the tenant's logs show. Pure.

Auth0's logs never say which secret was sent. After a change has spread, a source that fails with the client's id has an
old value, or a wrong one, or is a stranger. Client ids are public, so only a source that had succeeded before the
change is a known consumer and counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bridge.auth0.logs import Exchange
from bridge.model.errors import Usage
from sinks.record import stamp

ADVISORY, REQUIRE = "advisory", "require"
Key = tuple[str, str]
"""A source: its address and its agent, as the logs name them."""


@dataclass(frozen=True)
class Source:
    """One address and agent that failed since the change.

    An address may cover several instances, behind a NAT for example. Auth0's logs show no more.
    """

    address: str
    """Its address, as the logs name it."""
    agent: str
    """Its agent, as the logs name it."""
    failures: int
    """How often it failed since the change."""
    first: datetime
    """When it first failed since the change."""
    last: datetime
    """When it failed last."""
    # Successes before the change make a source a consumer. Later ones may be another instance's.
    known_until: datetime | None = None
    """When it last succeeded before the change. None for a stranger."""
    back: datetime | None = None
    """When it last succeeded after its last failure, where that was asked."""
    ignored: bool = False
    """Whether the user vouches for it."""

    @property
    def known(self) -> bool:
        """Whether the source is one of the client's consumers.

        It is one if it succeeded before the change. Client ids are public, so a failure alone proves nothing.
        """
        return self.known_until is not None


@dataclass(frozen=True)
class Evidence:
    """What is known about the failures of a client since its last change.

    It is a judgement about the past. Whether the fallback may go is decided by `stands_against` and by hard conditions.
    """

    change: datetime
    """The time of the last change."""
    at: datetime
    """The time for which the evidence holds."""
    window: timedelta
    """A known consumer whose last failure is younger than this still has an old value."""
    sources: tuple[Source, ...] = ()
    """The sources that failed since the change."""
    unknown: tuple[str, ...] = ()
    """What could not be found out, as ends of the sentence "not checked: …"."""
    gaps: bool = False
    """Whether known consumers may have failed and be missing in `sources`."""
    notes: tuple[str, ...] = ()
    """What the judgement assumes."""

    @property
    def stale(self) -> tuple[Source, ...]:
        """The known consumers that still fail, without those that the user chose to ignore.

        One that failed within the window counts, even after a success: that may be another instance's.
        """
        return tuple(s for s in self.sources if s.known and not s.ignored and s.last > self.at - self.window)

    @property
    def cured(self) -> tuple[Source, ...]:
        """The known consumers that failed after the change, but not within the window."""
        return tuple(s for s in self.sources if s.known and not s.ignored and s.last <= self.at - self.window)

    @property
    def strangers(self) -> tuple[Source, ...]:
        """The sources that never succeeded before the change, as far as the log reaches back."""
        return tuple(s for s in self.sources if not s.known and not s.ignored)

    def stands_against(self, mode: str) -> bool:
        """Return whether a retirement has to wait.

        It waits for a known consumer that still fails. With `require` it also waits for whatever is not known.
        """
        # Strangers never count. Client ids are public, so any stranger could block a retirement by failing.
        return bool(self.stale) or (mode == REQUIRE and bool(self.unknown))


@dataclass(frozen=True)
class Ignored:
    """A source that the user vouches for: an address or a network, and perhaps an agent.

    The user's word is recorded with the reason.
    """

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    agent: str = ""

    @classmethod
    def parse(cls, text: str) -> Ignored:
        """Read "ADDRESS", "ADDRESS/BITS", or either followed by a space and the agent.

        Raises:
            Usage: the text has none of these forms.
        """
        address, _, agent = text.strip().partition(" ")
        try:
            return cls(ipaddress.ip_network(address, strict=False), agent.strip())
        except ValueError:
            raise Usage(
                f"--ignore-source: found '{text}', expected an address (10.2.3.4), a network (10.2.3.0/24), "
                "or either followed by a space and the agent"
            ) from None

    def covers(self, source: Source) -> bool:
        """Return whether the user vouches for this source. Without an agent, all agents at the address are covered."""
        try:
            # The log may name no address, or something that is none.
            inside = ipaddress.ip_address(source.address) in self.network
        except ValueError:
            return False
        return inside and self.agent in ("", source.agent)


@dataclass
class Tally:
    """Failures since the change, counted by source.

    It grows while the logs are read. `latest_first` returns the result.
    """

    sources: dict[Key, Source] = field(default_factory=dict)

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> Tally:
        """Count what failed because of its secret. The bridge's own probes never count."""
        tally = cls()
        for exchange in exchanges:
            # The bridge fails on purpose when it probes an old value.
            if exchange.refused and not exchange.ours:
                tally._count(exchange)
        return tally

    def _count(self, exchange: Exchange) -> None:
        key, at = (exchange.address, exchange.agent), exchange.at
        seen = self.sources.get(key) or Source(*key, 0, at, at)
        self.sources[key] = replace(
            seen, failures=seen.failures + 1, first=min(seen.first, at), last=max(seen.last, at)
        )

    def known(self, until: Mapping[Key, datetime]) -> None:
        """Note which sources had succeeded before the change, and when they last did.

        Sources without an entry keep what is known of them.
        """
        for key, source in self.sources.items():
            self.sources[key] = replace(source, known_until=until.get(key, source.known_until))

    def latest_first(self) -> tuple[Source, ...]:
        """Return the sources, ordered by their last failure, the latest first."""
        return tuple(sorted(self.sources.values(), key=lambda source: source.last, reverse=True))


def ignoring(evidence: Evidence, ignored: tuple[Ignored, ...]) -> Evidence:
    """Return the evidence with those sources marked that the user vouches for.

    Marked sources stay in the evidence, so that the user sees what was ignored.
    """
    marked = (replace(s, ignored=any(each.covers(s) for each in ignored)) for s in evidence.sources)
    return replace(evidence, sources=tuple(marked))


def told(source: Source) -> str:
    """Return a source in words.

    Times are to the minute, in UTC. They say what the log shows, and not which secret was sent.
    """
    times = f"{source.failures} failure{'s' if source.failures != 1 else ''}"
    words = f"{source.address or 'no address'} {source.agent or 'no agent'}: {times}, first {minute(source.first)}"
    words += f", last {minute(source.last)}"
    if source.known_until:
        words += f"; succeeded until {minute(source.known_until)}"
    if source.back:
        words += f", again at {minute(source.back)}"
    return words


def minute(moment: datetime) -> str:
    """Return a time as text, to the minute.

    It looks like `2026-11-23T02:14Z`.
    """
    return f"{stamp(moment)[:16]}Z"


def lines(evidence: Evidence, *, most: int = 5) -> list[tuple[str, str]]:
    """Return the evidence as pairs of a question and its answer.

    At most `most` sources of a kind are listed, and the others are counted.
    """
    stale, strangers = evidence.stale, evidence.strangers
    found = _counted("known consumers still on it", "YES", stale, most)
    if not stale:
        # With gaps in the log, "none" would claim too much.
        last = max((source.last for source in evidence.cured), default=None)
        since = f" since {minute(last)}" if last else ""
        found = [("known consumers still on it", f"none{' found' if evidence.gaps else ''}{since}")]
    found += _counted("cured", str(len(evidence.cured)), evidence.cured, most)
    found += _counted("strangers (not counted)", str(len(strangers)), strangers, most)
    ignored = tuple(source for source in evidence.sources if source.ignored)
    found += _counted("ignored, as asked", str(len(ignored)), ignored, most)
    found += [("not checked", text) for text in evidence.unknown]
    return found + [("", text) for text in evidence.notes]


def _counted(name: str, answer: str, sources: tuple[Source, ...], most: int) -> list[tuple[str, str]]:
    if not sources:
        return []
    shown = [(name if not number else "", told(source)) for number, source in enumerate(sources[:most])]
    shown[0] = (name, f"{answer}   {shown[0][1]}")
    return shown + ([("", f"and {len(sources) - most} more")] if len(sources) > most else [])


def summary(evidence: Evidence) -> tuple[str, ...]:
    """Return the evidence as notes of a plan."""
    return tuple(f"{name}: {text}" if name else text for name, text in lines(evidence, most=2))
