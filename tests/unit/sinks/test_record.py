from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.record import LOCK_FIELDS, MANAGED_BY, TAG_LIMIT, Lock, Record, sinks_tag, stamp, tag_text, unstamp
from sinks.sibling_keys import SiblingKeys

NOW = datetime(2026, 11, 23, 2, 11, 40, 123000, tzinfo=UTC)
PLACES = ("aws://us-east-1/apps/x", "vault://secret/apps/x")
LOCK = Lock(
    "rotate", "r-91c0", "github:acme/ops run 4711", NOW, NOW + timedelta(minutes=5), "AbC", "acme.eu.auth0.com", PLACES,
    base="0123456789abcdef", ends=("fedcba9876543210", "0011223344556677"), holder="h", reason="seen in a log",
    sibling_keys=SiblingKeys.KEEP,
)  # fmt: skip
RECENT = "0123456789abcdef", "fedcba9876543210"
RECORD = Record("AbC", "acme.eu.auth0.com", PLACES, "r-91c0", NOW, log=("r-91c0 T rotate me",), recent=RECENT)


def test_a_lock_comes_back_as_it_was_written() -> None:
    assert Lock.from_tags(LOCK.tags()) == LOCK
    bare = Lock("retire", "r-1", "me", NOW, NOW, "AbC", "t", PLACES)
    assert Lock.from_tags(bare.tags()) == bare


@given(st.text("abcXYZ019-", min_size=1, max_size=64).filter(lambda text: text != "-"))
def test_a_holders_word_comes_back_whatever_it_begins_or_ends_with(word: str) -> None:
    told = Lock("rotate", "r-1", "me", NOW, NOW, "AbC", "t", PLACES, holder=word)
    found = Lock.from_tags(told.tags())
    assert found is not None
    assert found.holder == word


@pytest.mark.parametrize("missing", ["id", "operation", "started", "expected_end"])
def test_half_a_lock_is_no_lock(missing: str) -> None:
    assert Lock.from_tags({k: v for k, v in LOCK.tags().items() if k != f"bridge_lock_{missing}"}) is None


@pytest.mark.parametrize("missing", ["base", "ends", "reason", "companions", "holder"])
def test_what_a_lock_does_not_say_is_empty(missing: str) -> None:
    found = Lock.from_tags({k: v for k, v in LOCK.tags().items() if k != f"bridge_lock_{missing}"})
    field = {"companions": "sibling_keys"}.get(missing, missing)
    assert found == replace(LOCK, **{field: type(getattr(LOCK, field))("" if missing != "ends" else ())})


def test_tags_of_others_beside_it_change_nothing() -> None:
    assert Lock.from_tags({**LOCK.tags(), "owner": "team", "bridge_lock_more": "x", "bridge_lock_version": 7}) == LOCK


FINGERPRINT = "0123456789abcdef"
NEIGHBOURS: dict[str, tuple[object, ...]] = {
    "operation": ("-", "", "ROTATE", "rotate now", "-rotate", "9rotate", "../rotate", "rotate\n", "r" * 33, "röt"),
    "id": ("-", "", "r-", "x-1", "r-1 2", "r-\x1b[2J", "r-1\n", "r-é", "r-\u202e1", f"r-{'a' * 65}", "r-<b>"),
    "actor": ("", "me\x07", "me\nyou", "<b>me</b>", "mé", "a" * 257, "me\u2028"),
    "holder": ("", "h 1", "h_1", "h\x00", "h" * 65, "hé"),
    "started": ("-", "", "yesterday", "2026-13-45T00:00:00.000Z", "2026-11-23T02:00:00.000", "2026-11-23 02:00:00Z",
                "2026-11-23T02:00:00.000Z\n", "2026-11-23T02:00:00+05:30", "٢٠٢٦-11-23T02:00:00Z", "1e9"),
    "expected_end": ("-", "", "never", "2026-02-30T00:00:00.000Z", "99999-01-01T00:00:00.000Z",
                     "2026-11-23T25:00:00.000Z"),
    "base": ("", "0123", FINGERPRINT.upper(), f"{FINGERPRINT}0", f" {FINGERPRINT}", f"{FINGERPRINT}\n"),
    "ends": ("", "all", f"{FINGERPRINT},{FINGERPRINT}", f"{FINGERPRINT} ", f"{FINGERPRINT}  {FINGERPRINT}",
             " ".join([FINGERPRINT] * 16)),
    "reason": ("", "a\x1b[31m", "two\nlines", "r" * 257),
    "companions": ("", "KEEP", "perhaps", "keep end"),
    "sinks": ("", "vault://secret/\x00", "vault://secret/é", "v" * 257),
    "client_id": ("", "Ab\nC", "<i>", "c" * 257),
    "tenant": ("", "acme\x7f", "t" * 257),
}  # fmt: skip
TYPES: tuple[object, ...] = (None, 7, 1.5, True, b"rotate", ["rotate"], {"a": "b"}, NOW)


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in NEIGHBOURS.items() for text in (*texts, *TYPES)]
)
def test_a_field_that_the_bridge_does_not_write_so_makes_it_no_lock(name: str, text: object) -> None:
    assert Lock.from_tags({**LOCK.tags(), f"bridge_lock_{name}": text}) is None


def test_the_table_of_neighbours_names_every_field() -> None:
    assert NEIGHBOURS.keys() == LOCK_FIELDS.keys()


@given(
    st.dictionaries(
        st.sampled_from([f"bridge_lock_{name}" for name in LOCK_FIELDS]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_whatever_others_write_a_lock_is_one_that_can_be_written_again(written: dict[str, object]) -> None:
    found = Lock.from_tags({**LOCK.tags(), **written})
    if found is not None:
        assert Lock.from_tags(found.tags()) == found
        assert all(text.isprintable() and text.isascii() for text in found.tags().values())


@given(
    st.text(min_size=1).filter(lambda text: text != "-"), st.from_regex(r"[a-z]+://[!-~]+", fullmatch=True), st.text()
)
def test_every_lock_that_is_written_is_read(actor: str, place: str, reason: str) -> None:
    told = Lock("rotate", "r-1", actor, NOW, NOW, "AbC", "t", (place,), holder="h", reason=reason)
    found = Lock.from_tags(told.tags())
    assert found is not None
    assert found.tags() == told.tags()


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
    for sinks in (PLACES, many):
        found = Lock.from_tags(Lock("rotate", "r-1", "me", NOW, NOW, "AbC", "t", sinks).tags())
        assert found is not None
        assert sinks_tag(found.sinks) == sinks_tag(sinks)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert stamp(NOW) == stamp(east) == "2026-11-23T02:11:40.123Z"
    assert unstamp(stamp(NOW)) == NOW
    assert unstamp("2026-11-23T02:11:40") == datetime(2026, 11, 23, 2, 11, 40, tzinfo=UTC)
    assert unstamp(None) is unstamp("") is unstamp("soon") is None


def test_a_tag_keeps_what_is_allowed() -> None:
    assert tag_text("github:acme/ops run #4711 <ci>") == "github:acme/ops run _4711 _ci_"
    assert len(tag_text("x" * 1000)) == TAG_LIMIT
