from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sinks.aws.listing import own_label
from sinks.errors import Busy, Denied, Expired, Lost, Refused, SinkError, Unavailable
from sinks.port import Lease, Stage
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

S0, P = Secret("old-value"), Secret("new-value")
BASE = make_lock(base=S0)


def claimed(value: Secret | None = P, **more: object) -> Lease:
    sink = make_sink()
    return sink.claim(sink.read(), make_lock(base=S0, **more), value)


def test_a_claim_stores_the_value_as_pending_beside_everything_else(secret: str) -> None:
    claimed()
    assert json.loads(text_at("AWSPENDING")) == {"client_secret": "new-value", "db": "theirs"}
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "old-value", "db": "theirs"}


def test_a_claim_says_whose_it_is(secret: str) -> None:
    claimed()
    place = make_sink().survey()
    assert place.unsettled
    assert place.lock == BASE


def test_a_claim_without_a_value_holds_a_lock_that_readers_ignore(secret: str) -> None:
    held = claimed(None, operation="retire")
    assert held.value is None
    place = make_sink().read()
    assert place.value(Stage.PENDING) is None
    assert place.value(Stage.CURRENT) == S0
    assert "old-value" not in text_at("AWSPENDING")


def test_a_second_claim_learns_who_holds_the_place_and_until_when(secret: str) -> None:
    claimed()
    with pytest.raises(Busy) as caught:
        claimed(holder="h2")
    assert caught.value.lock == BASE
    assert "is held by another operation" in caught.value.message


@pytest.mark.parametrize("values", [(P, Secret("other-value")), (P, P), (None, None), (P, None)])
def test_of_two_claims_on_the_same_view_one_wins_even_with_the_same_value(
    secret: str, values: tuple[Secret | None, Secret | None]
) -> None:
    sink, rival = make_sink(), make_sink()
    views = sink.read(), rival.read()
    held = sink.claim(views[0], make_lock(base=S0, id="r-1"), values[0])
    with pytest.raises(Busy) as caught:
        rival.claim(views[1], make_lock(base=S0, id="r-1", holder="h2"), values[1])
    assert caught.value.lock
    assert caught.value.lock.holder == "h1"
    assert sink.renew(held).value == values[0]


@pytest.mark.parametrize("rival_at", range(6))
def test_a_rival_that_claims_between_any_two_calls_leaves_one_holder(secret: str, rival_at: int) -> None:
    sink, rival = make_sink(), make_sink()
    view = rival.read()
    rivals: list[Lease | SinkError] = []

    def tap(number: int, _: str) -> None:
        if number == rival_at:
            try:
                rivals.append(rival.claim(view, make_lock(base=S0, id="r-2", holder="h2"), Secret("rivals")))
            except Busy as busy:
                rivals.append(busy)

    place = sink.read()
    tapped(sink, tap)
    ours: Lease | SinkError
    try:
        ours = sink.claim(place, BASE, P)
    except Busy as busy:
        ours = busy
    winners = [held for held in (ours, *rivals) if isinstance(held, Lease)]
    assert len(winners) == 1
    assert make_sink().read().value(Stage.PENDING) == winners[0].value


def test_an_old_view_claims_nothing_after_somebody_elses_whole_rotation(secret: str) -> None:
    late = make_sink()
    view = late.read()
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    before = stages()
    with pytest.raises(Busy):
        late.claim(view, make_lock(base=S0, holder="h2"), Secret("late"))
    assert stages() == before


@pytest.mark.parametrize("fault", ["lost", "cut", "throttle", "error"])
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("action", ["PutSecretValue", "TagResource"])
def test_a_claim_whose_answer_is_lost_is_a_claim_or_leaves_nothing(
    aws: Controls, secret: str, action: str, fault: str, times: int
) -> None:
    sink = make_sink()
    place = sink.read()
    aws.faults[action] = [fault] * times
    unanswered: list[Unavailable] = []
    try:
        held = sink.claim(place, BASE, P)
    except Unavailable as error:
        unanswered.append(error)
    else:
        assert sink.renew(held)
    assert make_sink().survey().lock == (None if unanswered else BASE)
    assert make_sink().survey().unsettled == (not unanswered)
    may_arrive = action == "PutSecretValue" and fault == "error"
    assert [(times, error.unsure) for error in unanswered] in ([], [(3, may_arrive)])


