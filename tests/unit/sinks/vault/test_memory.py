"""What the lock key remembers for the document, and what that costs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from bridge.sandbox.openbao import OpenBao
from sinks.port import Lost, SinkState, Stage, Unavailable
from sinks.secret import Secret
from sinks.vault import Auth, Settings
from tests.contract.harness import KEY, LEASE, VaultHarness
from tests.contract.operator import CLIENT, P1, P2, S0, claimed, filled, lock, record, rotated, seen_again, taken_over
from tests.unit.sinks.vault.support import Calls, sink_at, watched

THEIRS = {"db_url": "postgres://theirs"}
SETTLED = ["config", "read", "metadata", "read", "read"]  # the lock key, the document, its fallback


class Killed(BaseException):
    """The process ended here."""


def kill_at(calls: Calls, number: int) -> None:
    def before(now: int, name: str) -> None:
        if now == number:
            raise Killed

    calls.before = before


def lock_document(place: VaultHarness) -> dict[str, Any]:
    read = place.kv.read_secret_version(f"{place.path}/pending", raise_on_deleted_version=True)
    found: dict[str, Any] = read["data"]["data"]
    return found


def test_reading_a_settled_place_asks_for_nothing_more_than_it_shows(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    sink, calls = watched(place)
    sink.read()
    assert calls.made == SETTLED


def test_no_request_more_where_a_value_was_given_up(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    owner, held = claimed(place, P2, base=P1, holder="ci-2")
    owner.release(held, "given up")
    sink, calls = watched(place)
    sink.read()
    assert calls.made == SETTLED


def test_the_idle_record_tells_what_the_document_says_and_holds_no_value(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    said = lock_document(place)
    assert set(said) == {"secret-bridge"}
    assert said["secret-bridge"].items() >= record(place, P1, S0).tags().items()
    assert said["secret-bridge"]["state"] == "idle"
    assert seen_again(place).remembered == record(place, P1, S0)


def test_tags_that_are_wiped_while_the_place_is_held_are_remembered(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    sink, held = claimed(place, P2, base=P1, holder="ci-2")
    place.wipe_tags()
    seen = seen_again(place)
    assert (seen.wiped, seen.record, seen.remembered) == (False, None, record(place, P1, S0))
    sink.promote(held, P2, record(place, P2, P1, rotation="r-ci-2"))
    place.wipe_tags()
    sink.release(held, "rotated")
    seen = seen_again(place)
    assert (seen.wiped, seen.remembered) == (True, record(place, P2, P1, rotation="r-ci-2"))


def test_every_takeover_still_knows_what_the_place_said_at_the_beginning(place: VaultHarness) -> None:
    """The holder tagged the document for the value that it never wrote."""
    filled(place)
    rotated(place)
    sink, calls = watched(place)
    held = sink.claim(sink.read(), lock(place, "zombie", base=P1), P2)
    kill_at(calls, len(calls.made) + 2)  # after the document is read and tagged
    with pytest.raises(Killed):
        sink.promote(held, P2, record(place, P2, P1, rotation="r-zombie"))
    for holder in ("late-1", "late-2"):
        taken_over(place, holder)
        seen = seen_again(place)
        assert seen.record == record(place, P2, P1, rotation="r-zombie")
        assert seen.remembered == record(place, P1, S0)
        assert seen.value(Stage.CURRENT) == P1


def test_a_survey_tells_of_wiped_tags_from_metadata_alone(bao: OpenBao, place: VaultHarness, root: Any) -> None:
    filled(place)
    rotated(place)
    place.wipe_tags()
    rules = 'path "secret/metadata/*" { capabilities = ["read"] }'
    root.sys.create_or_update_policy("metadata-only", rules)
    token = root.auth.token.create(policies=["metadata-only"])["auth"]["client_token"]
    settings = Settings(bao.url, auth=Auth(token="env:TOKEN"))
    sink = sink_at(bao, f"secret/{place.path}", settings=settings, references={"env:TOKEN": token})
    seen = sink.survey()
    assert (seen.wiped, seen.remembered) == (True, None)
    assert any(note.startswith("the tags of secret-bridge are gone") for note in seen.notes)
    assert sink.recall(P1.fingerprint(CLIENT), CLIENT) is None  # it may not read values


def test_an_adoption_and_the_first_version_are_remembered_in_metadata(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place, None, operation="adopt")
    sink.tag(held, record(place, S0))
    sink.release(held, "adopted")
    place.wipe_tags()
    assert place.sink().survey().wiped
    assert seen_again(place).remembered == record(place, S0)


def test_a_first_version_is_remembered_in_metadata(place: VaultHarness) -> None:
    sink = place.sink()
    held = sink.claim(sink.read(), lock(place), P1, initial=S0)
    sink.release(held, "given up")
    assert not seen_again(place).wiped
    place.wipe_tags()
    assert place.sink().survey().wiped
    seen = seen_again(place)
    assert (seen.wiped, seen.record and seen.record.former) == (False, "")
    assert "managed-by" in seen.differs


def test_a_place_of_another_manager_does_not_look_wiped(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    place.kv.update_metadata(place.path, custom_metadata={"managed-by": "terraform"})
    assert not seen_again(place).wiped
    assert not place.sink().survey().wiped


def test_forgetting_that_is_killed_anywhere_and_finished_is_forgetting(bao: OpenBao, unique: str) -> None:
    number, done = 0, False
    while not done:
        place = VaultHarness(bao, f"{unique}-{number}")
        filled(place)
        rotated(place)
        sink, calls = watched(place)
        held = sink.claim(sink.read(), lock(place, "zombie", base=P1, operation="forget"), None)
        kill_at(calls, len(calls.made) + number)
        try:
            sink.forget(held)
            sink.release(held, "forgotten")
            done = True
        except Killed:
            if seen_again(place).lock:
                other, mine = taken_over(place)
                other.forget(mine)
            else:
                other, mine = claimed(place, None, base=P1, holder="cleaner")
            other.candidates()  # who settles reads what was left, and its release cleans what it has read
            other.release(mine, "forgotten")
        for seen in (seen_again(place), place.sink().survey()):
            assert (seen.wiped, seen.record, seen.unsettled) == (False, None, False), f"killed before call {number}"
        number += 1
    assert number > 4


def test_a_lock_key_from_before_it_remembered_anything_is_read(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    idle = {"secret-bridge": {"state": "idle", "id": "r-1", "holder": "h", "outcome": "rotated"}}
    place.kv.create_or_update_secret(f"{place.path}/pending", idle)
    seen = seen_again(place)
    assert (seen.wiped, seen.remembered, seen.foreign, seen.lock) == (False, None, "", None)
    rotated(place, P1, P2, holder="ci-2")
    assert seen_again(place).remembered == record(place, P2, P1, rotation="r-ci-2")


# --- values by their fingerprints


def test_recalling_passes_over_what_was_destroyed_and_finds_the_newest(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    place.kv.destroy_secret_versions(place.path, [2])
    assert place.sink().recall(S0.fingerprint(CLIENT), CLIENT) == S0  # in the first version
    place.kv.destroy_secret_versions(place.path, [1])
    assert place.sink().recall(S0.fingerprint(CLIENT), CLIENT) is None
    assert place.sink().recall(P1.fingerprint(CLIENT), CLIENT) == P1


def test_recalling_without_an_answer_says_so(place: VaultHarness) -> None:
    filled(place)
    sink, calls = watched(place)
    calls.lose_request_of(1)
    with pytest.raises(Unavailable):
        sink.recall(S0.fingerprint(CLIENT), CLIENT)


def test_every_value_that_several_operations_left_is_found_once_and_the_newest_first(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    other, mine = taken_over(place)
    mine = other.store(mine, P2)
    mine = other.store(mine, P1)
    place.interrupt_release(other, mine, "given up")
    assert place.sink().candidates() == (P1, P2, S0)
    sink.release(held, "too late")


def test_a_value_that_was_replaced_before_the_promotion_is_found(place: VaultHarness) -> None:
    filled(place)
    sink, held = claimed(place)
    held = sink.store(held, P2)
    sink.promote(held, P2, record(place, P2, S0))
    place.interrupt_release(sink, held, "rotated")
    assert P1 in place.sink().candidates()


# --- ending and undoing, killed between any two calls


def test_a_copy_that_settling_has_read_ends_with_its_value(place: VaultHarness) -> None:
    """A release died after P1 was published; a rotation by somebody else passed over its copy in the lock key."""
    filled(place)
    dead, held = claimed(place)
    dead.promote(held, P1, record(place, P1, S0))
    place.interrupt_release(dead, held, "rotated")
    other, held = claimed(place, P2, base=P1, holder="ci-2")
    other.promote(held, P2, record(place, P2, P1, rotation="r-ci-2"))
    other.release(held, "rotated")
    sink, held = claimed(place, None, base=P2, holder="ci-3", operation="retire")
    assert P1 in sink.candidates()
    sink.retire(held)
    sink.release(held, "retired")
    assert P1.reveal() not in place.reachable()


def test_a_retirement_that_died_before_untagging_is_finished(place: VaultHarness) -> None:
    filled(place)
    rotated(place)
    sink, calls = watched(place)
    held = sink.claim(sink.read(), lock(place, "zombie", base=P1, operation="retire"), None)

    def after(now: int, name: str) -> None:
        if name == "destroy":
            raise Killed

    calls.after = after
    with pytest.raises(Killed):
        sink.retire(held, S0.fingerprint(CLIENT))
    assert place.tags()["bridge_fallback"]
    other, mine = taken_over(place)
    other.retire(mine, S0.fingerprint(CLIENT))
    other.release(mine, "retired")
    assert "bridge_fallback" not in place.tags()
    assert place.reachable() == [P1.reveal()]


@pytest.mark.parametrize("foreign", [False, True])
def test_a_rotation_that_died_before_its_write_can_be_undone(bao: OpenBao, unique: str, foreign: bool) -> None:
    """Whatever it had tagged: the older fallback is the fallback again, and nothing of it is left."""
    for number in range(10):
        place = VaultHarness(bao, f"{unique}-{number}")
        filled(place)
        rotated(place)
        before = record(place, P1, S0)
        sink, calls = watched(place)
        held = sink.claim(sink.read(), lock(place, "zombie", base=P1), P2)
        kill_at(calls, len(calls.made) + number)
        with suppress(Killed):
            sink.promote(held, P2, record(place, P2, P1, rotation="r-zombie"))
        if (place.document() or {})[KEY] == P2.reveal():
            assert number >= 3
            return
        if foreign:
            place.write_key("smtp", "theirs")
        other, mine = taken_over(place, operation="settle")
        seen = seen_again(place)
        assert seen.remembered == before
        other.tag(mine, before, fallback=S0.fingerprint(CLIENT))
        other.release(mine, "given back", ended=(P2,))
        assert place.document() == {KEY: P1.reveal(), **THEIRS, **({"smtp": "theirs"} if foreign else {})}
        assert undone(seen_again(place)) == (before, before, P1, S0, 0, False, False)
        assert P2.reveal() not in place.reachable()
        rotated(place, P1, Secret("P4-the-next-one"), holder="ci-4")
        assert place.fallback() == P1.reveal()
    raise AssertionError("it never got as far as its write")


def test_who_wakes_after_its_rotation_was_undone_harms_nobody(bao: OpenBao, unique: str) -> None:
    """It slept before one call of its promotion, past its lease; meanwhile another operation undid it."""
    for number in range(3):  # read, tag, write
        place = VaultHarness(bao, f"{unique}-{number}")
        filled(place)
        rotated(place)
        sink, calls = watched(place)
        held = sink.claim(sink.read(), lock(place, "zombie", base=P1), P2)
        begun = len(calls.made)

        def undo(now: int, name: str, number: int = number, begun: int = begun, place: VaultHarness = place) -> None:
            if now == begun + number:
                place.clock.advance(3 * LEASE)
                other, mine = taken_over(place, operation="settle")
                other.tag(mine, record(place, P1, S0), fallback=S0.fingerprint(CLIENT))
                other.release(mine, "given back")

        calls.before = undo
        with pytest.raises(Lost):
            sink.promote(held, P2, record(place, P2, P1, rotation="r-zombie"))
        told = record(place, P1, S0)
        assert undone(seen_again(place)) == (told, told, P1, S0, 0, False, False), f"before call {number}"


def undone(seen: SinkState) -> tuple[object, ...]:
    stages = seen.value(Stage.CURRENT), seen.value(Stage.FALLBACK)
    return (seen.record, seen.remembered, *stages, seen.edits, seen.drifted, seen.unsettled)
