"""Which value was the fallback: what others tag is not believed, and what the bridge has sealed is."""

from __future__ import annotations

import pytest

from sinks.seal import NOTHING, Where, said
from sinks.secret import Secret
from tests.e2e.sinks import ANCIENT
from tests.resilience.deaths.bench import Subject
from tests.resilience.deaths.line import At, Blow
from tests.resilience.kill.scenarios import adopted, changed_elsewhere, filled, rotated, soft_delete
from tests.resilience.trust.attacks import ROTATE, assert_sound, fingerprint, given, put, quiet, tag
from tests.resilience.trust.forging import KNOWN

BOTH = pytest.mark.parametrize("client", ["vault", "vault aws"], indirect=True)
EVERY = pytest.mark.parametrize("client", ["vault", "aws", "vault aws"], indirect=True)
AWS = pytest.mark.parametrize("client", ["aws"], indirect=True)
RETIRE, REPAIR = ("retire", "--yes"), ("adopt", "--repair", "--yes")


def tags_of(subject: Subject) -> dict[str, str]:
    return dict(subject.world.vault.metadata()["custom_metadata"])


def labels(subject: Subject) -> dict[str, str]:
    return {stage: version for version, stages in subject.world.aws.versions().items() for stage in stages}


def pin(subject: Subject, version: str) -> None:
    """Move FALLBACK, as somebody may who may move labels."""
    place, where = subject.world.aws, labels(subject)
    if where.get("FALLBACK") == version:
        return
    more = {"RemoveFromVersionId": where["FALLBACK"]} if "FALLBACK" in where else {}
    with subject.outside():
        place.client.update_secret_version_stage(
            SecretId=place.name, VersionStage="FALLBACK", MoveToVersionId=version, **more
        )


def replay(subject: Subject, tags: dict[str, str], version: str) -> None:
    """Write again what AWS's tags said, and pin the fallback of that time."""
    with subject.outside():
        for name, text in tags.items():
            subject.world.aws.tag(name, text)
    pin(subject, version)


@EVERY
def test_a_rotation_seals_what_it_says_and_rollback_needs_nobodys_word(client: Subject) -> None:
    quiet(client, rotated)
    old = client.see()[0].fallback
    for seen in client.see():
        assert seen.tags["bridge_seal"].split(".")[2] == fingerprint(client, old or "")
    client.must("rollback")
    assert client.world.live == old
    assert_sound(client)


@BOTH
def test_a_version_that_is_tagged_as_the_fallback_and_never_was_one(client: Subject) -> None:
    quiet(client, adopted)
    live = client.world.live
    tag(client, bridge_fallback="1")
    for argv in (("rollback",), RETIRE, ("retire", "--soft")):
        refused = client.run(argv)
        assert refused.status == 4, refused
        assert "v1" in refused.err
        assert "adopt" in refused.err
    assert client.world.live == live
    assert ANCIENT in client.see()[0].readable
    client.must(*REPAIR)
    assert client.see()[0].fallback is None
    client.must(*ROTATE)
    assert_sound(client)


@BOTH
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bridge_promoted_at", "2000-01-01T00:00:00.000Z"), ("bridge_promoted_at", "2099-01-01T00:00:00.000Z"),
        ("bridge_recent", "0123456789abcdef 0123456789abcdef"), ("bridge_aside", "0123456789abcdef 1"),
        ("bridge_log", "-"), ("bridge_age", "at least"), ("bridge_rotation", "r-1"), ("bridge_audit", "1:x"),
        ("bridge_tenant", "another"), ("bridge_client_id", "another"), ("bridge_sinks", "vault://secret/other"),
        ("bridge_seal", None), ("bridge_seal", "1.99.0123456789abcdef." + "A" * 43), ("bridge_fallback", None),
        ("bridge_fallback", "1"), ("bridge_current", "1"), ("managed-by", None),
    ],
)  # fmt: skip
def test_a_tag_that_somebody_changes_is_known_and_written_again(client: Subject, name: str, text: str | None) -> None:
    quiet(client, rotated)
    client.must(*ROTATE)
    client.spread()
    client.rest()
    before, old = tags_of(client), client.see()[0].fallback
    tag(client, **{name: text})
    client.must("rollback")
    assert client.world.live == old
    assert_sound(client)
    after = tags_of(client)
    assert {n for n in before if n not in after} == set()
    assert after.get(name) != text


def test_wiped_tags_do_not_lose_the_fallback(client: Subject) -> None:
    quiet(client, rotated)
    old = client.see()[0].fallback
    with client.outside():
        client.world.vault.wipe()
    client.must("rollback")
    assert client.world.live == old
    assert client.see()[0].tags["managed-by"] == "secret-bridge"


