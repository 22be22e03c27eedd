"""One attack each: what somebody with few rights writes, the command that meets it, and what must be so afterwards."""

from __future__ import annotations

import json

import pytest

from tests.resilience.deaths.bench import Subject
from tests.resilience.deaths.line import At, Blow
from tests.resilience.kill.scenarios import adopted, rotated
from tests.resilience.trust.attacks import FUTURE, ROTATE, assert_sound, fingerprint, lock, put, quiet, tag
from tests.resilience.trust.forging import KNOWN


@pytest.mark.parametrize("offset", [0, 1, 2], ids=["the present version", "the next one", "the one after"])
def test_a_tag_that_names_versions_destroys_nothing_that_can_be_read(client: Subject, offset: int) -> None:
    quiet(client, rotated)
    latest = client.world.vault.metadata()["current_version"]
    before = client.see()[0]
    tag(client, bridge_aside=f"0123456789abcdef {latest + offset}")
    client.must(*ROTATE)
    assert_sound(client)
    now = client.see()[0]
    assert now.fallback == before.current
    assert before.current in now.readable


@pytest.mark.parametrize("client", ["vault", "vault aws"], indirect=True)
@pytest.mark.parametrize("operation", ["rotate", "rollback", "sync", "adopt", "settle"])
def test_a_lock_with_a_known_value_is_no_order_to_set_it(client: Subject, operation: str) -> None:
    quiet(client, rotated)
    put(client, lock(client, operation, KNOWN))
    client.must(*ROTATE)
    assert_sound(client)
    assert client.world.live != KNOWN


@pytest.mark.parametrize("client", ["aws"], indirect=True)
def test_a_version_with_the_labels_of_a_lock_is_no_order_either(client: Subject) -> None:
    quiet(client, rotated)
    place = client.world.aws
    with client.outside():
        labels = ["AWSPENDING", "BRIDGE:r-00000000:rotate:::00000000"]
        text = json.dumps({"client_secret": KNOWN})
        place.client.put_secret_value(SecretId=place.name, SecretString=text, VersionStages=labels)
    client.die_out()
    client.must(*ROTATE)
    assert_sound(client)


@pytest.mark.parametrize("operation", ["retire", "retire-softly", "bring-back", "forget", "adopt"])
def test_what_a_lock_calls_its_operation_is_not_carried_on(client: Subject, operation: str) -> None:
    quiet(client, rotated)
    before = client.see()[0]
    put(client, lock(client, operation, None, ends=fingerprint(client, before.current or "")))
    said = client.must("resume", "--no-wait")
    assert "given-back" in said.out
    now = client.see()[0]
    assert (now.current, now.fallback, now.tags) == (before.current, before.fallback, before.tags)


def test_an_idle_record_over_a_genuine_lock_does_not_lose_its_value(client: Subject) -> None:
    quiet(client, adopted)
    client.strike(ROTATE, At(3), Blow.KILLED_AFTER)  # Auth0 has the value, and no document
    live = client.world.live
    put(client, {"secret-bridge": {"state": "idle", "id": "r-0", "holder": "0", "outcome": "done"}})
    client.die_out()
    client.must("resume", "--no-wait")
    assert client.see()[0].current == live == client.world.live


def test_somebody_elses_text_over_a_genuine_lock_is_refused_and_stays_readable(client: Subject) -> None:
    quiet(client, adopted)
    client.strike(ROTATE, At(3), Blow.KILLED_AFTER)
    live = client.world.live
    put(client, {"another team": {"a": 1}})
    client.die_out()
    refused = client.run(ROTATE)
    assert refused.status == 4
    assert "somebody else's text" in refused.err
    assert "--discard-foreign" in refused.err
    client.must("resume", "--discard-foreign")
    assert client.see()[0].current == live == client.world.live
    place = client.world.vault
    path = f"{place.path}/pending"
    texts = [place.document(int(n), path) for n in place.metadata(path)["versions"]]
    assert {"another team": {"a": 1}} in texts


def test_who_overwrites_the_lock_while_auth0_is_told_causes_no_outage(client: Subject) -> None:
    quiet(client, adopted)
    ended = client.line(at=At(3), blow=Blow.ANSWERED)
    ended.meanwhile = lambda _done: put(client, lock(client, "rotate", KNOWN))
    said = client.run(ROTATE, ended)
    assert said.status == 3
    assert client.see()[0].current == client.world.live
    client.die_out()
    client.must("resume", "--no-wait")
    assert_sound(client)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "r-\x07"}, {"operation": "frobnicate"}, {"sinks": "vault://secret/elsewhere"}, {"client_id": "another"},
        {"started": "yesterday"}, {"base": "x"}, {"holder": "a b"}, {"actor": "\u202e"},
    ],
    ids=lambda changed: next(iter(changed)),
)  # fmt: skip
def test_no_text_at_the_lock_key_keeps_the_answer_to_a_leak_from_being_given(
    client: Subject, changed: dict[str, str]
) -> None:
    quiet(client, rotated)
    leaked = client.world.live
    put(client, lock(client, "rotate", KNOWN, **changed))
    client.must("rotate", "--compromised", "--reason", "leak", "--yes")
    assert_sound(client)
    assert leaked not in client.see()[0].readable


def test_a_time_far_in_the_future_ends_with_the_vaults_own(client: Subject) -> None:
    quiet(client, adopted)
    put(client, lock(client, "rotate", KNOWN, expected_end=FUTURE))
    refused = client.run(ROTATE)
    assert refused.status == 4
    assert "--takeover" in refused.err
    client.die_out()
    client.die_out()
    client.must(*ROTATE)
    assert_sound(client)


def test_three_nightly_rotations_under_a_lock_that_is_forged_each_time(client: Subject) -> None:
    quiet(client, adopted)
    values = {client.world.live}
    for _ in range(3):
        put(client, lock(client, "rotate", KNOWN))
        client.must(*ROTATE)
        assert_sound(client)
        values.add(client.world.live)
        client.spread()
        client.rest()
    assert len(values) == 4


@pytest.mark.parametrize("client", ["aws"], indirect=True)
def test_no_room_for_tags_at_the_promotion_keeps_no_reader_waiting(client: Subject) -> None:
    """In Vault a PATCH counts only its own entries, so there is always room."""
    quiet(client, adopted)
    place = client.world.aws

    def fill(_done: list[str]) -> None:
        with client.outside():
            place.wipe()
            for number in range(50 - len(place.describe()["Tags"])):
                place.tag(f"junk{number}", "x")

    line = client.line(at=At(4), blow=Blow.ANSWERED)
    line.meanwhile = fill
    said = client.run(ROTATE, line)
    assert line.struck.startswith("auth0"), line.struck
    assert said.status == 3, said
    assert "adopt" in said.err
    assert client.see()[0].current == client.world.live
    with client.outside():
        for number in range(50):
            place.tag(f"junk{number}", None)
    client.spread()
    client.rest()
    client.must("adopt", "--repair", "--yes")
    client.must(*ROTATE)
    assert_sound(client)
