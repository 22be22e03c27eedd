"""What is wrong with a secret in AWS, or with what AWS allows: on strict moto, with the remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from moto.secretsmanager.models import secretsmanager_backends

from sinks.aws.diagnose import KNOWABLE
from sinks.aws.rights import ACTIONS, CREATE
from tests.e2e.sinks import REGION
from tests.e2e.world import World
from tests.support.strict_moto import controls
from tests.unit.doctor.certificates import Authority, Behind
from tests.unit.doctor.patient import Finding, Patient
from tests.unit.policy.iam import ACCOUNT, Guard
from tests.unit.policy.rights import Vault, of, printed

OTHER = "eu-west-1"


@pytest.fixture
def stored(world: World, root: Vault, guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A client whose secret is in AWS alone."""
    found = Patient(world, root, guard, tmp_path, monkeypatch)
    world.fill(world.aws)
    found.write([f"use1://{world.aws.name}"])
    found.healthy()
    return found


def backend(patient: Patient) -> Any:
    """The secret as moto keeps it."""
    return secretsmanager_backends[ACCOUNT][REGION].secrets[patient.world.aws.name]


def unknown(patient: Patient) -> list[Finding]:
    return [one for one in patient.found() if one["severity"] == "unknown"]


def test_what_cannot_be_known_is_told_as_unknown(stored: Patient) -> None:
    (told,) = unknown(stored)
    assert told["id"] == "aws-permissions-unknown"
    named = {word.strip(",") for word in told["what"].split()}
    assert {action for action in ACTIONS if action not in (*KNOWABLE, CREATE)} <= named
    assert json.loads(stored.run(*told["remedy"].split()[1:]).out)["Version"]


def test_an_endpoint_that_cannot_be_reached_is_found(stored: Patient) -> None:
    stored.set("vaults.use1", "endpoint_url", "http://127.0.0.1:9")
    stored.paste(stored.sees("aws-unreachable"), {"https://ENDPOINT": stored.world.servers.aws_url})
    stored.well()


