"""`evidence --record`: for logs that forget sooner than a retirement may come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.evidence.checkpoint import EPOCH, Checkpoint, Remembered, digest_of, latest, summed_up
from bridge.evidence.judge import REQUIRE
from bridge.execution.session import Session
from bridge.model.errors import Refused
from bridge.operations.evidence import evidence_of
from tests.e2e.command import on
from tests.e2e.world import DAY, MakeWorld
from tests.unit.evidence.tenancy import BILLING, HOUR, MAILER, Tenancy

RETENTION = DAY


def record(session: Session) -> None:
    evidence_of(session, record=True)


def daily(tenancy: Tenancy, days: int) -> None:
    """Let days pass in a tenant that forgets after one, recording twice on each of them."""
    for _ in range(2 * days):
        tenancy.world.clock.advance(12 * HOUR)
        record(tenancy.world.session())


@pytest.fixture
def short(make_hasty: MakeWorld) -> Tenancy:
    """A tenant whose log keeps a day, watched for two days before the change."""
    return Tenancy.of(make_hasty, retention=RETENTION, watch=record)


def test_with_checkpoints_nothing_is_unknown_although_the_log_forgets(short: Tenancy) -> None:
    daily(short, 2)
    assert short.evidence().unknown == ()
    assert short.retire(evidence=REQUIRE) is not None


def test_without_checkpoints_it_is(make_world: MakeWorld) -> None:
    tenancy = Tenancy.of(make_world, retention=RETENTION)
    tenancy.world.clock.advance(2 * DAY)
    assert tenancy.evidence().unknown != ()


def test_a_consumer_is_known_by_a_success_that_the_log_forgot(short: Tenancy) -> None:
    daily(short, 2)
    assert not short.asks(BILLING)
    short.world.clock.advance(timedelta(minutes=1))
    with pytest.raises(Refused, match=f"YES   127.0.0.1 {BILLING}"):
        short.retire()


def test_a_failure_that_the_log_forgot_counts_within_the_window(short: Tenancy) -> None:
    short.world.clock.advance(DAY)
    assert not short.asks(MAILER)
    daily(short, 2)
    digest = digest_of(("127.0.0.1", MAILER), short.world.client_id)
    (stale,) = short.evidence(fallback_min_age=3 * DAY).stale
    assert stale.address == f"recorded:{digest}"
    assert short.evidence(fallback_min_age=DAY).stale == ()


def test_a_gap_between_checkpoint_and_log_is_not_bridged(short: Tenancy) -> None:
    short.world.clock.advance(3 * DAY)
    assert any("who succeeded before" in text for text in short.evidence().unknown)


def test_a_checkpoint_is_in_every_place_holds_no_address_and_goes_with_the_tags(short: Tenancy) -> None:
    on(short.world, "evidence", "--record")
    for place in short.world.sinks:
        tags = {name: text for name, text in place.see().tags.items() if name.startswith("bridge_note_")}
        assert tags
        assert "127.0.0.1" not in str(tags)
        assert "billing" not in str(tags)
    assert latest(sink.survey().noted for sink in short.world.session().sinks.values()) is not None
    assert on(short.world, "forget").status == 0
    assert not any("bridge_note" in str(place.see().tags) for place in short.world.sinks)


def test_what_does_not_fit_is_said() -> None:
    at = EPOCH + timedelta(days=2400)
    sources = {f"{n:08x}": Remembered(at, at + timedelta(minutes=n), at) for n in range(60)}
    notes = Checkpoint(at, at + DAY, sources).notes()
    assert all(text is None or len(text) <= 256 for text in notes.values())
    read = Checkpoint.of({name: text for name, text in notes.items() if text})
    assert read is not None
    assert not read.complete
    assert set(read.sources) == {f"{n:08x}" for n in range(12, 60)}
    assert read.sources[f"{59:08x}"] == sources[f"{59:08x}"]


@pytest.mark.parametrize("notes", [{}, {"seen": "x"}, {"seen": "1 2 all", "sources0": "abc"}, {"seen": "1 - all"}])
def test_what_cannot_be_read_is_no_checkpoint(notes: dict[str, str]) -> None:
    assert Checkpoint.of(notes) is None


def test_it_is_summed_up_for_reports_where_it_was_made_after_the_change() -> None:
    at = EPOCH + timedelta(days=2400)
    sources = {"a": Remembered(at, at, at + HOUR), "b": Remembered(at, at)}
    checkpoint = Checkpoint(at - DAY, at + DAY, sources)
    assert summed_up(checkpoint, at) == (
        (
            "1 of 2 known consumers failed since the change, last 2026-07-28T01:00Z; "
            "the logs were looked at until 2026-07-29T00:00Z"
        ),
    )
    assert summed_up(checkpoint, at + 2 * DAY) is None
    assert summed_up(None, at) is None
