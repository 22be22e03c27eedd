"""Each row of what AWS does and plain moto does not."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.support.strict_moto import Controls, make_strict
from tests.unit.sinks.aws.factory import CREDENTIALS, NOW, client, stages, text_at

TOKEN, OTHER, THIRD = (str(uuid.UUID(int=n)) for n in (1, 2, 3))


def code(call: Callable[..., Any], **arguments: Any) -> str:
    """Return the error code with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(SecretId="apps/x", **arguments)
    return str(caught.value.response["Error"]["Code"])


def put(text: str, token: str = TOKEN, *labels: str, name: str = "apps/x") -> dict[str, Any]:
    more = {"VersionStages": list(labels)} if labels else {}
    answer: dict[str, Any] = client().put_secret_value(
        SecretId=name, SecretString=text, ClientRequestToken=token, **more
    )
    return answer


def move(stage: str, **where: str) -> None:
    client().update_secret_version_stage(SecretId="apps/x", VersionStage=stage, **where)


def test_the_same_token_and_value_change_nothing_not_even_labels(secret: str) -> None:
    put("a", TOKEN, "AWSPENDING", "ONE")
    before = stages()
    answer = put("a", TOKEN, "AWSPENDING", "TWO")
    assert set(answer["VersionStages"]) == {"AWSPENDING", "ONE"}
    assert stages() == before


@pytest.mark.parametrize("labels", [["AWSPENDING"], ["AWSCURRENT"], ["CUSTOM"]])
def test_the_same_token_with_another_value_is_refused(secret: str, labels: list[str]) -> None:
    put("a", TOKEN, *labels)
    refused = code(client().put_secret_value, SecretString="b", ClientRequestToken=TOKEN, VersionStages=labels)
    assert refused == "ResourceExistsException"
    assert client().get_secret_value(SecretId="apps/x", VersionId=TOKEN)["SecretString"] == "a"


def test_the_same_token_is_refused_by_update_secret_too(secret: str) -> None:
    put("a", TOKEN, "AWSPENDING")
    refused = code(client().update_secret, SecretString="b", ClientRequestToken=TOKEN)
    assert refused == "ResourceExistsException"


def test_creating_again_with_the_same_token_and_value_is_once() -> None:
    for _ in range(2):
        client().create_secret(Name="apps/x", SecretString="a", ClientRequestToken=TOKEN)
    with pytest.raises(ClientError, match="already exists"):
        client().create_secret(Name="apps/x", SecretString="b", ClientRequestToken=TOKEN)
    assert text_at("AWSCURRENT") == "a"