def test_a_certificate_of_an_unknown_authority_is_found(stored: Patient, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Behind(stored.world.servers.aws_url, authority.context()) as server:
        stored.set("vaults.use1", "endpoint_url", server.url)
        found = stored.sees("aws-certificate")
        stored.paste(found, {"/path/to/authority.pem": str(authority.file)})
        stored.well()


def test_missing_credentials_are_found(stored: Patient) -> None:
    stored.patch.delenv("AWS_ACCESS_KEY_ID")
    stored.patch.delenv("AWS_SECRET_ACCESS_KEY")
    stored.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "AWS_PROFILE" in stored.sees("aws-credentials")["remedy"]
    stored.patch.setenv("AWS_ACCESS_KEY_ID", "x")
    stored.patch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    stored.well()


def test_a_profile_that_is_not_there_is_found(stored: Patient) -> None:
    stored.set("vaults.use1", "profile", "nobodys")
    assert "check profile" in stored.sees("aws-settings")["remedy"]
    stored.set("vaults.use1", "profile", None)
    stored.well()


@pytest.mark.parametrize("action", KNOWABLE)
def test_each_action_that_can_be_known_is_named_and_the_pasted_statement_allows_it(
    stored: Patient, action: str
) -> None:
    (policy,) = of(printed("billing", "--role", "operator"), "iam")
    first, *rest = policy["Statement"]
    stored.statements = [first, *rest]
    stored.well()
    left = [each for each in first["Action"] if each != f"secretsmanager:{action}"]
    stored.statements = [{**first, "Action": left}, *rest]
    found = stored.sees("aws-permission")
    assert found["what"] == f"AWS denies secretsmanager:{action}"
    if action == "DescribeSecret":  # by which its ARN would be known
        found["remedy"] = found["remedy"].replace("ARN", backend(stored).arn)
    stored.paste(found)
    stored.well()


@pytest.mark.parametrize("role", ["auditor", "security", "application"])
def test_the_other_roles_are_looked_at_with_the_rights_that_they_are_given(stored: Patient, role: str) -> None:
    stored.statements = [s for policy in of(printed("billing", "--role", role), "iam") for s in policy["Statement"]]
    stored.well("--role", role)


def test_a_secret_that_is_scheduled_for_deletion_is_found(stored: Patient) -> None:
    stored.world.aws.client.delete_secret(SecretId=stored.world.aws.name, RecoveryWindowInDays=7)
    stored.paste(stored.sees("aws-deleted"))
    stored.well()


def test_a_kms_key_that_may_not_be_used_is_found(stored: Patient) -> None:
    stored.world.aws.client.update_secret(SecretId=stored.world.aws.name, KmsKeyId="alias/billing")
    assert [one["id"] for one in unknown(stored)] == ["aws-key-unknown", "aws-permissions-unknown"]
    controls.kms = True
    found = stored.sees("aws-key")
    stored.shell(
        f"KEY=$(aws kms create-key --region {REGION} --query KeyMetadata.KeyId --output text);"
        + found["remedy"].replace("'alias/billing'", '"$KEY"')
    )
    assert f"arn:aws:sts::{ACCOUNT}:user/moto" in found["remedy"]
    controls.kms = False  # moto's keys let everybody pass
    stored.well()


def test_rotation_by_aws_itself_is_found(stored: Patient) -> None:
    stored.world.aws.client.rotate_secret(
        SecretId=stored.world.aws.name, RotationLambdaARN=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:rotate"
    )
    stored.paste(stored.sees("aws-rotation"))
    stored.well()


def test_a_secret_that_a_service_owns_is_found(stored: Patient) -> None:
    secret = backend(stored)
    before = [*secret.tags]
    secret.tags = [*before, {"Key": "aws:secretsmanager:owningService", "Value": "rds"}]
    assert "the AWS service rds owns it" in stored.sees("aws-owned")["what"]
    secret.tags = before
    stored.well()


def test_a_replica_in_place_of_its_primary_is_found(stored: Patient) -> None:
    stored.world.aws.client.replicate_secret_to_regions(
        SecretId=stored.world.aws.name, AddReplicaRegions=[{"Region": OTHER}]
    )
    stored.well()
    stored.set("vaults.use1", "region", OTHER)
    stored.set("clients.billing", "sinks", [f"use1://{backend(stored).arn.replace(REGION, OTHER)}"])
    found = {one["id"]: one for one in stored.found() if one["severity"] == "wrong"}
    assert f"aws://{REGION}/{stored.world.aws.name}" in found["aws-replica"]["remedy"]
    stored.set("vaults.use1", "region", REGION)
    stored.set("clients.billing", "sinks", [f"use1://{stored.world.aws.name}"])
    stored.well()


def test_a_replica_that_is_not_in_sync_is_found(stored: Patient) -> None:
    stored.world.aws.client.replicate_secret_to_regions(
        SecretId=stored.world.aws.name, AddReplicaRegions=[{"Region": OTHER}]
    )
    backend(stored).replicas[0].config["Status"] = "Failed"
    stored.paste(stored.sees("aws-replica-status"))
    stored.well()


def test_a_secret_that_is_missing_although_another_place_knows_it_is_found_with_the_account(patient: Patient) -> None:
    patient.world.aws.client.delete_secret(SecretId=patient.world.aws.name, ForceDeleteWithoutRecovery=True)
    found = patient.sees("sink-missing", subject=f"use1://{patient.world.aws.name}")
    assert f"looked for in the account {ACCOUNT}" in patient.run("doctor", "billing").out
    patient.paste(found)
    patient.well()


def test_another_manager_of_the_secret_is_found(stored: Patient) -> None:
    stored.world.aws.tag("managed-by", "external-secrets")
    stored.paste(stored.sees("sink-other-manager"))
    stored.paste(stored.sees("sink-wiped"))
    stored.well()


def test_a_tag_of_terraform_is_worth_a_note(stored: Patient) -> None:
    stored.world.aws.tag("Terraform", "true")
    stored.paste(stored.sees("sink-beside-manager", severity="note"))
    stored.well()


def test_a_stack_of_cloudformation_is_found(stored: Patient) -> None:
    secret = backend(stored)
    before = [*secret.tags]
    secret.tags = [*before, {"Key": "aws:cloudformation:stack-name", "Value": "billing-stack"}]
    found = stored.sees("sink-other-manager")
    assert "CloudFormation (stack billing-stack)" in found["what"]
    assert "DeletionPolicy: Retain" in found["remedy"]
    secret.tags = before
    stored.well()


def test_a_secret_that_aws_rotates_at_auth0_is_found_with_the_way_out(stored: Patient) -> None:
    controls.described = {"Type": "Auth0OAuthClientSecret"}
    found = stored.sees("aws-external")
    assert "Type Auth0OAuthClientSecret" in found["what"]
    assert "#clientSecret" in found["remedy"]
    controls.described = {}
    stored.well()


def test_a_replica_of_another_account_is_found_with_its_primary(stored: Patient) -> None:
    primary = f"arn:aws:secretsmanager:{REGION}:444455556666:secret:apps/x-AbCdEf"
    controls.described = {"CrossAccountPrimary": {"PrimarySecretARN": primary, "ReplicationStatus": "InSync"}}
    assert f"aws://{primary}" in stored.sees("aws-replica")["remedy"]
    controls.described = {}
    stored.well()


def test_a_replica_in_another_account_that_is_not_in_sync_is_found(stored: Patient) -> None:
    replica = f"arn:aws:secretsmanager:{REGION}:444455556666:secret:apps/x-AbCdEf"
    controls.described = {"CrossAccountReplicas": [{"ReplicaSecretARN": replica, "ReplicationStatus": "Detached"}]}
    found = stored.sees("aws-replica-account")
    assert "Detached" in found["what"]
    assert replica in found["remedy"]
    controls.described = {}
    stored.well()


def test_too_many_tags_of_its_own_are_found(stored: Patient) -> None:
    for number in range(20):
        stored.world.aws.tag(f"theirs-{number}", "x")
    found = stored.sees("aws-tags")
    assert "tags of its own; AWS takes 50" in found["what"]
    more = int(re.findall(r"remove (\d+)", found["remedy"])[0])
    stored.paste(found, {"TAG": " ".join(f"theirs-{number}" for number in range(more))})
    stored.well()


def test_a_version_without_room_for_a_label_is_found(stored: Patient) -> None:
    client, name = stored.world.aws.client, stored.world.aws.name
    (current,) = (
        v["VersionId"]
        for v in client.list_secret_version_ids(SecretId=name)["Versions"]
        if "AWSCURRENT" in v["VersionStages"]
    )
    for number in range(19):
        client.update_secret_version_stage(SecretId=name, VersionStage=f"theirs-{number}", MoveToVersionId=current)
    stored.paste(stored.sees("aws-labels"), {"LABEL": "theirs-0"})
    stored.well()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_METADATA_SERVICE_TIMEOUT", "x"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "x"),
        ("AWS_USE_FIPS_ENDPOINT", "1"),
        ("AWS_SESSION_TOKEN", "x\n"),
        ("AWS_PROFILE", "nobodys"),
        ("AWS_CONFIG_FILE", __file__),
    ],
)
def test_a_variable_that_boto3_cannot_use_is_found_by_its_name(stored: Patient, variable: str, value: str) -> None:
    stored.patch.setenv(variable, value)
    found = stored.sees("aws-settings")
    assert variable in found["what"] + found["remedy"]
    ended = stored.run("status", "billing")
    assert ended.status == 2, ended.told
    stored.patch.delenv(variable)
    stored.well()


def test_an_endpoint_that_would_get_secrets_in_clear_text_is_found(stored: Patient) -> None:
    stored.set("vaults.use1", "endpoint_url", "http://evil.example")
    ended = stored.run("doctor", "billing")
    assert ended.status == 2
    assert "plain http:// is for loopback only" in ended.err
    stored.set("vaults.use1", "endpoint_url", None)
    stored.patch.setenv("AWS_ENDPOINT_URL", "http://evil.example")
    assert "AWS_ENDPOINT_URL" in stored.sees("aws-settings")["what"]