def test_tags_from_before_a_rotation_and_a_rollback_verify_and_are_older(client: Subject) -> None:
    """The value that is current is the same, so that the old seal holds under it."""
    quiet(client, rotated)
    old = tags_of(client)
    client.must(*ROTATE)
    genuine = client.world.live
    client.spread()
    client.rest()
    client.must("rollback")
    client.spread()
    client.rest()
    where = Where(client.world.vault.uri, "client_secret")
    current = Secret(client.world.live)
    assert said(old, where, current).former is not None
    tag(client, **old)
    client.must("rollback")
    assert client.world.live == genuine
    assert tags_of(client)["bridge_seal"] != old["bridge_seal"]


@AWS
def test_tags_and_labels_from_before_the_answer_to_a_leak(client: Subject) -> None:
    quiet(client, rotated)
    place, leaked = client.world.aws, client.world.live
    tags = {tag["Key"]: tag["Value"] for tag in place.describe()["Tags"]}
    version = labels(client)["AWSCURRENT"]
    client.must("rotate", "--compromised", "--reason", "leak", "--yes")
    client.spread()
    client.rest()
    replay(client, tags, version)
    before = given(client)
    refused = client.run(("rollback",))
    assert refused.status == 4, refused
    assert given(client) == before
    assert leaked not in before[-1:]
    client.must(*REPAIR)
    client.must(*ROTATE)
    assert_sound(client)


@AWS
def test_tags_from_before_a_retirement_do_not_bring_its_value_back(client: Subject) -> None:
    quiet(client, rotated)
    place, version = client.world.aws, labels(client)["FALLBACK"]
    tags = {tag["Key"]: tag["Value"] for tag in place.describe()["Tags"]}
    client.must(*RETIRE)
    client.spread()
    client.rest()
    replay(client, tags, version)
    assert client.run(("rollback",)).status == 4
    client.must(*ROTATE)  # it ends once more
    assert_sound(client)


@AWS
def test_a_label_that_somebody_moves_is_put_back(client: Subject) -> None:
    quiet(client, rotated)
    client.must(*ROTATE)
    client.spread()
    client.rest()
    old, where = client.see()[0].fallback, labels(client)
    pin(client, next(v for v in client.world.aws.versions() if v not in where.values()))
    client.must("rollback")
    assert client.world.live == old
    assert_sound(client)


def test_who_seals_a_value_of_their_own_sets_it_by_no_command(client: Subject) -> None:
    """They may write the document and its metadata, and so know the value that they wrote."""
    quiet(client, rotated)
    place = client.world.vault
    with client.outside():
        place.edit("client_secret", KNOWN)
        place.edit("client_secret", ANCIENT)
    own = NOTHING.changed(
        {**tags_of(client), "bridge_recent": f"{fingerprint(client, ANCIENT)} {fingerprint(client, KNOWN)}"},
        Where(place.uri, "client_secret"), Secret(ANCIENT), 1, fingerprint(client, KNOWN),
    )  # fmt: skip
    version = place.metadata()["current_version"]
    tag(client, **own.tags, bridge_current=str(version), bridge_fallback=str(version - 1))
    assert client.run(("rollback",)).status != 0
    client.must("sync")
    refused = client.run(("rollback",))
    assert refused.status == 4, refused
    assert "--unproven" in refused.err
    assert_sound(client)


def test_an_ex_reader_who_names_another_fallback_meets_what_was_current_in_between(client: Subject) -> None:
    """They know the value that is current, may write the lock key, and want an old value of theirs to be set."""
    quiet(client, rotated)
    theirs = client.see()[0].fallback
    client.must(*ROTATE)
    client.spread()
    client.rest()
    place, current = client.world.vault, Secret(client.world.live)
    forged = NOTHING.changed(
        tags_of(client), Where(place.uri, "client_secret"), current, 10**3, fingerprint(client, theirs or "")
    )
    for _ in range(2):
        idle = {"state": "idle", "id": "r-0", "holder": "0", "outcome": "done"}
        put(client, {"secret-bridge": {**idle, **forged.tags}})
    forged = NOTHING.changed(
        tags_of(client), Where(place.uri, "client_secret"), current,
        place.metadata(f"{place.path}/pending")["current_version"], fingerprint(client, theirs or ""),
    )  # fmt: skip
    put(client, {"secret-bridge": {"state": "idle", "id": "r-0", "holder": "0", "outcome": "done", **forged.tags}})
    before = given(client)
    assert client.run(("rollback",)).status == 4
    assert given(client) == before


