"""Promotion and retirement among foreign writers, crashes and lost answers, between any two calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sinks.aws.sink import AwsSink
from sinks.errors import Refused, Unavailable
from sinks.port import Lease, SinkState, Stage
from sinks.secret import Secret
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import client, make_lock, make_record, make_sink, stages, tags, tapped, text_at

S0, P = Secret("old-value"), Secret("new-value")
BASE = make_lock(base=S0)
CALLS = 20  # more than a claim, promotion and release make


def rotate(sink: AwsSink, place: SinkState | None = None) -> None:
    held = sink.claim(place or sink.read(), BASE, P)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")


def foreign_write(**keys: str) -> None:
    """Write as somebody who knows nothing of the bridge: read the document, change it, put it."""
    document = json.loads(text_at("AWSCURRENT"))
    client().put_secret_value(SecretId="apps/x", SecretString=json.dumps(document | keys))


def current() -> Any:
    return json.loads(text_at("AWSCURRENT"))


def settled(*, fallback: str | None = "old-value") -> None:
    """What has to hold in the end, whatever happened."""
    labels = stages()
    assert current()["client_secret"] == "new-value"
    assert current()["db"] == "theirs"
    assert "AWSPENDING" not in labels
    assert not [label for label in labels if label.startswith("BRIDGE")]
    if fallback is None:
        assert "FALLBACK" not in labels
    else:
        assert json.loads(text_at("FALLBACK"))["client_secret"] == fallback
    place = make_sink().read()
    assert not place.unsettled
    assert not place.drifted


def test_a_rotation_moves_current_and_pins_the_fallback(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    promoted = sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    settled()
    assert promoted.fallback == first
    assert stages() == {"AWSCURRENT": promoted.current, "AWSPREVIOUS": first, "FALLBACK": first}
    place = sink.survey()
    assert place.record == make_record(P, S0)
    assert (place.manager, place.edits, place.unsettled) == ("secret-bridge", 0, False)
    assert tags()["bridge_current"] == promoted.current
    assert tags()["bridge_fallback"] == first


def test_a_bare_value_is_rotated_too() -> None:
    client().create_secret(Name="apps/x", SecretString="old-value")
    rotate(make_sink(key=None))
    assert (text_at("AWSCURRENT"), text_at("FALLBACK")) == ("new-value", "old-value")
    assert "AWSPENDING" not in stages()


@pytest.mark.parametrize("at", range(CALLS))
def test_a_foreign_write_between_any_two_calls_is_kept(secret: str, at: int) -> None:
    def tap(number: int, _: str) -> None:
        if number == at:
            foreign_write(smtp="foreign")

    sink = make_sink()
    place = sink.read()
    api = tapped(sink, tap)
    rotate(sink, place)
    settled()
    assert current().get("smtp") == ("foreign" if at < len(api.calls) else None)


def test_foreign_writes_before_every_call_are_all_kept_or_it_says_that_it_gave_up(secret: str) -> None:
    budget = iter(range(6))

    def tap(number: int, name: str) -> None:
        if name == "label" and (n := next(budget, None)) is not None:
            foreign_write(**{f"k{n}": "foreign"})

    sink = make_sink()
    place = sink.read()
    tapped(sink, tap)
    rotate(sink, place)
    settled()
    assert [current().get(f"k{n}") for n in range(6)] == ["foreign"] * 6


def test_a_writer_that_never_stops_makes_promotion_give_up(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    writes = iter(range(1000))
    tapped(sink, lambda _, name: foreign_write(n=str(next(writes))) if name == "label" else None)
    with pytest.raises(Unavailable, match="others kept writing to aws://us-east-1/apps/x; gave up after 20 tries"):
        sink.promote(held, P, make_record(P, S0))
    assert make_sink().read().value(Stage.PENDING) == P


@pytest.mark.parametrize("at", range(CALLS))
def test_a_foreign_value_between_any_two_calls_never_becomes_the_fallback(secret: str, at: int) -> None:
    wrote: list[int] = []

    def tap(number: int, _: str) -> None:
        if number == at and current()["client_secret"] == "old-value":
            wrote.append(number)
            foreign_write(client_secret="foreign-value")

    sink = make_sink()
    place = sink.read()
    tapped(sink, tap)
    rotate(sink, place)
    settled()


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("at", range(CALLS))
def test_a_crash_between_any_two_calls_is_finished_by_the_next_holder(secret: str, at: int, keep: bool) -> None:
    class Crash(Exception):
        pass

    def tap(number: int, _: str) -> None:
        if number == at:
            raise Crash

    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    tapped(sink, tap)
    try:
        sink.promote(held, P, make_record(P, S0), keep=keep)
        sink.release(held, "done")
    except Crash:
        resume(keep)
    settled(fallback="old-value" if keep else None)


def resume(keep: bool) -> None:
    other = make_sink()
    place = other.read()
    if place.lock is None:  # it died after the last call that mattered: the next operation cleans up
        held = other.claim(place, make_lock("verify", base=P, id="r-9", holder="h2"), None)
    else:
        assert place.lock
        assert place.value(Stage.PENDING) == P or place.value(Stage.CURRENT) == P
        held = other.take_over(place, replace(place.lock, holder="h2"))
        other.promote(held, P, make_record(P, S0), keep=keep)
    other.release(held, "done")


@pytest.mark.parametrize("at", range(CALLS))
def test_a_crash_between_any_two_calls_can_be_undone_with_the_older_fallback(secret: str, at: int) -> None:
    rotate(make_sink())  # P is current, S0 the fallback
    third = Secret("third-value")

    def tap(number: int, _: str) -> None:
        if number == at:
            raise KeyboardInterrupt

    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), third)
    tapped(sink, tap)
    try:
        sink.promote(held, third, make_record(third, P, S0, rotation="r-2"))
        sink.release(held, "done")
    except KeyboardInterrupt:
        other = make_sink()
        place = other.read()
        if place.value(Stage.CURRENT) == third:
            return  # too late to abort
        assert place.value(Stage.FALLBACK) == S0
        held = other.take_over(place, replace(make_lock("abort", base=P, id="r-2"), holder="h2"))
        other.release(held, "aborted")
        settled()


@pytest.mark.parametrize("fault", ["lost", "cut", "throttle", "error"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("action", ["UpdateSecretVersionStage", "TagResource", "PutSecretValue", "GetSecretValue"])
def test_lost_answers_change_nothing_about_the_end(
    aws: Controls, secret: str, action: str, times: int, fault: str
) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    foreign_write(smtp="foreign")  # so that a new pending version is needed
    aws.faults[action] = [fault] * times
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    settled()
    assert current()["smtp"] == "foreign"


def test_what_stays_unanswered_is_unsure(aws: Controls, secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    aws.faults["UpdateSecretVersionStage"] = ["error"] * 9
    with pytest.raises(Unavailable) as caught:
        sink.promote(held, P, make_record(P, S0))
    assert caught.value.unsure


def test_promoting_twice_is_once(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    first = sink.promote(held, P, make_record(P, S0))
    assert sink.promote(held, P, make_record(P, S0)) == first
    sink.release(held, "done")
    settled()


def test_a_lock_without_a_value_can_be_promoted_with_one(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock("sync", base=S0), None)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    settled()


def test_a_second_rotation_moves_the_fallback_and_lets_the_older_one_go(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    rotate(sink)
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), Secret("third"))
    sink.promote(held, Secret("third"), make_record(Secret("third"), P, S0, rotation="r-2"))
    assert sink.retire(held, S0.fingerprint("AbC123")) == ()
    sink.release(held, "done")
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "new-value"
    assert first not in stages().values()


def test_a_rollback_makes_the_old_value_current_as_a_new_version(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    rotate(sink)
    foreign_write(smtp="foreign")
    held = sink.claim(sink.read(), make_lock("rollback", base=P, id="r-2"), S0)
    sink.promote(held, S0, make_record(S0, P, rotation="r-2"))
    sink.release(held, "done")
    assert current() == {"client_secret": "old-value", "db": "theirs", "smtp": "foreign"}
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "new-value"
    assert stages()["AWSCURRENT"] != first


def test_without_keep_no_fallback_is_left(secret: str) -> None:
    sink = make_sink()
    rotate(sink)
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), Secret("third"))
    promoted = sink.promote(held, Secret("third"), make_record(Secret("third"), P), keep=False)
    assert promoted.fallback is None
    assert "FALLBACK" not in stages()
    assert sink.retire(held, P.fingerprint("AbC123"))
    assert "AWSPREVIOUS" not in stages()


# --- what a reader of metadata sees


def test_foreign_edits_with_the_same_value_are_no_drift(secret: str) -> None:
    rotate(make_sink())
    foreign_write(smtp="foreign")
    place = make_sink().read()
    assert (place.edits, place.drifted) == (1, False)
    assert place.value(Stage.FALLBACK) == S0


@pytest.mark.parametrize("written", ["foreign-value", None])
def test_another_value_or_none_is_drift(secret: str, written: str | None) -> None:
    rotate(make_sink())
    text = json.dumps({"client_secret": written, "db": "theirs"} if written else {"db": "theirs"})
    client().put_secret_value(SecretId=secret, SecretString=text)
    assert make_sink().read().drifted


def test_readers_see_old_or_new_and_nothing_else_at_every_call(secret: str) -> None:
    seen: list[tuple[str, str]] = []
    sink = make_sink()
    place = sink.read()
    tapped(sink, lambda *_: seen.append((current()["client_secret"], current()["db"])))
    rotate(sink, place)
    assert [value for value, _ in seen] == sorted((value for value, _ in seen), reverse=True)
    assert {other for _, other in seen} == {"theirs"}


# --- retiring, tagging, forgetting


def retiring(sink: AwsSink) -> Lease:
    return sink.claim(sink.read(), make_lock("retire", base=P, id="r-2"), None)


def test_retiring_drops_every_label_of_ours_and_of_aws_from_the_fallback(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    rotate(sink)
    client().update_secret_version_stage(SecretId=secret, VersionStage="THEIRS", MoveToVersionId=first)
    held = retiring(sink)
    assert sink.retire(held) == (first,)
    assert sink.retire(held) == ()
    sink.release(held, "done")
    assert stages() == {"AWSCURRENT": stages()["AWSCURRENT"], "THEIRS": first}
    assert tags()["bridge_fallback"] == "-"
    assert sink.read().value(Stage.FALLBACK) is None
    assert "readable by version id" in sink.retirement


def test_retiring_chooses_by_value(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    rotate(sink)
    foreign_write(smtp="foreign")  # now AWSPREVIOUS is on a version that holds the current value
    held = retiring(sink)
    previous = stages()["AWSPREVIOUS"]
    assert sink.retire(held) == (first,)
    sink.release(held, "done")
    assert stages()["AWSPREVIOUS"] == previous


@pytest.mark.parametrize("value", [P, S0])
def test_a_value_in_use_is_not_retired(secret: str, value: Secret) -> None:
    sink = make_sink()
    rotate(sink)
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), S0)
    before = stages()
    with pytest.raises(Refused, match="in use"):
        sink.retire(held, value.fingerprint("AbC123"))
    assert stages() == before


def test_a_fallback_that_somebody_made_current_again_is_not_retired(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    sink = make_sink()
    rotate(sink)
    held = retiring(sink)

    def tap(number: int, _: str) -> None:
        if number == 1:
            client().update_secret_version_stage(
                SecretId=secret,
                VersionStage="AWSCURRENT",
                RemoveFromVersionId=stages()["AWSCURRENT"],
                MoveToVersionId=first,
            )

    tapped(sink, tap)
    with pytest.raises(Refused):
        sink.retire(held)
    assert stages()["FALLBACK"] == first


@pytest.mark.parametrize("at", range(8))
def test_retiring_cut_short_anywhere_can_be_repeated(secret: str, at: int) -> None:
    sink = make_sink()
    rotate(sink)
    held = retiring(sink)

    def tap(number: int, _: str) -> None:
        if number == at:
            raise KeyboardInterrupt

    tapped(sink, tap)
    try:
        sink.retire(held)
    except KeyboardInterrupt:
        other = make_sink()
        held = other.take_over(other.read(), replace(held.lock, holder="h2"))
        other.retire(held)
    make_sink().release(held, "done")
    assert set(stages()) == {"AWSCURRENT"}


@pytest.mark.parametrize("fault", ["lost", "throttle"])
@pytest.mark.parametrize("action", ["UpdateSecretVersionStage", "TagResource"])
def test_retiring_with_lost_answers_is_retiring(aws: Controls, secret: str, action: str, fault: str) -> None:
    sink = make_sink()
    rotate(sink)
    held = retiring(sink)
    aws.faults[action] = [fault]
    sink.retire(held)
    sink.release(held, "done")
    assert set(stages()) == {"AWSCURRENT"}


def test_adopting_writes_tags_only(secret: str) -> None:
    before = stages()
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock("adopt", base=S0), None)
    sink.tag(held, make_record(S0))
    sink.release(held, "done")
    assert stages() == before
    place = sink.read()
    assert (place.record, place.edits, place.drifted) == (make_record(S0), 0, False)


def test_forgetting_leaves_the_values_and_nothing_of_ours(secret: str) -> None:
    sink = make_sink()
    rotate(sink)
    held = sink.claim(sink.read(), make_lock("forget", base=P, id="r-2"), None)
    sink.forget(held)
    sink.forget(held)
    sink.release(held, "done")
    assert tags() == {}
    assert set(stages()) == {"AWSCURRENT", "AWSPREVIOUS"}
    assert sink.read().manager is None
