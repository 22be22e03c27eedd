"""Wiped tags, late answers, labels that others moved: what a sink shows then, and setting it right."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from sinks.aws.listing import own_label
from sinks.aws.sink import AwsSink
from sinks.errors import Conflict, Lost, Unavailable
from sinks.port import Stage
from sinks.secret import Secret
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import (
    ManualClock,
    client,
    make_lock,
    make_record,
    make_sink,
    stages,
    tags,
    tapped,
    text_at,
)

S0, P, THIRD = Secret("old-value"), Secret("new-value"), Secret("third-value")
SALT = "AbC123"
CALLS = 20  # more than a claim, promotion and release make


class Killed(BaseException):
    """The process ended here."""


def killed_at(number: int) -> Callable[[int, str], None]:
    def tap(now: int, _: str) -> None:
        if now == number:
            raise Killed

    return tap


def rotate(sink: AwsSink, old: Secret = S0, new: Secret = P, rotation: str = "r-7f3a") -> None:
    held = sink.claim(sink.read(), make_lock(base=old, id=rotation), new)
    sink.promote(held, new, make_record(new, old, rotation=rotation))
    sink.release(held, "done")


def wipe_tags() -> None:
    client().untag_resource(SecretId="apps/x", TagKeys=list(tags()))


def put_pending(text: str) -> str:
    """Let somebody else put a version with AWSPENDING, over whoever has it."""
    answer = client().put_secret_value(SecretId="apps/x", SecretString=text, VersionStages=["AWSPENDING"])
    return str(answer["VersionId"])


def drop_pending() -> None:
    """Let somebody remove AWSPENDING by hand."""
    client().update_secret_version_stage(
        SecretId="apps/x", VersionStage="AWSPENDING", RemoveFromVersionId=stages()["AWSPENDING"]
    )


# --- wiped tags


@pytest.mark.parametrize("at", range(CALLS))
def test_tags_wiped_after_a_crash_anywhere_leave_an_operation_that_can_be_finished(secret: str, at: int) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    tapped(sink, killed_at(at))
    with suppress(Killed):
        sink.promote(held, P, make_record(P, S0))
        sink.release(held, "done")
    wipe_tags()
    other = make_sink()
    seen = other.read()
    assert seen.lock is None
    if "AWSPENDING" in stages():
        assert seen.unsettled
        assert seen.value(Stage.PENDING) == P
        lock = replace(make_lock(base=S0, id="r-guessed"), holder="h2")
        held = other.take_over(seen, lock)
        assert held.value == P
        assert make_sink().survey().lock == lock
    else:
        held = other.claim(seen, make_lock("repair", base=P, holder="h2", id="r-repair"), None)
    other.promote(held, P, make_record(P, S0, rotation="r-guessed"))
    other.release(held, "done")
    settled = make_sink().read()
    assert (settled.unsettled, settled.drifted, settled.edits, settled.wiped) == (False, False, 0, False)
    assert (settled.value(Stage.CURRENT), settled.value(Stage.FALLBACK)) == (P, S0)
    assert settled.record == make_record(P, S0, rotation="r-guessed")


def test_a_promoted_lock_whose_tags_were_wiped_is_ours_without_a_name(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    sink.promote(held, P, make_record(P, S0))
    wipe_tags()
    seen = make_sink().read()
    assert (seen.lock, seen.unsettled, seen.wiped, seen.drifted) == (None, True, True, False)
    assert seen.value(Stage.PENDING) == seen.value(Stage.CURRENT) == P
    assert seen.value(Stage.FALLBACK) == S0
    assert seen.history.at(Stage.PENDING) is None


def test_a_promoted_lock_whose_tags_were_wiped_is_finished_even_with_a_wrong_base(secret: str) -> None:
    """Who finishes it can only guess what was current before: not what is current now, but that is harmless."""
    test_a_promoted_lock_whose_tags_were_wiped_is_ours_without_a_name(secret)
    sink = make_sink()
    held = sink.take_over(sink.read(), make_lock(base=P, holder="h2"))
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    seen = make_sink().read()
    assert (seen.unsettled, seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (False, P, S0)


def test_half_of_our_tags_are_wiped_tags(secret: str) -> None:
    rotate(make_sink())
    client().untag_resource(SecretId=secret, TagKeys=["bridge_sinks"])
    assert make_sink().survey().wiped
    wipe_tags()
    client().tag_resource(SecretId=secret, Tags=[{"Key": "managed-by", "Value": "terraform"}])
    assert not make_sink().survey().wiped


def test_a_first_rotation_that_is_under_way_does_not_look_wiped(secret: str) -> None:
    sink = make_sink()
    for number in range(CALLS):
        held = sink.claim(sink.read(), make_lock(base=S0, holder=f"h{number}", id=f"r-{number}"), P)
        working = make_sink()
        tapped(working, killed_at(number))
        with suppress(Killed):
            working.promote(held, P, make_record(P, S0))
            return
        assert not make_sink().survey().wiped
        other = make_sink()
        mine = other.take_over(other.read(), make_lock("abort", base=S0, holder=f"late{number}", id=f"r-{number}"))
        if text_at("AWSCURRENT") == text_at("AWSPENDING"):
            return
        other.release(mine, "aborted")
        assert not make_sink().survey().wiped
    raise AssertionError("it never got to its end")


# --- undoing


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("at", range(10))
def test_a_rotation_that_died_before_current_moved_can_be_undone(secret: str, at: int, foreign: bool) -> None:
    rotate(make_sink())  # P is current, S0 the fallback
    before = make_record(P, S0)
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), THIRD)
    tapped(sink, killed_at(at))
    with suppress(Killed):
        sink.promote(held, THIRD, make_record(THIRD, P, S0, rotation="r-2"))
    if json.loads(text_at("AWSCURRENT"))["client_secret"] == "third-value":
        return  # too late to undo
    if foreign:
        document = json.loads(text_at("AWSCURRENT"))
        client().put_secret_value(SecretId=secret, SecretString=json.dumps(document | {"smtp": "theirs"}))
    other = make_sink()
    mine = other.take_over(other.read(), make_lock("abort", base=P, id="r-2", holder="h2"))
    other.tag(mine, before, fallback=S0.fingerprint(SALT))
    other.release(mine, "aborted")
    seen = make_sink().read()
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)) == (P, S0)
    assert (seen.record, seen.edits, seen.drifted, seen.unsettled) == (before, 0, False, False)
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "old-value"
    assert tags()["bridge_fallback"] == stages()["FALLBACK"]
    assert not {"AWSPENDING"} & set(stages())


@pytest.mark.parametrize("at", range(8))
def test_who_wakes_after_its_rotation_was_undone_harms_nobody(secret: str, at: int) -> None:
    """It slept before one call of its promotion, past its lease; meanwhile another operation undid it."""
    rotate(make_sink())
    before, clock = make_record(P, S0), ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), THIRD)
    undone: list[str] = []

    def tap(now: int, _: str) -> None:
        if now == at:
            clock.seconds += 30
            other = make_sink()
            seen = other.read()
            if seen.value(Stage.CURRENT) == THIRD:
                return  # too late to undo
            mine = other.take_over(seen, make_lock("abort", base=P, id="r-2", holder="h2"))
            other.tag(mine, before, fallback=S0.fingerprint(SALT))
            other.release(mine, "aborted")
            undone.append("yes")

    tapped(sink, tap)
    with suppress(Lost):
        sink.promote(held, THIRD, make_record(THIRD, P, S0, rotation="r-2"))
    seen = make_sink().read()
    if not undone:
        assert seen.value(Stage.CURRENT) == THIRD
        return
    assert (seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK), seen.record) == (P, S0, before)
    assert (seen.lock, seen.unsettled, seen.drifted) == (None, False, False)


def test_tagging_without_a_word_of_the_fallback_keeps_what_a_cut_promotion_has_not_replaced(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    rotate(make_sink())
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), THIRD)
    client().update_secret_version_stage(
        SecretId=secret, VersionStage="FALLBACK", RemoveFromVersionId=first, MoveToVersionId=stages()["AWSCURRENT"]
    )
    sink.tag(held, make_record(P, S0))
    assert tags()["bridge_fallback"] == first
    sink.release(held, "aborted")
    assert stages()["FALLBACK"] == first


@pytest.mark.parametrize("at", range(6))
def test_naming_the_fallback_cut_short_anywhere_can_be_repeated(secret: str, at: int) -> None:
    rotate(make_sink())
    client().update_secret_version_stage(
        SecretId=secret, VersionStage="FALLBACK", RemoveFromVersionId=stages()["FALLBACK"]
    )
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock("repair", base=P, id="r-2"), None)
    tapped(sink, killed_at(at))
    with suppress(Killed):
        sink.tag(held, make_record(P, S0), fallback=S0.fingerprint(SALT))
    other = make_sink()
    mine = other.take_over(other.read(), make_lock("repair", base=P, id="r-2", holder="h2"))
    other.tag(mine, make_record(P, S0), fallback=S0.fingerprint(SALT))
    other.release(mine, "repaired")
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "old-value"
    assert make_sink().read().value(Stage.FALLBACK) == S0


def test_a_version_without_any_label_can_become_the_fallback_again(secret: str) -> None:
    rotate(make_sink())
    rotate(make_sink(), P, THIRD, "r-2")  # S0 is not labelled any more
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock("repair", base=THIRD, id="r-3"), None)
    sink.tag(held, make_record(THIRD, S0), fallback=S0.fingerprint(SALT))
    sink.release(held, "repaired")
    assert json.loads(text_at("FALLBACK"))["client_secret"] == "old-value"


# --- answers that never came


def lose_puts(sink: AwsSink, times: int) -> list[dict[str, Any]]:
    """Let puts get no answer and not be done yet. Return what was to be put."""
    real = sink._access.api.put
    waiting: list[dict[str, Any]] = []

    def put(version_id: str, text: Secret, labels: Any) -> frozenset[str]:
        if len(waiting) >= times:
            return real(version_id, text, labels)
        waiting.append({"version_id": version_id, "text": text, "stages": tuple(labels)})
        raise Unavailable("no answer")

    sink._access.api.put = put  # type: ignore[method-assign]  # a tap
    return waiting


def test_a_put_without_any_answer_is_unsure_and_may_arrive_late(secret: str) -> None:
    sink = make_sink()
    place = sink.read()
    waiting = lose_puts(sink, 3)
    with pytest.raises(Unavailable) as caught:
        sink.claim(place, make_lock(base=S0), P)
    assert caught.value.unsure
    assert set(stages()) == {"AWSCURRENT"}
    make_sink()._access.api.put(**waiting[0])  # it arrives
    seen = make_sink().read()
    assert (seen.lock, seen.unsettled, seen.value(Stage.PENDING)) == (None, True, P)
    other = make_sink()
    mine = other.take_over(seen, make_lock("abort", base=S0, holder="h2"))
    other.release(mine, "aborted")
    assert set(stages()) == {"AWSCURRENT"}


def test_a_put_that_arrives_after_the_next_claim_does_nothing(secret: str) -> None:
    sink = make_sink()
    place = sink.read()
    waiting = lose_puts(sink, 3)
    with pytest.raises(Unavailable):
        sink.claim(place, make_lock(base=S0), P)
    other = make_sink()
    held = other.claim(other.read(), make_lock(base=S0, id="r-2", holder="h2"), THIRD)
    with pytest.raises(Conflict, match="somebody else was faster"):
        make_sink()._access.api.put(**waiting[0])
    assert other.renew(held).value == THIRD


def test_one_attempt_without_an_answer_makes_it_unsure_though_the_last_were_throttled(
    aws: Controls, secret: str
) -> None:
    sink = make_sink()
    place = sink.read()
    lose_puts(sink, 1)
    aws.faults["PutSecretValue"] = ["throttle"] * 2
    with pytest.raises(Unavailable) as caught:
        sink.claim(place, make_lock(base=S0), P)
    assert caught.value.unsure


def test_a_put_that_was_only_throttled_is_known_not_to_have_happened(aws: Controls, secret: str) -> None:
    sink = make_sink()
    place = sink.read()
    aws.faults["PutSecretValue"] = ["throttle"] * 3
    with pytest.raises(Unavailable, match="throttling") as caught:
        sink.claim(place, make_lock(base=S0), P)
    assert not caught.value.unsure


@pytest.mark.parametrize(("fault", "unsure"), [("throttle", False), ("error", True)])
def test_a_secret_whose_creation_got_no_answer_may_yet_come_into_being(aws: Controls, fault: str, unsure: bool) -> None:
    sink = make_sink()
    place = sink.read()
    aws.faults["CreateSecret"] = [fault] * 3
    with pytest.raises(Unavailable) as caught:
        sink.claim(place, make_lock(base=S0), P, initial=S0)
    assert caught.value.unsure == unsure


# --- labels that others moved


def test_a_value_from_which_others_took_the_pending_label_can_be_found(secret: str) -> None:
    sink = make_sink()
    sink.claim(sink.read(), make_lock(base=S0), P)
    put_pending('{"client_secret": "foreign"}')
    seen = make_sink().read()
    assert (bool(seen.foreign), seen.unsettled, seen.lock) == (True, True, None)
    assert P in make_sink().candidates()
    drop_pending()
    seen = make_sink().read()
    assert (seen.foreign, seen.unsettled, seen.lock, seen.history.at(Stage.PENDING)) == ("", True, None, None)
    assert P in make_sink().candidates()
    assert make_sink().recall(P.fingerprint(SALT), SALT) == P
    other = make_sink()
    held = other.claim(seen, make_lock("settle", base=S0, id="r-2", holder="h2"), P)
    other.promote(held, P, make_record(P, S0))
    other.release(held, "settled")
    seen = make_sink().read()
    assert (seen.unsettled, seen.value(Stage.CURRENT)) == (False, P)


def test_left_values_are_found_once_and_what_cannot_be_read_is_passed_over(secret: str) -> None:
    for number, value in enumerate((P, THIRD, P, None)):
        sink = make_sink()
        held = sink.claim(sink.read(), make_lock(base=S0, id=f"r-{number}", holder=f"h{number}"), value)
        assert held.value == value
        drop_pending()
    found = [value.reveal() for value in make_sink().candidates()]
    assert sorted(found) == sorted({P.reveal(), THIRD.reveal(), S0.reveal()})


def test_the_highest_ids_are_candidates_without_any_label(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0), P)
    sink.release(held, "given back")
    for number in range(8):
        client().put_secret_value(SecretId=secret, SecretString=json.dumps({"client_secret": f"theirs-{number}"}))
    assert set(stages()) == {"AWSCURRENT", "AWSPREVIOUS"}
    assert make_sink().candidates()[0] == P


def test_retiring_drops_left_over_labels_from_the_value_too(secret: str) -> None:
    sink = make_sink()
    first = sink.claim(sink.read(), make_lock(base=S0, id="r-1"), THIRD)
    drop_pending()  # the leaked value hides under a label of ours
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0, id="r-2", holder="h2"), P)
    sink.promote(held, P, make_record(P, S0))
    assert own_label("r-1", first.lock) in stages()
    assert sink.retire(held, THIRD.fingerprint(SALT))
    assert own_label("r-1", first.lock) not in stages()
    assert sink.retire(held, THIRD.fingerprint(SALT)) == ()
    sink.release(held, "rotated")
    assert set(stages()) == {"AWSCURRENT", "AWSPREVIOUS", "FALLBACK"}


# --- recalling


def test_recalling_looks_at_labelled_versions_first_and_at_few_others(secret: str) -> None:
    rotate(make_sink())
    for number in range(30):
        client().put_secret_value(SecretId=secret, SecretString=json.dumps({"client_secret": f"theirs-{number}"}))
    sink = make_sink()
    api = tapped(sink)
    assert sink.recall(S0.fingerprint(SALT), SALT) == S0  # by its label FALLBACK
    assert api.calls == ["page", "get", "get", "get"]
    assert sink.recall(Secret("theirs-15").fingerprint(SALT), SALT) == Secret("theirs-15")
    assert sink.recall(Secret("theirs-1").fingerprint(SALT), SALT) is None
    assert api.calls.count("get") == 3 + 20


def test_a_version_that_cannot_be_read_is_passed_over(secret: str) -> None:
    client().put_secret_value(SecretId=secret, SecretBinary=b"binary")
    assert make_sink().recall(S0.fingerprint(SALT), SALT) == S0


def test_recalling_without_permission_finds_nothing_and_without_an_answer_says_so(aws: Controls, secret: str) -> None:
    aws.faults["GetSecretValue"] = ["error"] * 3
    with pytest.raises(Unavailable):
        make_sink().recall(S0.fingerprint(SALT), SALT)
    for action in ("GetSecretValue", "ListSecretVersionIds"):
        aws.deny = {action}
        assert make_sink().recall(S0.fingerprint(SALT), SALT) is None