def test_previous_follows_when_current_moves(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    put("a", TOKEN, "AWSPENDING")
    move("AWSCURRENT", RemoveFromVersionId=first, MoveToVersionId=TOKEN)
    assert stages() == {"AWSCURRENT": TOKEN, "AWSPENDING": TOKEN, "AWSPREVIOUS": first}
    put("b", OTHER)
    assert stages() == {"AWSCURRENT": OTHER, "AWSPREVIOUS": TOKEN, "AWSPENDING": TOKEN}


def test_versions_without_labels_are_hidden_unless_asked_for(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    put("a", TOKEN)
    put("b", OTHER)
    listed = client().list_secret_version_ids(SecretId="apps/x")["Versions"]
    assert {v["VersionId"] for v in listed} == {TOKEN, OTHER}
    assert set(client().describe_secret(SecretId="apps/x")["VersionIdsToStages"]) == {TOKEN, OTHER}
    every = client().list_secret_version_ids(SecretId="apps/x", IncludeDeprecated=True)["Versions"]
    assert {v["VersionId"] for v in every} == {first, TOKEN, OTHER}
    assert client().get_secret_value(SecretId="apps/x", VersionId=first)["SecretString"]


def test_a_second_pending_put_takes_the_label_from_the_first(secret: str) -> None:
    put("a", TOKEN, "AWSPENDING")
    put("b", OTHER, "AWSPENDING")
    assert stages()["AWSPENDING"] == OTHER


def test_a_custom_label_moves_only_from_its_named_holder(secret: str) -> None:
    put("a", TOKEN, "CUSTOM")
    put("b", OTHER)
    update = client().update_secret_version_stage
    assert code(update, VersionStage="CUSTOM", MoveToVersionId=OTHER) == "InvalidParameterException"
    wrong = code(update, VersionStage="CUSTOM", RemoveFromVersionId=OTHER, MoveToVersionId=OTHER)
    assert wrong == "InvalidParameterException"
    move("CUSTOM", RemoveFromVersionId=TOKEN, MoveToVersionId=OTHER)
    assert stages()["CUSTOM"] == OTHER


def test_current_moves_only_from_its_named_holder_and_never_vanishes(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    put("a", TOKEN)
    put("b", OTHER, "AWSPENDING")
    update = client().update_secret_version_stage
    for where in (
        {"MoveToVersionId": OTHER},
        {"RemoveFromVersionId": first, "MoveToVersionId": OTHER},
        {"RemoveFromVersionId": TOKEN},
    ):
        assert code(update, VersionStage="AWSCURRENT", **where) == "InvalidParameterException"
    assert stages()["AWSCURRENT"] == TOKEN


def test_removing_a_label_that_is_not_there_is_refused(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    update = client().update_secret_version_stage
    assert code(update, VersionStage="NOWHERE", RemoveFromVersionId=first) == "InvalidParameterException"


def test_a_version_takes_twenty_labels(secret: str) -> None:
    put("a", TOKEN, *(f"L{n}" for n in range(20)))
    update = client().update_secret_version_stage
    assert code(update, VersionStage="L20", MoveToVersionId=TOKEN) == "LimitExceededException"


def test_a_value_takes_64_kib(secret: str) -> None:
    put("a" * 65_536)
    assert code(client().put_secret_value, SecretString="a" * 65_537) == "InvalidParameterException"


def test_a_secret_takes_fifty_tags(secret: str) -> None:
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    client().tag_resource(SecretId="apps/x", Tags=tags)
    assert code(client().tag_resource, Tags=[{"Key": "one-more", "Value": "v"}]) == "InvalidParameterException"


def test_nothing_is_written_to_a_secret_that_is_being_deleted(secret: str) -> None:
    version = stages()["AWSCURRENT"]
    client().delete_secret(SecretId="apps/x")
    api = client()
    for call, arguments in (
        (api.put_secret_value, {"SecretString": "a"}),
        (api.update_secret, {"SecretString": "a"}),
        (api.update_secret_version_stage, {"VersionStage": "X", "MoveToVersionId": version}),
        (api.tag_resource, {"Tags": [{"Key": "k", "Value": "v"}]}),
        (api.untag_resource, {"TagKeys": ["k"]}),
        (api.get_secret_value, {}),
    ):
        assert code(call, **arguments) == "InvalidRequestException"
    with pytest.raises(ClientError, match="scheduled for deletion"):
        api.create_secret(Name="apps/x", SecretString="a")


def test_rotation_needs_a_lambda(secret: str) -> None:
    assert code(client().rotate_secret) == "InvalidRequestException"
    client().rotate_secret(SecretId="apps/x", RotationLambdaARN="arn:aws:lambda:us-east-1:123456789012:function:f")
    assert client().describe_secret(SecretId="apps/x")["RotationEnabled"] is True


def test_custom_labels_survive_a_plain_put(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    move("CUSTOM", MoveToVersionId=first)
    put("a", TOKEN)
    assert stages() == {"AWSCURRENT": TOKEN, "AWSPREVIOUS": first, "CUSTOM": first}


def test_there_are_never_two_current_after_a_move_and_a_put(secret: str) -> None:
    first = stages()["AWSCURRENT"]
    put("a", TOKEN, "AWSPENDING")
    move("AWSCURRENT", RemoveFromVersionId=first, MoveToVersionId=TOKEN)
    put("b", OTHER)
    listed = client().list_secret_version_ids(SecretId="apps/x", IncludeDeprecated=True)["Versions"]
    assert [v["VersionId"] for v in listed if "AWSCURRENT" in v["VersionStages"]] == [OTHER]
    assert client().get_secret_value(SecretId="apps/x")["SecretString"] == "b"


def test_the_first_version_becomes_current_whatever_was_asked() -> None:
    client().create_secret(Name="apps/x")
    put("a", TOKEN, "AWSPENDING")
    assert stages() == {"AWSPENDING": TOKEN, "AWSCURRENT": TOKEN}


def test_versions_are_dated_when_they_are_made(aws: Controls, secret: str) -> None:
    aws.clock = NOW.timestamp
    put("a", TOKEN)
    aws.clock = (NOW + timedelta(days=3)).timestamp
    answer = client().list_secret_version_ids(SecretId="apps/x")
    assert next(v["CreatedDate"] for v in answer["Versions"] if v["VersionId"] == TOKEN) == NOW
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"] == "Thu, 26 Nov 2026 02:00:00 GMT"


def test_listings_come_in_pages_with_their_arn(aws: Controls, secret: str) -> None:
    put("a", TOKEN)
    aws.page = 1
    first = client().list_secret_version_ids(SecretId="apps/x")
    second = client().list_secret_version_ids(SecretId="apps/x", NextToken=first["NextToken"])
    assert len(first["Versions"]) == len(second["Versions"]) == 1
    assert "NextToken" not in second
    assert first["ARN"].startswith("arn:aws:secretsmanager:us-east-1:")


def test_denied_actions_say_so_as_aws_does(aws: Controls, secret: str) -> None:
    aws.deny.add("PutSecretValue")
    assert code(client().put_secret_value, SecretString="a") == "AccessDeniedException"


def test_faults_come_once_and_in_order(aws: Controls, secret: str) -> None:
    once = client(config=Config(retries={"total_max_attempts": 1}))
    aws.faults["PutSecretValue"] = ["throttle", "error", "lost", "cut"]
    put_once = once.put_secret_value
    assert code(put_once, SecretString="a", ClientRequestToken=TOKEN) == "ThrottlingException"
    assert code(put_once, SecretString="a", ClientRequestToken=TOKEN) == "InternalServiceError"
    assert TOKEN not in stages().values()
    with pytest.raises(ReadTimeoutError):
        put_once(SecretId="apps/x", SecretString="a", ClientRequestToken=TOKEN)
    assert stages()["AWSCURRENT"] == TOKEN
    assert "VersionStages" not in put_once(SecretId="apps/x", SecretString="b", ClientRequestToken=OTHER)
    assert stages()["AWSCURRENT"] == OTHER


def test_making_it_strict_twice_is_once() -> None:
    assert make_strict() is make_strict()


def test_it_is_as_strict_over_http() -> None:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-m", "tests.support.strict_moto", "--deny", "DeleteSecret"]
    server = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        url = server.stdout.readline().strip()
        script = (
            "import boto3, sys\n"
            f"c = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url={url!r})\n"
            "c.create_secret(Name='n', SecretString='a')\n"
            f"c.put_secret_value(SecretId='n', SecretString='a', ClientRequestToken={TOKEN!r}, VersionStages=['P'])\n"
            "try: c.delete_secret(SecretId='n')\n"
            "except c.exceptions.ClientError as e: print(e.response['Error']['Code'])\n"
            f"c.put_secret_value(SecretId='n', SecretString='b', ClientRequestToken={TOKEN!r}, VersionStages=['P'])\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script], env=CREDENTIALS, capture_output=True, text=True, check=False
        )
        assert ran.stdout.strip() == "AccessDeniedException"
        assert "ResourceExistsException" in ran.stderr
    finally:
        server.terminate()
        server.wait(10)
        if server.stdout:
            server.stdout.close()
