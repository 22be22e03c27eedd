"""The seal by itself: what it is made of, and what breaks it."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from sinks.record import Lock
from sinks.seal import COVERED, NOTHING, SEAL_TAG, Said, Where, doubted, said
from sinks.secret import Secret

CLIENT, TENANT, URI = "AbC123", "acme.eu.auth0.com", "vault://secret/apps/billing"
CURRENT = Secret("the value that is current")
HERE = Where(URI, "client_secret")
TAGS: dict[str, str | None] = {
    "managed-by": "secret-bridge",
    "bridge_client_id": CLIENT,
    "bridge_tenant": TENANT,
    "bridge_sinks": URI,
    "bridge_rotation": "r-00000001",
    "bridge_promoted_at": "2026-11-28T12:00:00.000Z",
    "bridge_age": "exact",
    "bridge_log": "r-00000001 2026-11-28T12:00:00.000Z rotate me",
    "bridge_recent": f"{CURRENT.fingerprint(CLIENT)} 0123456789abcdef",
    "bridge_companions": "-",
    "bridge_current": "3",
    "bridge_fallback": "2",
    "owner": "team-billing",
}
SEALED = NOTHING.changed(TAGS, HERE, CURRENT, 7, "0123456789abcdef")


def by_hand(former: str) -> str:
    """Return the seal as RFC 5869 and RFC 2104 have it, spelled out."""
    pairs = [("kind", "tags"), ("uri", URI), ("key", "#client_secret"), ("client", CLIENT), ("tenant", TENANT)]
    pairs += [("seq", "7"), ("fb", former)]
    text = "secret-bridge seal 1\n" + "".join(f"{n}={len(t)}:{t}\n" for n, t in pairs)
    for name in ("managed-by", "client_id", "tenant", "sinks", "rotation", "promoted_at", "age", "log", "recent"):
        full = name if name == "managed-by" else f"bridge_{name}"
        text += f"{full}={len(TAGS[full] or '')}:{TAGS[full]}\n"
    text += "bridge_audit=-\nbridge_aside=-\n"
    extracted = hmac.new(b"secret-bridge seal 1", CURRENT.reveal().encode(), hashlib.sha256).digest()
    key = hmac.new(extracted, CLIENT.encode() + b"\x01", hashlib.sha256).digest()
    code = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"1.7.{former}.{base64.urlsafe_b64encode(code).decode().rstrip('=')}"


@pytest.mark.parametrize("former", ["", "0123456789abcdef", "@0123456789abcdef"])
def test_it_is_what_the_protocol_says(former: str) -> None:
    told = NOTHING.changed(TAGS, HERE, CURRENT, 7, former)
    assert told.tags[SEAL_TAG] == by_hand(former or "-")
    assert len(told.tags[SEAL_TAG]) <= 75
    assert said(told.tags, HERE, CURRENT, 7) == told


def test_it_leaves_out_what_is_not_covered() -> None:
    assert {"bridge_current", "bridge_fallback", "owner"} & {*SEALED.tags} == set()
    assert said({**SEALED.tags, "bridge_fallback": "1", "owner": "x"}, HERE, CURRENT).former == "0123456789abcdef"


@pytest.mark.parametrize("name", COVERED)
@pytest.mark.parametrize("text", ["another", "", None])
def test_it_breaks_with_each_tag_that_it_covers(name: str, text: str | None) -> None:
    changed = {n: t for n, t in {**SEALED.tags, name: text}.items() if t is not None}
    if changed != SEALED.tags:
        assert said(changed, HERE, CURRENT).former is None


@pytest.mark.parametrize(
    ("where", "current"),
    [
        (Where(URI, "another"), CURRENT),
        (Where(URI, None), CURRENT),
        (Where(URI + "2", "client_secret"), CURRENT),
        (HERE, Secret("another value")),
        (HERE, None),
    ],
    ids=["key", "bare", "uri", "value", "no value"],
)
def test_it_holds_at_one_place_under_one_value(where: Where, current: Secret | None) -> None:
    assert said(SEALED.tags, where, current).former is None


def test_it_is_none_from_a_later_operation_than_there_was() -> None:
    assert said(SEALED.tags, HERE, CURRENT, 7).former is not None
    assert said(SEALED.tags, HERE, CURRENT, 6).former is None


@pytest.mark.parametrize("seal", ["", "1", "1.7.-", "2.7.-." + "A" * 43, "1.-7.-." + "A" * 43, "1.7.x." + "A" * 43])
def test_what_has_not_its_form_is_none(seal: str) -> None:
    assert said({**SEALED.tags, SEAL_TAG: seal}, HERE, CURRENT).former is None


def test_one_that_does_not_hold_is_not_carried_on() -> None:
    """It might hold again elsewhere, or later."""
    told = said({**SEALED.tags, "bridge_age": "at least"}, HERE, CURRENT)
    assert SEAL_TAG not in told.tags
    assert told.whole[SEAL_TAG] is None
    assert told.record is not None
    assert told.record.former is None


def test_tags_that_are_no_record_say_nothing() -> None:
    assert said({"managed-by": "terraform"}, HERE, CURRENT) == NOTHING == Said()
    assert Lock.from_tags(SEALED.tags) is None


def test_a_doubted_fallback_stays_doubted() -> None:
    assert [doubted(each) for each in (None, "", "f", "@f")] == [None, "", "@f", "@f"]