def test_claiming_again_with_the_same_words_is_the_same_claim(secret: str) -> None:
    sink = make_sink()
    place = sink.read()
    first = sink.claim(place, BASE, P)
    again = make_sink().claim(place, BASE, P)
    later = make_sink().claim(make_sink().read(), BASE, P)
    assert first.token.version == again.token.version == later.token.version  # type: ignore[attr-defined]  # AWS's own token


def test_a_claim_that_may_not_be_described_is_undone(aws: Controls, secret: str) -> None:
    before = stages()
    aws.deny.add("TagResource")
    with pytest.raises(Denied, match="secretsmanager:TagResource"):
        claimed()
    assert stages() == before


def undescribed() -> None:
    """Claim, and die before the tags are written: nobody can tell whose it is, and whoever wants it is refused."""
    sink = make_sink()

    def tap(_: int, name: str) -> None:
        if name == "tag":
            raise KeyboardInterrupt

    place = sink.read()
    tapped(sink, tap)
    with pytest.raises(KeyboardInterrupt):
        sink.claim(place, BASE, P)
    seen = make_sink().survey()
    assert seen.unsettled
    assert seen.lock is None
    with pytest.raises(Busy, match=r"held by somebody whose name is not written yet \(version .*, made 20") as caught:
        claimed(holder="h2")
    assert caught.value.lock is None


def test_a_lock_that_is_not_described_yet_is_busy_by_its_date(secret: str) -> None:
    undescribed()


def test_tags_of_an_earlier_operation_do_not_describe_a_new_lock(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(base=S0, id="r-0"), None)
    sink.release(held, "done")
    undescribed()


def test_a_foreign_pending_version_is_neither_claimed_nor_taken_over(secret: str) -> None:
    client().put_secret_value(SecretId=secret, SecretString="{}", VersionStages=["AWSPENDING"])
    place = make_sink().read()
    assert place.unsettled
    for call in (make_sink().claim, make_sink().take_over):
        with pytest.raises(Busy, match="secret-bridge did not make") as caught:
            call(place, BASE, P) if call.__name__ == "claim" else call(place, BASE)
        assert (caught.value.lock, caught.value.hint) == (None, None)


def test_a_pending_label_that_native_rotation_left_on_current_is_no_lock(secret: str) -> None:
    version = stages()["AWSCURRENT"]
    client().update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", MoveToVersionId=version)
    assert not make_sink().survey().unsettled
    assert claimed().value == P


def test_other_tags_and_labels_stay(secret: str) -> None:
    client().tag_resource(SecretId=secret, Tags=[{"Key": "team", "Value": "billing"}])
    version = stages()["AWSCURRENT"]
    client().update_secret_version_stage(SecretId=secret, VersionStage="THEIRS", MoveToVersionId=version)
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    assert tags()["team"] == "billing"
    assert stages()["THEIRS"] == version
    held = sink.claim(sink.read(), make_lock("forget", base=P), None)
    sink.forget(held)
    sink.release(held, "done")
    assert tags() == {"team": "billing"}
    assert set(stages()) == {"AWSCURRENT", "AWSPREVIOUS", "THEIRS"}


# --- the first version


@pytest.mark.parametrize("key", ["client_secret", None])
@pytest.mark.parametrize("there", ["nothing", "no version"])
def test_an_empty_place_gets_the_live_value_first(key: str | None, there: str) -> None:
    if there == "no version":
        client().create_secret(Name="apps/x")
    sink = make_sink(key=key)
    held = sink.claim(sink.read(), BASE, P, initial=S0)
    place = sink.read()
    assert (place.value(Stage.CURRENT), place.value(Stage.PENDING)) == (S0, P)
    promoted = sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    place = sink.read()
    assert (place.value(Stage.CURRENT), place.value(Stage.FALLBACK)) == (P, S0)
    assert place.history.at(Stage.FALLBACK).id == promoted.fallback  # type: ignore[union-attr]  # None fails as well


