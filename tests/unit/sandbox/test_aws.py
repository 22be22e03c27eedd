"""The sandbox's AWS answers people who read and edit secrets by hand as AWS does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.sandbox.aws import LocalAws

CURRENT, PREVIOUS, PENDING, FALLBACK = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "FALLBACK"
NAME = "apps/billing"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    with LocalAws() as running:
        yield running


@pytest.fixture(scope="module")
def aws(server: LocalAws) -> Iterator[Any]:
    told = server.environment()
    client = boto3.session.Session().client(
        "secretsmanager",
        region_name=told["AWS_REGION"],
        endpoint_url=told["AWS_ENDPOINT_URL"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )
    yield client
    client.close()


@pytest.fixture
def name() -> str:
    return f"apps/{uuid.uuid4()}"


def holders(aws: Any, name: str) -> dict[str, list[str]]:
    """Return who holds each label; a label at two versions is what AWS never has."""
    found: dict[str, list[str]] = {}
    for version, stages in aws.describe_secret(SecretId=name).get("VersionIdsToStages", {}).items():
        for stage in stages:
            found.setdefault(stage, []).append(version)
    return found


def promoted(aws: Any, name: str) -> None:
    """Do what a rotation does: `old` is the fallback then, and `new` is current."""
    old = aws.create_secret(Name=name, SecretString="old")["VersionId"]
    new = aws.put_secret_value(SecretId=name, SecretString="new", VersionStages=[PENDING])["VersionId"]
    aws.update_secret_version_stage(SecretId=name, VersionStage=FALLBACK, MoveToVersionId=old)
    move(aws, name, CURRENT, old, new)
    aws.update_secret_version_stage(SecretId=name, VersionStage=PENDING, RemoveFromVersionId=new)


def move(aws: Any, name: str, stage: str, source: str, target: str) -> None:
    aws.update_secret_version_stage(
        SecretId=name, VersionStage=stage, RemoveFromVersionId=source, MoveToVersionId=target
    )


class Cli:
    """The AWS CLI with the variables that the sandbox writes."""

    def __init__(self, server: LocalAws, home: Path) -> None:
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(home), **server.environment()}

    def __call__(self, *words: str) -> Any:
        command = [str(Path(sys.executable).with_name("aws")), "secretsmanager", *words, "--output", "json"]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=True, timeout=120)
        return json.loads(done.stdout)


def test_the_aws_cli_reads_what_is_current_after_a_promotion_and_after_an_edit(
    server: LocalAws, aws: Any, name: str, tmp_path: Path
) -> None:
    cli = Cli(server, tmp_path)
    promoted(aws, name)
    assert cli("get-secret-value", "--secret-id", name)["SecretString"] == "new"
    edited = cli("put-secret-value", "--secret-id", name, "--secret-string", "edited")["VersionId"]
    found = {version["VersionId"]: version["VersionStages"] for version in _versions(cli, name)}
    assert [version for version, stages in found.items() if CURRENT in stages] == [edited]
    assert cli("get-secret-value", "--secret-id", name)["SecretString"] == "edited"
    assert cli("get-secret-value", "--secret-id", name, "--version-stage", PREVIOUS)["SecretString"] == "new"
    assert cli("get-secret-value", "--secret-id", name, "--version-stage", FALLBACK)["SecretString"] == "old"


def _versions(cli: Cli, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli("list-secret-version-ids", "--secret-id", name)["Versions"]
    return found


READERS = {
    "plain": lambda aws, name: aws.get_secret_value(SecretId=name)["SecretString"],
    "stage": lambda aws, name: aws.get_secret_value(SecretId=name, VersionStage=CURRENT)["SecretString"],
    "batch": lambda aws, name: aws.batch_get_secret_value(SecretIdList=[name])["SecretValues"][0]["SecretString"],
}
EDITORS = {
    "put": lambda aws, name: aws.put_secret_value(SecretId=name, SecretString="edited"),
    "update": lambda aws, name: aws.update_secret(SecretId=name, SecretString="edited"),
    "put with the label": lambda aws, name: aws.put_secret_value(
        SecretId=name, SecretString="edited", VersionStages=[CURRENT]
    ),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("editor", EDITORS)
def test_every_reader_meets_what_every_editor_wrote(aws: Any, name: str, editor: str, reader: str) -> None:
    promoted(aws, name)
    assert READERS[reader](aws, name) == "new"
    EDITORS[editor](aws, name)
    assert READERS[reader](aws, name) == "edited"
    assert {stage: len(versions) for stage, versions in holders(aws, name).items()} == {
        CURRENT: 1, PREVIOUS: 1, FALLBACK: 1,
    }  # fmt: skip


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(((), (CURRENT,), (PENDING,), (FALLBACK,), (CURRENT, FALLBACK)))),
        st.tuples(st.just("move"), st.sampled_from((CURRENT, PENDING, FALLBACK)), st.integers(0, 9)),
        st.tuples(st.just("update")),
    ),
    max_size=8,
)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_do_one_version_is_current_and_plain_readers_get_it(aws: Any, steps: list[Any]) -> None:
    name = f"apps/{uuid.uuid4()}"
    current, previous = aws.create_secret(Name=name, SecretString="0")["VersionId"], None
    versions, values = [current], {current: "0"}
    for number, (what, *rest) in enumerate(steps, 1):
        before = current
        if what == "move":
            stage, target = rest[0], versions[rest[1] % len(versions)]
            (holder,) = holders(aws, name).get(stage, [target])
            if holder != target:
                move(aws, name, stage, holder, target)
                current = target if stage == CURRENT else current
        else:
            stages = rest[0] if rest else ()
            options = {"VersionStages": [*stages]} if stages else {}
            write = aws.update_secret if what == "update" else aws.put_secret_value
            made = write(SecretId=name, SecretString=str(number), **options)["VersionId"]
            versions.append(made)
            values[made] = str(number)
            current = made if not stages or CURRENT in stages else current
        previous = before if current != before else previous
        found = holders(aws, name)
        assert all(len(versions) == 1 for versions in found.values())
        assert (found[CURRENT], found.get(PREVIOUS)) == ([current], [previous] if previous else None)
        assert aws.get_secret_value(SecretId=name)["SecretString"] == values[current]


def test_of_two_who_move_the_same_label_one_is_refused(aws: Any, name: str) -> None:
    old = aws.create_secret(Name=name, SecretString="old")["VersionId"]
    targets = [
        aws.put_secret_value(SecretId=name, SecretString=str(n), VersionStages=[f"N{n}"])["VersionId"] for n in range(8)
    ]
    refused: list[str] = []

    def claim(target: str) -> None:
        try:
            move(aws, name, CURRENT, old, target)
        except ClientError as error:
            refused.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=claim, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["InvalidParameterException"] * (len(targets) - 1)
    assert len(holders(aws, name)[CURRENT]) == 1


def test_what_does_not_exist_is_not_found_and_no_fault_of_the_server(aws: Any, name: str) -> None:
    for call in (aws.get_secret_value, aws.describe_secret, aws.list_secret_version_ids):
        with pytest.raises(aws.exceptions.ResourceNotFoundException):
            call(SecretId=name)
