"""Secrets that somebody else manages, and secrets that are too full: refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sinks.aws.fitness import NOTES, OURS
from sinks.errors import Refused
from sinks.port import Deed
from sinks.record import Record, SiblingKeys
from sinks.secret import Secret
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import client, make_lock, make_record, make_sink, stages, tags, tapped
from tests.unit.sinks.aws.test_no_room import LABELS, fill_labels

S0, P = Secret("old-value"), Secret("new-value")
OTHER = "arn:aws:secretsmanager:us-east-1:444455556666:secret:apps/x-AbCdEf"
AUTH0 = {
    "Type": "Auth0OAuthClientSecret",
    "ExternalSecretRotationMetadata": [{"Key": "adminSecretArn", "Value": OTHER}],
    "ExternalSecretRotationRoleArn": "arn:aws:iam::123456789012:role/rotation",
}
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "Auth0, rotated by AWS",
        AUTH0 | {"RotationEnabled": True},
        ["Type Auth0OAuthClientSecret", "AWS rotates it at Auth0", "cancel-rotate-secret --secret-id apps/x",
         "ordinary secret of another name", "#clientSecret"],
    ),
    ("Auth0, no rotation", AUTH0, ["Type Auth0OAuthClientSecret", "ordinary secret of another name"]),
    (
        "another partner",
        {"Type": "SnowflakeKeyPairAuthentication", "RotationEnabled": True},
        ["Type SnowflakeKeyPairAuthentication", "at that partner", "cancel-rotate-secret"],
    ),
    ("a Lambda", {"RotationEnabled": True}, ["RotationEnabled", "cancel-rotate-secret --secret-id apps/x"]),
    ("a replica", {"PrimaryRegion": "eu-west-1"}, ["replica of the secret in eu-west-1", "aws://eu-west-1/apps/x"]),
    (
        "a replica of another account's",
        {"CrossAccountPrimary": {"PrimarySecretARN": OTHER, "ReplicationStatus": "InSync"}},
        [f"replica of {OTHER} in another account", f"use aws://{OTHER}"],
    ),
    (
        "a failed replica in a region",
        {"ReplicationStatus": [{"Region": "eu-west-1", "Status": "Failed"}]},
        ["in eu-west-1 is not in sync (ReplicationStatus is Failed)"],
    ),
    (
        "a failed replica in another account",
        {"CrossAccountReplicas": [{"ReplicaSecretARN": OTHER, "ReplicationStatus": "Detached"}]},
        [f"in {OTHER} is not in sync (ReplicationStatus is Detached)"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("described", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_aws_manages_itself_is_refused_with_the_way_out(
    aws: Controls, secret: str, described: dict[str, Any], told: list[str]
) -> None:
    aws.described = described
    with pytest.raises(Refused) as caught:
        make_sink().read()
    text = f"{caught.value.message} | {caught.value.hint}"
    assert [word for word in told if word not in text] == []
    assert caught.value.message in make_sink().survey().notes


@pytest.mark.parametrize(
    "described",
    [
        {"Type": None},
        {"RotationEnabled": False, "RotationRules": {"AutomaticallyAfterDays": 30}},
        {"PrimaryRegion": "us-east-1"},
        {"CrossAccountReplicas": [{"ReplicaSecretARN": OTHER, "ReplicationStatus": "InSync"}]},
        {"ReplicationStatus": [{"Region": "eu-west-1", "Status": "InSync"}]},
    ],
)
def test_what_stands_in_nobodys_way_is_not_refused(aws: Controls, secret: str, described: dict[str, Any]) -> None:
    aws.described = described
    assert make_sink().read().exists


def test_a_secret_of_another_service_names_it(aws: Controls, secret: str) -> None:
    aws.described = {"OwningService": "rds"}
    assert make_sink().survey().manager == "the AWS service rds"


def test_the_tags_that_operations_write_are_those_that_are_counted(secret: str) -> None:
    """Everything that a secret can get, in one story: with sibling keys, an audit record and a soft retirement."""
    sink = make_sink()
    lock = make_lock(base=S0, sibling_keys=SiblingKeys.KEEP, reason="x", ends=(P.fingerprint("AbC123"),))
    held = sink.claim(sink.read(), lock, P)
    record: Record = replace(make_record(P, S0), sibling_keys=SiblingKeys.KEEP, audit="1:0123456789abcdef", former="")
    sink.promote(held, P, replace(record, former=S0.fingerprint("AbC123")))
    sink.release(held, "rotated")
    held = sink.claim(sink.read(), make_lock("retire", base=P, holder="h2"), None)
    sink.retire(held, softly=True)
    sink.note({"retirement": "x", "anchor": "y"})
    sink.release(held, "retired")
    assert set(tags()) == OURS | NOTES


def own_tags(count: int) -> None:
    for start in range(0, count, 10):
        some = [{"Key": f"theirs-{number}", "Value": "x"} for number in range(start, min(start + 10, count))]
        client().tag_resource(SecretId="apps/x", Tags=some)


ROOM = 50 - len(OURS | NOTES)


@pytest.mark.parametrize("count", [ROOM + 1, 25, 50])
def test_too_many_tags_are_counted_before_anything_is_written(secret: str, count: int) -> None:
    own_tags(count)
    sink = make_sink()
    calls = tapped(sink)
    before = stages(), dict(tags())
    with pytest.raises(Refused, match=f"has {count} tags of its own; AWS takes 50") as caught:
        sink.check(sink.read(), frozenset({Deed.HOLD, Deed.TAG}))
    assert caught.value.hint == f"remove {count - ROOM} of its own tags"
    assert (stages(), dict(tags())) == before
    assert not {"put", "tag", "label", "create"} & set(calls.calls)


def test_as_many_tags_as_there_is_room_for_are_enough_for_a_whole_life(secret: str) -> None:
    own_tags(ROOM)
    sink = make_sink()
    state = sink.read()
    sink.check(state, frozenset({Deed.HOLD, Deed.PROMOTE, Deed.TAG}))
    lock = make_lock(base=S0, sibling_keys=SiblingKeys.KEEP)
    held = sink.claim(state, lock, P)
    record = replace(make_record(P, S0), sibling_keys=SiblingKeys.KEEP, audit="1:0", former=S0.fingerprint("AbC123"))
    assert not sink.promote(held, P, record).untold
    sink.release(held, "rotated")
    state = sink.read()
    sink.check(state, frozenset({Deed.HOLD, Deed.RETIRE, Deed.RETIRE_SOFTLY, Deed.NOTE}))
    held = sink.claim(state, make_lock("retire", base=P, holder="h2"), None)
    sink.retire(held, softly=True)
    sink.note({"retirement": "x", "anchor": "y"})
    sink.release(held, "retired")
    assert len(tags()) == 50


def test_tags_of_aws_itself_do_not_count(aws: Controls, secret: str) -> None:
    own_tags(ROOM)
    found = [{"Key": name, "Value": value} for name, value in tags().items()]
    aws.described = {"Tags": [*found, *({"Key": f"aws:x:{number}", "Value": "y"} for number in range(9))]}
    make_sink().check(make_sink().read(), frozenset({Deed.HOLD}))


def test_a_version_without_room_for_the_fallbacks_label_is_found_beforehand(secret: str) -> None:
    added = fill_labels(stages()["AWSCURRENT"])
    sink = make_sink()
    before = stages()
    with pytest.raises(Refused, match=f"has {LABELS} labels; AWS takes {LABELS}"):
        sink.check(sink.read(), frozenset({Deed.HOLD, Deed.PROMOTE}))
    assert stages() == before
    client().update_secret_version_stage(
        SecretId=secret, VersionStage=added[0], RemoveFromVersionId=before["AWSCURRENT"]
    )
    sink.check(sink.read(), frozenset({Deed.HOLD, Deed.PROMOTE}))
