"""Labels and tags that are full: readers do not wait for what is decorative."""

from __future__ import annotations

import json

import pytest

from sinks.errors import Refused
from sinks.port import Deed, Stage
from sinks.secret import Secret
from tests.unit.sinks.aws.factory import ManualClock, client, make_lock, make_record, make_sink, stages, tags, text_at

S0, P, THIRD = Secret("old-value"), Secret("new-value"), Secret("third-value")
LABELS, TAGS = 20, 50


def fill_labels(version: str) -> list[str]:
    """Put labels of others on a version until it can have no more."""
    taken = sum(holder == version for holder in stages().values())
    added = [f"theirs-{number}" for number in range(LABELS - taken)]
    for label in added:
        client().update_secret_version_stage(SecretId="apps/x", VersionStage=label, MoveToVersionId=version)
    return added


def fill_tags() -> list[str]:
    added = [f"theirs-{number}" for number in range(TAGS - len(tags()))]
    client().tag_resource(SecretId="apps/x", Tags=[{"Key": name, "Value": "x"} for name in added])
    return added


def test_current_moves_although_the_fallback_finds_no_label(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    base = stages()["AWSCURRENT"]
    added = fill_labels(base)
    promoted = sink.promote(held, P, make_record(P, S0))
    assert promoted.untold
    assert promoted.fallback is None
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "new-value", "db": "theirs"}
    assert "FALLBACK" not in stages()
    client().update_secret_version_stage(SecretId=secret, VersionStage=added[0], RemoveFromVersionId=base)
    assert not sink.promote(held, P, make_record(P, S0)).untold
    sink.release(held, "rotated")
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "old-value"
    assert make_sink().read().unsettled is False


def test_current_moves_although_the_tags_find_no_room(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    added = fill_tags()
    promoted = sink.promote(held, P, make_record(P, S0))
    assert promoted.untold
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "new-value", "db": "theirs"}
    client().untag_resource(SecretId=secret, TagKeys=added)
    assert not sink.promote(held, P, make_record(P, S0)).untold
    sink.release(held, "rotated")
    seen = make_sink().read()
    assert (seen.record, seen.value(Stage.FALLBACK), seen.unsettled) == (make_record(P, S0), S0, False)


def test_a_place_whose_tags_found_no_room_is_given_back(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    fill_tags()
    assert sink.promote(held, P, make_record(P, S0)).untold
    sink.release(held, "rotated")
    seen = make_sink().read()
    assert (seen.lock, seen.unsettled, seen.value(Stage.CURRENT)) == (None, False, P)
    assert "AWSPENDING" not in stages()


def test_a_lost_place_is_finished_although_the_fallback_finds_no_label(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    fill_labels(stages()["AWSCURRENT"])
    other = make_sink()
    mine = other.take_over(other.read(), make_lock("settle", base=S0, holder="h2"))
    assert sink.finish(held, S0, P, before=clock.seconds + 10)
    assert json.loads(text_at("AWSCURRENT"))["client_secret"] == "new-value"
    assert other.renew(mine).value == P


def test_a_foreign_edit_that_the_pending_version_lacks_is_not_run_over_when_the_place_is_lost(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    edited = json.dumps({"client_secret": "old-value", "db": "theirs", "smtp": "theirs"})
    client().put_secret_value(SecretId=secret, SecretString=edited)
    other = make_sink()
    other.take_over(other.read(), make_lock("settle", base=S0, holder="h2"))
    assert not sink.finish(held, S0, P, before=clock.seconds + 10)
    assert text_at("AWSCURRENT") == edited


def test_the_room_among_the_tags_is_looked_at_before_anything_is_changed(secret: str) -> None:
    sink = make_sink()
    fill_tags()
    before = stages()
    with pytest.raises(Refused, match="tags of its own; AWS takes 50"):
        sink.check(sink.read(), frozenset(Deed))
    assert stages() == before


def test_a_claim_that_finds_no_room_for_its_name_is_given_back(secret: str) -> None:
    sink = make_sink()
    fill_tags()
    before = stages()
    with pytest.raises(Refused):
        sink.claim(sink.read(), make_lock(base=S0), P)
    assert stages() == before


def test_the_answer_to_a_leak_goes_on_without_a_name(secret: str) -> None:
    """Who may tag the secret must not hold up the answer to a leak."""
    sink = make_sink()
    fill_tags()
    held = sink.claim(sink.read(), make_lock(base=S0, holder="leak"), P, over=True)
    assert sink.promote(held, P, make_record(P), keep=False).untold
    sink.release(held, "rotated", ended=(S0,))
    assert json.loads(text_at("AWSCURRENT"))["client_secret"] == "new-value"
    seen = make_sink().read()
    assert (seen.lock, seen.unsettled, seen.value(Stage.CURRENT)) == (None, False, P)


def test_who_takes_over_goes_on_without_a_name(secret: str) -> None:
    sink = make_sink()
    sink.claim(sink.read(), make_lock(base=S0), P)
    client().untag_resource(SecretId=secret, TagKeys=list(tags()))
    fill_tags()
    other = make_sink()
    seen = other.read()
    assert seen.unnamed is not None
    mine = other.take_over(seen, make_lock("settle", base=S0, holder="h2"))
    assert other.renew(mine).value == P
    other.release(mine, "given back")
    assert make_sink().read().unsettled is False


def test_a_new_pending_value_has_a_label_of_its_own_and_the_place_stays_ours(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    first = [label for label in stages() if label.startswith("BRIDGE:")]
    held = sink.store(held, THIRD)
    assert sink.renew(held).value == THIRD
    assert {label for label in stages() if label.startswith("BRIDGE:")} > set(first)
    sink.promote(held, THIRD, make_record(THIRD, S0))
    sink.release(held, "rotated")
    assert set(stages()) == {"AWSCURRENT", "AWSPREVIOUS", "FALLBACK"}
