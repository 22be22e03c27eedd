"""Everything that is refused by name: the message says what was found, the hint what to do."""

from __future__ import annotations

import logging
from unittest import mock

import boto3
import pytest
from moto.secretsmanager.models import secretsmanager_backends

from sinks.aws.errors import translated
from sinks.errors import BadAddress, Denied, Refused, SinkError, Unavailable
from sinks.port import Deed, Stage
from sinks.secret import Secret
from tests.support.strict_moto import Controls
from tests.unit.sinks.aws.factory import REGION, client, make_lock, make_sink, stages, tapped
from tests.unit.sinks.aws.mocked import ANEW


def backend_secret(name: str = "apps/x"):
    return secretsmanager_backends["123456789012"][REGION].secrets[name]


def refused(kind: type[SinkError] = Refused, **more) -> str:
    with pytest.raises(kind) as caught:
        make_sink(**more).read()
    return f"{caught.value.message} | {caught.value.hint}"


def test_scheduled_deletion(secret: str) -> None:
    client().delete_secret(SecretId=secret)
    told = refused()
    assert "aws://us-east-1/apps/x is scheduled for deletion at 20" in told
    assert "restore-secret" in told


def test_native_rotation(secret: str) -> None:
    client().rotate_secret(SecretId=secret, RotationLambdaARN="arn:aws:lambda:us-east-1:123456789012:function:f")
    told = refused()
    assert "rotated by AWS itself (RotationEnabled)" in told
    assert "cancel-rotate-secret --secret-id apps/x" in told


def test_a_replica_that_is_not_in_sync(secret: str) -> None:
    client().replicate_secret_to_regions(SecretId=secret, AddReplicaRegions=[{"Region": "eu-west-1"}])
    assert make_sink().read().exists
    for config in (replica.config for replica in backend_secret().replicas):
        config["Status"] = "Failed"
    assert (
        "the replica of aws://us-east-1/apps/x in eu-west-1 is not in sync (ReplicationStatus is Failed)" in refused()
    )


def test_a_place_that_is_itself_a_replica(secret: str) -> None:
    client().replicate_secret_to_regions(SecretId=secret, AddReplicaRegions=[{"Region": "eu-west-1"}])
    from sinks import open_sink
    from sinks.aws import Settings
    from tests.unit.sinks.aws.factory import ManualClock, no_references

    sink = open_sink("aws://eu-west-1/apps/x", "aws", Settings(), resolve=no_references, clock=ManualClock())
    with pytest.raises(Refused, match="is a replica of the secret in us-east-1") as caught:
        sink.read()
    assert caught.value.hint == "use aws://us-east-1/apps/x"


def test_text_that_is_not_json_suggests_bare() -> None:
    client().create_secret(Name="apps/x", SecretString="just-the-value")
    told = refused()
    assert "(not JSON)" in told
    assert "add ?bare" in told
    value = make_sink(key=None).read().value(Stage.CURRENT)
    assert value == Secret("just-the-value")


def test_json_that_is_no_object_suggests_bare() -> None:
    client().create_secret(Name="apps/x", SecretString='["a"]')
    assert "JSON, but not an object" in refused()


def test_binary() -> None:
    client().create_secret(Name="apps/x", SecretBinary=b"\x00\x01")
    assert "holds binary data" in refused()


def test_a_missing_key_is_reported_with_the_names_of_the_keys_there() -> None:
    client().create_secret(Name="apps/x", SecretString='{"b": "1", "a": "2"}')
    place = make_sink().read()
    assert place.keys == ("a", "b")
    assert place.value(Stage.CURRENT) is None
    assert place.notes == ("no key 'client_secret' in aws://us-east-1/apps/x. Keys there: a, b (choose one with #KEY)",)


def test_another_manager_is_reported(secret: str) -> None:
    assert make_sink().survey().manager is None
    backend_secret().tags = [{"Key": "aws:cloudformation:stack-name", "Value": "prod-db"}]
    assert make_sink().survey().manager == "CloudFormation (stack prod-db)"
    client().tag_resource(SecretId=secret, Tags=[{"Key": "managed-by", "Value": "terraform"}])
    assert make_sink().survey().manager == "terraform"
    backend_secret().tags.append({"Key": "aws:secretsmanager:owningService", "Value": "rds"})
    assert make_sink().survey().manager == "the AWS service rds"


def test_labels_that_contradict_each_other(secret: str) -> None:
    client().put_secret_value(SecretId=secret, SecretString="{}", VersionStages=["X"])
    for version in backend_secret().versions.values():
        version["version_stages"] = ["AWSCURRENT"]
    assert "contradict each other: AWSCURRENT" in refused()
    assert "contradict each other" in make_sink().survey().notes[0]


@pytest.mark.parametrize("action", ["DescribeSecret", "ListSecretVersionIds", "GetSecretValue"])
def test_a_denied_read_names_action_and_place(aws: Controls, secret: str, action: str) -> None:
    aws.deny.add(action)
    assert f"AWS denied secretsmanager:{action} on aws://us-east-1/apps/x" in refused(Denied)


def test_a_survey_needs_no_right_to_read_values(aws: Controls, secret: str) -> None:
    aws.deny |= {"GetSecretValue", "BatchGetSecretValue"}
    assert make_sink().survey().exists


