from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.record import MANAGED_BY, TAG_LIMIT, Lock, Record, sinks_tag, stamp, tag_text, unstamp

NOW = datetime(2026, 11, 23, 2, 11, 40, 123000, tzinfo=UTC)
PLACES = ("aws://us-east-1/apps/x", "vault://secret/apps/x")
LOCK = Lock(
    "rotate", "r-91c0", "github:acme/ops run 4711", NOW, NOW + timedelta(minutes=5), "AbC", "acme.eu.auth0.com", PLACES,
    base="0123456789abcdef", ends=("fedcba9876543210", "00112233"), not_before=NOW, holder="h",
)  # fmt: skip
RECORD = Record("AbC", "acme.eu.auth0.com", PLACES, "r-91c0", NOW, log=("r-91c0 T rotate me",), recent=("aa", "bb"))


def test_a_lock_comes_back_as_it_was_written() -> None:
    assert Lock.from_tags(LOCK.tags()) == LOCK
    bare = Lock("retire", "r-1", "me", NOW, NOW, "AbC", "t", PLACES)
    assert Lock.from_tags(bare.tags()) == bare


@given(st.text("abcXYZ019-_", min_size=1, max_size=43).filter(lambda text: text != "-"))
def test_a_holders_word_comes_back_whatever_it_begins_or_ends_with(word: str) -> None:
    told = Lock("rotate", "r-1", "me", NOW, NOW, "AbC", "t", PLACES, holder=word)
    found = Lock.from_tags(told.tags())
    assert found is not None
    assert found.holder == word


@pytest.mark.parametrize("missing", ["id", "operation", "started", "expected_end"])
def test_half_a_lock_is_no_lock(missing: str) -> None:
    assert Lock.from_tags({k: v for k, v in LOCK.tags().items() if k != f"bridge_lock_{missing}"}) is None
    assert Lock.from_tags({**LOCK.tags(), "bridge_lock_started": "yesterday"}) is None


def test_a_record_comes_back_as_it_was_written() -> None:
    assert Record.from_tags(RECORD.tags()) == RECORD
    least = Record("AbC", "t", PLACES, "r-1", NOW, age_is_minimum=True)
    assert Record.from_tags(least.tags()) == least


@pytest.mark.parametrize("missing", [MANAGED_BY, "bridge_sinks", "bridge_promoted_at"])
def test_half_a_record_is_no_record(missing: str) -> None:
    assert Record.from_tags({k: v for k, v in RECORD.tags().items() if k != missing}) is None
    assert Record.from_tags({**RECORD.tags(), MANAGED_BY: "terraform"}) is None


@given(st.text(), st.lists(st.text()), st.lists(st.text()))
def test_every_tag_is_one_that_both_vaults_take(text: str, log: list[str], recent: list[str]) -> None:
    record = Record(text, text, (text,), "r-1", NOW, log=tuple(log), recent=tuple(recent))
    lock = Lock("rotate", "r-1", text, NOW, NOW, "AbC", "t", (text,))
    for value in [
        *(v for k, v in record.tags().items() if k not in ("bridge_client_id", "bridge_tenant")),
        *lock.tags().values(),
    ]:
        assert len(value) <= TAG_LIMIT
        assert re.fullmatch(r"[A-Za-z0-9 +\-=._:/@]*", value)


def test_the_newest_changes_stay_when_the_log_grows_too_long() -> None:
    log = tuple(f"r-{number} 2026-11-23T02:00:00.000Z rotate somebody" for number in range(20))
    found = Record.from_tags(Record("AbC", "t", PLACES, "r-0", NOW, log=log).tags())
    assert found is not None
    assert found.log == log[: len(found.log)]
    assert len(found.log) >= 3


def test_places_are_written_in_their_order_and_as_a_digest_when_they_are_many() -> None:
    assert sinks_tag(PLACES) == sinks_tag(PLACES[::-1]) == " ".join(PLACES)
    many = tuple(f"vault://secret/apps/{number}" for number in range(30))
    assert sinks_tag(many) == sinks_tag(many[::-1])
    assert re.fullmatch("sha256:[0-9a-f]{64}", sinks_tag(many))
    assert sinks_tag(many) != sinks_tag(many[1:])


def test_a_written_list_of_places_is_compared_by_writing_it_again() -> None:
    many = tuple(f"vault://secret/apps/{number}" for number in range(30))
    for places in (PLACES, many):
        found = Lock.from_tags(Lock("rotate", "r-1", "me", NOW, NOW, "AbC", "t", places).tags())
        assert found is not None
        assert sinks_tag(found.places) == sinks_tag(places)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert stamp(NOW) == stamp(east) == "2026-11-23T02:11:40.123Z"
    assert unstamp(stamp(NOW)) == NOW
    assert unstamp("2026-11-23T02:11:40") == datetime(2026, 11, 23, 2, 11, 40, tzinfo=UTC)
    assert unstamp(None) is unstamp("") is unstamp("soon") is None


def test_a_tag_keeps_what_is_allowed() -> None:
    assert tag_text("github:acme/ops run #4711 <ci>") == "github:acme/ops run _4711 _ci_"
    assert len(tag_text("x" * 1000)) == TAG_LIMIT