def test_a_document_without_our_key_gets_the_live_value_and_keeps_its_own() -> None:
    client().create_secret(Name="apps/x", SecretString='{"db": "theirs"}')
    sink = make_sink()
    sink.claim(sink.read(), BASE, P, initial=S0)
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "old-value", "db": "theirs"}


def test_without_a_live_value_the_pending_one_is_not_published_too_early() -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), make_lock(), P)
    assert "new-value" not in text_at("AWSCURRENT")
    assert sink.read().value(Stage.CURRENT) is None
    assert sink.promote(held, P, make_record(P)).fallback is None
    sink.release(held, "done")
    assert sink.read().value(Stage.CURRENT) == P
    assert "FALLBACK" not in stages()


def test_a_secret_that_somebody_else_creates_meanwhile_is_not_adopted() -> None:
    sink = make_sink()
    place = sink.read()
    client().create_secret(Name="apps/x", SecretString='{"client_secret": "foreign"}')
    with pytest.raises(Busy):
        sink.claim(place, BASE, P, initial=S0)
    assert json.loads(text_at("AWSCURRENT")) == {"client_secret": "foreign"}


@pytest.mark.parametrize("initial", [S0, None])
def test_a_value_that_appears_meanwhile_is_not_replaced(initial: Secret | None) -> None:
    client().create_secret(Name="apps/x")
    sink = make_sink()
    place = sink.read()
    client().put_secret_value(SecretId="apps/x", SecretString='{"client_secret": "foreign"}')
    with pytest.raises(Busy, match="has got a value by now"):
        sink.claim(place, BASE, P, initial=initial)
    assert set(stages()) == {"AWSCURRENT"}


@pytest.mark.parametrize("rival_at", range(12))
def test_of_two_first_claims_one_wins_and_the_live_value_is_current(rival_at: int) -> None:
    sink, rival = make_sink(), make_sink()
    views = sink.read(), rival.read()
    won: list[Lease] = []

    def tap(number: int, _: str) -> None:
        if number == rival_at:
            try:
                won.append(rival.claim(views[1], make_lock(base=S0, id="r-2", holder="h2"), None, initial=S0))
            except Busy:
                return

    tapped(sink, tap)
    try:
        won.append(sink.claim(views[0], BASE, P, initial=S0))
    except Busy:
        assert won  # by the rival
    except Unavailable:  # the secret that the rival has got is one that this process had made
        assert won
    assert len(won) == 1
    place = make_sink().read()
    assert place.value(Stage.CURRENT) == S0
    assert place.unsettled


@pytest.mark.parametrize("fault", ["lost", "cut"])
@pytest.mark.parametrize("times", [1, 3])
def test_creating_with_a_lost_answer_is_creating(aws: Controls, fault: str, times: int) -> None:
    sink = make_sink()
    place = sink.read()
    aws.faults["CreateSecret"] = [fault] * times
    sink.claim(place, BASE, P, initial=S0)
    assert sink.read().value(Stage.CURRENT) == S0


# --- looking, taking over, releasing


def test_a_look_begins_a_new_lease(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), BASE, P)
    clock.seconds += 100
    assert sink.renew(held).renewed == clock.seconds


def test_take_over_keeps_the_value_and_the_former_holder_has_lost(secret: str) -> None:
    sink, other = make_sink(), make_sink()
    held = sink.claim(sink.read(), BASE, P)
    taken = other.take_over(other.read(), replace(BASE, holder="h2", actor="somebody"))
    assert taken.value == P
    assert other.survey().lock == replace(BASE, holder="h2", actor="somebody")
    for call in (
        lambda: sink.renew(held),
        lambda: sink.store(held, Secret("late")),
        lambda: sink.promote(held, P, make_record(P, S0)),
        lambda: sink.tag(held, make_record(P, S0)),
        lambda: sink.forget(held),
        lambda: sink.retire(held),
    ):
        with pytest.raises(Lost):
            call()
    sink.release(held, "done")
    assert other.renew(taken).value == P


