"""A retirement waits for consumers that are known, for nobody else, and says what it could not find out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from bridge.auth0 import logs
from bridge.auth0.probe import Verdict
from bridge.evidence.judge import REQUIRE
from bridge.model.errors import Refused
from bridge.operations.retirement_conditions import PROBES, conditions
from tests.e2e.world import DAY, SCOPES, MakeWorld
from tests.unit.evidence.tenancy import AUDIENCE, BILLING, HOUR, LOGS, MAILER, Tenancy


def test_a_stale_consumer_is_named_and_blocks_until_it_is_cured_and_the_window_has_passed(tenancy: Tenancy) -> None:
    world = tenancy.world
    world.clock.advance(DAY)
    assert not tenancy.asks(BILLING)
    world.clock.advance(HOUR)
    assert not tenancy.asks(BILLING)
    world.clock.advance(timedelta(minutes=1))
    before = world.dump()
    with pytest.raises(Refused, match=r"known consumers still on it  YES   127\.0\.0\.1 billing/1\.4 .*: 2 fail"):
        tenancy.retire()
    assert world.dump() == before
    assert tenancy.asks(BILLING, world.live)  # it was restarted
    world.clock.advance(DAY - HOUR)
    with pytest.raises(Refused, match=r"succeeded until .*, again at"):
        tenancy.retire()
    world.clock.advance(HOUR)
    done = tenancy.retire()
    assert done is not None
    assert any("known consumers still on it: none since" in note for note in done.plan.notes)


def test_the_refusal_says_what_cures_it_and_how_to_overrule_it(tenancy: Tenancy) -> None:
    tenancy.world.clock.advance(DAY)
    tenancy.asks(BILLING)
    with pytest.raises(Refused) as caught:
        tenancy.retire()
    assert caught.value.hint is not None
    for told in ("restarting 127.0.0.1 cures it", "--ignore-source 127.0.0.1 --reason", "--force --reason"):
        assert told in caught.value.hint


@pytest.mark.parametrize("vouched", ["127.0.0.1", "127.0.0.0/8", f"127.0.0.1 {BILLING}"])
def test_a_source_that_somebody_vouches_for_does_not_block_and_the_reason_is_recorded(
    tenancy: Tenancy, vouched: str
) -> None:
    tenancy.world.clock.advance(DAY)
    tenancy.asks(BILLING)
    done = tenancy.retire(vouched, reason="a test system of ours, OPS-12")
    assert done is not None
    assert any(note.startswith("ignored, as asked: 1   127.0.0.1") for note in done.plan.notes)
    for sink in tenancy.world.session().sinks.values():
        assert re.fullmatch(r"r-\w+ \S+Z retire .*: a test system of ours_ OPS-12", sink.survey().noted["retirement"])


def test_it_may_go_only_if_auth0_refuses_every_value_that_would() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = [Verdict.REFUSED] * PROBES, [*[Verdict.REFUSED] * (PROBES - 1), Verdict.UNKNOWN]
    assert conditions((), timedelta(), now, one + one).met
    assert not conditions((), timedelta(), now, one + other).met
    assert not conditions((), timedelta(), now, []).met


@pytest.mark.parametrize(("early", "allowed"), [(1.001, False), (1, False), (0.999, True), (0, True), (-1, True)])
def test_it_may_go_when_its_age_is_reached_by_clocks_that_tell_whole_seconds(early: float, allowed: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    judged = conditions((), timedelta(seconds=early), now, [Verdict.REFUSED] * PROBES)
    assert (judged.old_enough, judged.met) == (allowed, allowed)


@pytest.mark.parametrize("other", [Verdict.ACCEPTED, Verdict.UNKNOWN])
def test_one_probe_that_is_not_refused_keeps_it(other: Verdict) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    judged = conditions((), timedelta(), now, [*[Verdict.REFUSED] * (PROBES - 1), other])
    assert (judged.probes, judged.refused, judged.accepted) == (PROBES, PROBES - 1, other is Verdict.ACCEPTED)
    assert not judged.met


@pytest.mark.parametrize("vouched", ["10.0.0.0/8", f"127.0.0.1 {MAILER}"])
def test_vouching_for_another_source_does_not_help(tenancy: Tenancy, vouched: str) -> None:
    tenancy.world.clock.advance(DAY)
    tenancy.asks(BILLING)
    with pytest.raises(Refused, match="YES"):
        tenancy.retire(vouched, reason="somebody else")


def test_force_retires_in_spite_of_the_evidence_but_never_too_early(tenancy: Tenancy) -> None:
    tenancy.asks(BILLING)
    with pytest.raises(Refused, match=r"stays until"):
        tenancy.retire(force=True, reason="they know")
    tenancy.world.clock.advance(DAY)
    tenancy.asks(BILLING)
    assert tenancy.retire(force=True, reason="they know") is not None


def test_a_stranger_who_fails_every_minute_never_blocks_and_is_counted_beyond_what_one_search_shows(
    tenancy: Tenancy,
) -> None:
    tenancy.stranger(times=1500, every=timedelta(minutes=1))
    seen = tenancy.evidence()
    assert seen.stale == ()
    assert [(s.address, s.agent, s.failures) for s in seen.strangers] == [("203.0.113.9", "curl/8.5", 1500)]
    assert seen.unknown == ()
    assert tenancy.retire(evidence=REQUIRE) is not None


def test_a_consumer_does_not_drown_in_more_strangers_than_can_be_read(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST", 300)
    tenancy.world.clock.advance(DAY)
    assert not tenancy.asks(MAILER)
    tenancy.stranger(times=310, every=timedelta(seconds=1))
    seen = tenancy.evidence()
    assert [source.agent for source in seen.stale] == [MAILER]
    assert any("there are too many" in text for text in seen.unknown)


def test_a_failure_while_the_change_spreads_is_nobodys_fault(make_world: MakeWorld) -> None:
    world = make_world(scopes=LOGS)
    world.tenant.grant(world.client_id, AUDIENCE, ())
    world.fill()
    world.adopt()
    tenancy = Tenancy(world)
    assert tenancy.asks(BILLING)
    world.clock.advance(DAY)
    spread, world.spread = world.spread, lambda: None  # type: ignore[method-assign]  # it is to be seen before that
    world.rotate()
    while tenancy.asks(BILLING):  # either value is accepted now and then
        continue
    spread()
    world.clock.advance(DAY)
    assert tenancy.evidence().sources == ()


def test_probes_of_the_bridge_never_count_whichever_version_or_machine_made_them(tenancy: Tenancy) -> None:
    world = tenancy.world
    world.clock.advance(DAY)
    told = {"client_id": world.client_id, "ip": "198.51.100.7", "description": "Unauthorized"}
    world.tenant.write_log("feacft", user_agent="secret-bridge/0.1 probe", **told)
    assert tenancy.evidence().sources == ()
    assert tenancy.retire(evidence=REQUIRE) is not None


def test_who_fails_with_the_right_secret_does_not_count(tenancy: Tenancy) -> None:
    tenancy.world.clock.advance(DAY)
    world = tenancy.world
    told = {"client_id": world.client_id, "ip": "127.0.0.1", "user_agent": BILLING}
    world.tenant.write_log("feacft", description="Invalid authorization code", **told)
    assert tenancy.evidence().sources == ()


def test_without_the_right_to_read_logs_that_is_not_checked_and_blocks_only_where_it_is_required(
    make_world: MakeWorld,
) -> None:
    tenancy = Tenancy.of(make_world, scopes=SCOPES)
    tenancy.world.clock.advance(DAY)
    assert tenancy.evidence().unknown == ("the tenant's logs: the management token lacks the scope read:logs",)
    with pytest.raises(Refused, match=r"not checked .*read:logs"):
        tenancy.retire(evidence=REQUIRE)
    done = tenancy.retire()
    assert done is not None
    assert any(note.startswith("not checked: the tenant's logs") for note in done.plan.notes)


def test_a_log_that_forgets_too_early_is_named_and_blocks_only_where_it_is_required(tenancy: Tenancy) -> None:
    world = tenancy.world
    world.tenant.settings.log_retention = 5 * HOUR
    world.clock.advance(DAY)
    assert not tenancy.asks(MAILER)
    seen = tenancy.evidence()
    assert any("the log does not have them all any more" in text for text in seen.unknown)
    assert any("who succeeded before the change" in text for text in seen.unknown)
    assert [source.agent for source in seen.strangers] == [MAILER]  # nobody is known any more
    with pytest.raises(Refused, match=r"(?s)none found.*not checked"):
        tenancy.retire(evidence=REQUIRE)
    assert tenancy.retire() is not None


def test_a_log_that_is_late_is_named_and_blocks_only_where_it_is_required(tenancy: Tenancy) -> None:
    world = tenancy.world
    world.clock.advance(DAY)
    world.tenant.settings.log_delay = HOUR
    assert any("the log is late" in text for text in tenancy.evidence().unknown)
    with pytest.raises(Refused, match="the log is late"):
        tenancy.retire(evidence=REQUIRE)
    assert tenancy.retire() is not None


def test_a_log_that_is_a_little_late_is_waited_for(tenancy: Tenancy) -> None:
    tenancy.world.clock.advance(DAY)
    tenancy.world.tenant.settings.log_delay = timedelta(seconds=6)
    assert tenancy.evidence().unknown == ()


@pytest.mark.parametrize("kind", ["html", "error-before", "dropped", "truncated"])
def test_logs_that_cannot_be_read_are_not_checked_and_never_fail_a_retirement(tenancy: Tenancy, kind: str) -> None:
    tenancy.world.clock.advance(DAY)
    tenancy.world.tenant.fault(kind, method="GET", path="logs", count=99)
    with pytest.raises(Refused, match="not checked"):
        tenancy.retire(evidence=REQUIRE)
    assert tenancy.retire() is not None


def test_a_window_shorter_than_tokens_live_by_default_is_said(tenancy: Tenancy) -> None:
    tenancy.world.clock.advance(HOUR)
    assert any("no access token lives longer than 10 min" in n for n in tenancy.evidence(
        fallback_min_age=timedelta(minutes=10)).notes)  # fmt: skip