@EVERY
def test_after_a_change_in_the_dashboard_going_back_asks(client: Subject) -> None:
    quiet(client, changed_elsewhere)
    client.must("sync")
    client.spread()
    client.rest()
    refused = client.run(("rollback",))
    assert refused.status == 4, refused
    assert "nobody has seen Auth0 accept" in refused.err
    client.must(*RETIRE)  # Auth0 refuses it
    assert client.see()[0].fallback is None
    assert_sound(client)


@pytest.mark.parametrize("client", ["vault", "vault aws"], indirect=True)
@pytest.mark.parametrize("at", [4, 5, 6])
def test_a_rotation_that_was_killed_leaves_a_fallback_that_is_proven(client: Subject, at: int) -> None:
    quiet(client, rotated)
    before = client.world.live
    client.strike(ROTATE, At(at), Blow.KILLED_AFTER)
    client.die_out()
    client.must("resume", "--no-wait")
    client.spread()
    client.rest()
    if client.world.live != before:
        client.must("rollback")
        assert client.world.live == before
    assert_sound(client)


def unseal(subject: Subject) -> None:
    """Make it a sink of a version that sealed nothing: the tags, and the copy of them."""
    for place in subject.sinks:
        with subject.outside():
            place.tag("bridge_seal", None)
    place = subject.world.vault
    path = f"{place.path}/pending"
    document = place.document(None, path) or {}
    document["secret-bridge"].pop("bridge_seal", None)
    put(subject, document)
    subject.rest()


@BOTH
def test_what_was_never_sealed_is_asked_for(client: Subject) -> None:
    quiet(client, rotated)
    old = client.see()[0].fallback
    unseal(client)
    for argv in (("rollback",), RETIRE, ROTATE):
        refused = client.run(argv)
        assert refused.status == 4, refused
        assert "--unproven" in refused.err
        assert "adopt" in refused.err
    wrong = client.run(("rollback", "--unproven", "99", "--yes"))
    assert wrong.status == 4
    assert "--unproven: found '99'" in wrong.err
    version = client.see()[0].tags["bridge_fallback"]
    client.must("rollback", "--unproven", f"v{version}" if version.isdigit() else version[:8], "--yes")
    assert client.world.live == old
    assert_sound(client)


def test_a_repair_takes_the_fallback_that_a_person_names(client: Subject) -> None:
    quiet(client, rotated)
    old, version = client.see()[0].fallback, client.see()[0].tags["bridge_fallback"]
    unseal(client)
    assert client.run((*REPAIR, "--fallback", "99")).status == 4
    client.must(*REPAIR, "--fallback", f"v{version}")
    client.must("rollback")
    assert client.world.live == old


def test_a_rotation_without_an_open_fallback_seals_what_was_not(client: Subject) -> None:
    quiet(client, adopted)
    unseal(client)
    before = client.world.live
    client.must(*ROTATE)
    client.spread()
    client.rest()
    client.must("rollback")
    assert client.world.live == before


@EVERY
def test_what_was_retired_softly_comes_back_as_proven_as_it_was(client: Subject) -> None:
    quiet(client, soft_delete)
    assert client.see()[0].fallback is None
    client.must("retire", "--undo")
    client.spread()
    client.rest()
    old = client.see()[0].fallback
    client.must("rollback")
    assert client.world.live == old


@pytest.mark.parametrize("client", ["vault aws"], indirect=True)
def test_a_place_that_lost_its_seal_is_proven_by_the_other(client: Subject) -> None:
    quiet(client, rotated)
    old = client.see()[0].fallback
    with client.outside():
        client.world.aws.tag("bridge_seal", None)
    client.must("rollback")
    assert client.world.live == old


def test_adopting_seals_and_the_first_rotation_proves(client: Subject) -> None:
    quiet(client, filled)
    before = client.world.live
    client.must("adopt", "--yes")
    assert client.see()[0].tags["bridge_seal"].split(".")[2] == "-"
    client.must(*ROTATE)
    client.spread()
    client.rest()
    client.must("rollback")
    assert client.world.live == before


def test_another_places_tags_prove_nothing(client: Subject) -> None:
    quiet(client, rotated)
    tags, current = tags_of(client), Secret(client.world.live)
    here, there = Where(client.world.vault.uri, "client_secret"), Where("vault://secret/apps/other", "client_secret")
    assert said(tags, here, current).former is not None
    assert said(tags, there, current).former is None
    assert said(tags, Where(here.uri, None), current).former is None
    assert said(tags, Where(here.uri, "another"), current).former is None
    assert said({**tags, "bridge_client_id": "another"}, here, current).former is None
    assert said(tags, here, Secret("another value")).former is None