def test_of_two_that_take_over_one_wins(secret: str) -> None:
    claimed()
    first, second = make_sink(), make_sink()
    views = first.read(), second.read()
    held = first.take_over(views[0], replace(BASE, holder="h2"))
    with pytest.raises(Busy):
        second.take_over(views[1], replace(BASE, holder="h3"))
    assert first.renew(held).value == P


@pytest.mark.parametrize("value", [P, None])
def test_a_takeover_cut_short_anywhere_is_still_the_same_operation(secret: str, value: Secret | None) -> None:
    claimed(value)
    for cut in range(2):  # before the put, before the tags
        sink = make_sink()
        place = sink.read()

        def tap(number: int, _: str, cut: int = cut) -> None:
            if number == cut:
                raise KeyboardInterrupt

        tapped(sink, tap)
        with pytest.raises(KeyboardInterrupt):
            sink.take_over(place, replace(BASE, holder=f"cut{cut}"))
        seen = make_sink().read()
        assert seen.lock
        assert (seen.lock.id, seen.lock.base, seen.value(Stage.PENDING)) == ("r-7f3a", BASE.base, value)


def test_a_takeover_that_is_denied_leaves_the_value_pending(aws: Controls, secret: str) -> None:
    claimed(P)
    sink = make_sink()
    place = sink.read()
    aws.deny.add("TagResource")
    with pytest.raises(Denied):
        sink.take_over(place, replace(BASE, holder="h2"))
    aws.deny.clear()
    seen = make_sink().read()
    assert seen.unsettled
    assert seen.value(Stage.PENDING) == P


def test_an_undescribed_lock_can_be_taken_over(secret: str) -> None:
    undescribed()
    sink = make_sink()
    held = sink.take_over(sink.read(), replace(BASE, holder="h2", operation="abort"))
    assert held.value == P
    sink.release(held, "aborted")
    assert set(stages()) == {"AWSCURRENT"}


def test_there_is_nothing_to_take_over_where_nobody_holds_the_place(secret: str) -> None:
    sink = make_sink()
    with pytest.raises(Busy):
        sink.take_over(sink.read(), BASE)


def test_store_replaces_a_lock_by_a_value(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, None)
    held = sink.store(held, P)
    assert held.value == P
    assert json.loads(text_at("AWSPENDING")) == {"client_secret": "new-value", "db": "theirs"}
    seen = make_sink().survey().lock
    assert seen
    assert seen.holder != BASE.holder  # so that the put takes AWSPENDING from our own version, and from no other
    assert replace(seen, holder=BASE.holder) == BASE
    assert sink.renew(held).value == P


@pytest.mark.parametrize("fault", ["lost", "cut", "throttle"])
def test_a_value_whose_storing_is_not_answered_is_stored(aws: Controls, secret: str, fault: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, None)
    aws.faults["PutSecretValue"] = [fault] * (3 if fault != "throttle" else 2)
    assert sink.store(held, P).value == P
    assert make_sink().read().value(Stage.PENDING) == P


@pytest.mark.parametrize("stop", range(3))
def test_store_cut_short_anywhere_leaves_a_lock_that_is_described(secret: str, stop: int) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, None)

    def tap(number: int, _: str) -> None:
        if number == stop:
            raise KeyboardInterrupt

    tapped(sink, tap)
    with pytest.raises(KeyboardInterrupt):
        sink.store(held, P)
    assert make_sink().read().lock == BASE


def test_release_leaves_nothing_pending_and_twice_is_once(secret: str) -> None:
    sink = make_sink()
    before = stages()
    held = sink.claim(sink.read(), BASE, P)
    for _ in range(2):
        sink.release(held, "aborted")
        assert stages() == before
    place = sink.read()
    assert not place.unsettled
    assert place.released