def test_a_kms_permission_is_told_from_other_denials(aws: Controls, secret: str) -> None:
    aws.kms = True
    told = refused(Denied)
    assert "AWS denied the use of the KMS key of aws://us-east-1/apps/x" in told
    assert "kms:Decrypt" in told


def test_throttling_that_lasts(aws: Controls, secret: str) -> None:
    aws.faults["DescribeSecret"] = ["throttle"] * 3
    assert "AWS is throttling this account" in refused(Unavailable)


@pytest.mark.parametrize("fault", ["throttle", "error", "lost"])
@pytest.mark.parametrize("action", ["DescribeSecret", "ListSecretVersionIds", "GetSecretValue"])
def test_reads_are_repeated(aws: Controls, secret: str, fault: str, action: str) -> None:
    aws.faults[action] = [fault, fault]
    assert make_sink().read().value(Stage.CURRENT) == Secret("old-value")


def test_half_an_answer_is_no_answer(aws: Controls, secret: str) -> None:
    aws.faults["ListSecretVersionIds"] = ["cut"] * 3
    assert "half an answer" in refused(Unavailable)


def test_a_document_that_grows_too_large_is_refused_before_it_is_sent() -> None:
    client().create_secret(Name="apps/x", SecretString='{"client_secret": "s", "k": "' + "x" * 65_480 + '"}')
    sink = make_sink()
    calls = tapped(sink)
    place = sink.read()
    with pytest.raises(Refused, match="AWS takes 65536"):
        sink.claim(place, make_lock(base=Secret("s")), Secret("v" * 64))
    assert "put" not in calls.calls


def test_no_credentials_are_named(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    # Taken back before the shared clients are: the other way round would leave them to the next test.
    with mock.patch.object(boto3.Session, "client", ANEW):
        assert "no usable AWS credentials" in refused(Denied)


def test_an_unknown_profile_is_a_wrong_setting(secret: str) -> None:
    from sinks.aws import Settings

    assert "ProfileNotFound" in refused(BadAddress, settings=Settings(profile="nobody"))


def test_a_role_is_assumed_before_the_first_call(secret: str) -> None:
    from sinks.aws import Settings

    settings = Settings(role_arn="arn:aws:iam::123456789012:role/bridge")
    assert make_sink(settings=settings).read().value(Stage.CURRENT) == Secret("old-value")


def test_nothing_answers_there() -> None:
    from sinks.aws import Settings

    settings = Settings(endpoint_url="http://127.0.0.1:9")
    assert "no connection to AWS (EndpointConnectionError)" in refused(Unavailable, settings=settings)


def boto_errors() -> list[Exception]:
    from botocore import exceptions as boto

    fields = ("error", "endpoint_url", "provider", "error_msg", "cred_var", "profile", "path", "report", "region_name")
    arguments = dict.fromkeys(fields, "hunter2")
    found: list[Exception] = []
    for kind in vars(boto).values():
        if isinstance(kind, type) and issubclass(kind, boto.BotoCoreError):
            try:
                found.append(kind(**arguments))
            except (KeyError, TypeError):
                continue
    return found


def test_no_foreign_exception_leaves_the_sink() -> None:
    errors = boto_errors()
    assert len(errors) > 20
    for error in errors:
        with pytest.raises(SinkError) as caught, translated("secretsmanager:X", "aws://us-east-1/apps/x"):
            raise error
        assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"
        assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDeniedException", 400, Denied),
        ("ExpiredTokenException", 400, Denied),
        ("DecryptionFailure", 400, Denied),
        ("KMSInvalidStateException", 400, Denied),
        ("ThrottlingException", 400, Unavailable),
        ("InternalServiceError", 500, Unavailable),
        ("LimitExceededException", 400, Refused),
        ("ValidationException", 400, Refused),
    ],
)
def test_answers_become_our_own_errors(code: str, status: int, kind: type[SinkError]) -> None:
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": code, "Message": "hunter2"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(kind) as caught, translated("secretsmanager:X", "aws://us-east-1/apps/x"):
        raise ClientError(answer, "X")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"


def test_no_secret_is_in_what_the_sink_holds_or_logs(secret: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="sinks")
    sink = make_sink()
    place = sink.read()
    held = sink.claim(place, make_lock(base=Secret("old-value")), Secret("new-value"))
    shown = f"{place!r} {held!r} {vars(sink)!r} {vars(sink._access)!r} {caplog.text}"
    assert "old-value" not in shown
    assert "new-value" not in shown
    assert "theirs" not in shown


def test_check_finds_out_that_labels_may_not_be_moved(aws: Controls, secret: str) -> None:
    sink = make_sink()
    place = sink.read()
    labels = stages()
    assert len(sink.check(place, frozenset({Deed.HOLD}))) == 1
    assert stages() == labels
    aws.deny.add("UpdateSecretVersionStage")
    with pytest.raises(Denied, match="secretsmanager:UpdateSecretVersionStage"):
        sink.check(place, frozenset({Deed.HOLD}))


def test_check_of_a_secret_that_is_not_there_says_what_it_cannot_know() -> None:
    sink = make_sink()
    place = sink.read()
    assert not place.exists
    assert "secretsmanager:CreateSecret" in sink.check(place, frozenset({Deed.HOLD, Deed.FILL}))[0]