@pytest.mark.parametrize("fault", ["lost", "cut", "throttle", "error"])
def test_release_with_lost_answers_is_release(aws: Controls, secret: str, fault: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    aws.faults["UpdateSecretVersionStage"] = [fault]
    sink.release(held, "aborted")
    assert set(stages()) == {"AWSCURRENT"}


def test_an_aborted_rotation_leaves_the_older_fallback_in_place(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    sink.promote(held, P, make_record(P, S0))
    sink.release(held, "done")
    before = stages()
    held = sink.claim(sink.read(), make_lock(base=P, id="r-2"), Secret("third"))
    assert sink.read().value(Stage.FALLBACK) == S0
    sink.release(held, "aborted")
    assert stages() == before


def test_labels_that_a_crash_left_behind_go_with_the_next_release(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    client().update_secret_version_stage(
        SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=stages()["AWSPENDING"]
    )
    assert own_label("r-7f3a", held.lock) in stages()
    with pytest.raises(Lost):
        sink.renew(held)
    held = sink.claim(sink.read(), make_lock(base=S0, id="r-2", holder="h2"), None)
    sink.release(held, "done")
    assert set(stages()) == {"AWSCURRENT"}


# --- leases


def test_an_unguarded_call_is_not_sent_after_its_lease(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    sink.read()
    with pytest.raises(Expired):
        sink._access.api.tag({"late": "yes"}, before=clock.seconds)
    assert "late" not in tags()


def test_a_call_that_ended_after_its_lease_is_given_up_though_it_was_done(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    sink.read()
    sink._access.api._known.meta.events.register_last("after-call", lambda **_: clock.sleep(11))
    with pytest.raises(Expired):
        sink._access.api.tag({"late": "yes"}, before=clock.seconds + 10)
    assert "late" in tags()


def test_a_frozen_process_looks_again_before_it_writes(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), BASE, P)
    frozen = iter([60.0, 60.0])

    def tap(_: int, name: str) -> None:
        if name in ("tag", "label"):
            clock.seconds += next(frozen, 0)

    calls = tapped(sink, tap)
    sink.promote(held, P, make_record(P, S0))
    called = [name for name in calls.calls if name != "get"]
    assert called == ["page", "label", "page", "label", "page", "label", "label", "tag"]
    assert json.loads(text_at("AWSCURRENT"))["client_secret"] == "new-value"


def test_a_process_frozen_for_ever_gives_up(secret: str) -> None:
    clock = ManualClock()
    sink = make_sink(clock=clock)
    held = sink.claim(sink.read(), BASE, P)

    def tap(_: int, name: str) -> None:
        if name in ("tag", "label"):
            clock.seconds += 60

    tapped(sink, tap)
    with pytest.raises(Unavailable, match="gave up after 20 tries"):
        sink.promote(held, P, make_record(P, S0))
    assert json.loads(text_at("AWSCURRENT"))["client_secret"] == "old-value"


def test_pages_that_contradict_each_other_are_read_again(aws: Controls, secret: str) -> None:
    sink = make_sink()
    sink.claim(sink.read(), BASE, P)
    old, new = stages()["AWSCURRENT"], stages()["AWSPENDING"]
    aws.page = 1

    def tap(number: int, _: str) -> None:
        if number == 1:  # after the page that shows the old version as current, and now the other
            client().update_secret_version_stage(
                SecretId=secret, VersionStage="AWSCURRENT", RemoveFromVersionId=old, MoveToVersionId=new
            )

    calls = tapped(sink, tap)
    assert sink.survey().history.at(Stage.CURRENT).id == new  # type: ignore[union-attr]  # None fails as well
    assert calls.calls == ["page", "page", "page", "page", "describe"]


def test_a_place_that_vanishes_is_refused(secret: str) -> None:
    sink = make_sink()
    held = sink.claim(sink.read(), BASE, P)
    client().delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    with pytest.raises(Refused, match="there is no such secret"):
        sink.renew(held)
