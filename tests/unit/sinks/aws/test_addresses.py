from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest

from sinks import open_sink
from sinks.aws import Settings, from_environment, identity, parse
from sinks.errors import BadAddress
from sinks.shared import Shared
from tests.unit.sinks.aws.factory import ManualClock, no_references

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:apps/billing-AbCdEf"


def uri(address: str, settings: Settings | None = None) -> str:
    sink = open_sink(address, "aws", settings or Settings(), resolve=no_references, clock=ManualClock())
    return sink.uri


def test_an_address_names_region_secret_and_key() -> None:
    target = parse("us-east-1/apps/billing#auth0_secret", Settings())
    assert (target.region, target.name, target.key) == ("us-east-1", "apps/billing", "auth0_secret")


def test_the_key_is_client_secret_unless_told_otherwise() -> None:
    assert parse("us-east-1/apps/billing", Settings()).key == "client_secret"


def test_a_bare_value_has_no_key() -> None:
    assert parse("us-east-1/apps/billing?bare", Settings()).key is None


def test_the_uri_is_the_place_without_key_or_bare() -> None:
    assert uri("aws://us-east-1/apps/billing#other") == "aws://us-east-1/apps/billing"
    assert uri("aws://us-east-1/apps/billing?bare") == "aws://us-east-1/apps/billing"


def test_an_alias_with_a_region_takes_names_only_and_keeps_its_name() -> None:
    assert uri("use1://apps/billing#client_secret", Settings(region="us-east-1")) == "use1://apps/billing"


def test_an_arn_is_asked_for_by_arn_and_is_its_own_name() -> None:
    assert uri(f"aws://{ARN}#key") == f"aws://{ARN}"
    assert uri(f"use1://{ARN}", Settings(region="us-east-1")) == f"use1://{ARN}"
    target = parse(f"{ARN}#key", Settings())
    assert (target.name, target.secret_id, target.key) == ("apps/billing", ARN, "key")


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        ARN.replace("-AbCdEf", "-secret-AbCdEf"),  # a name that ends as a suffix does
        ARN.replace("-AbCdEf", ""),
        ARN.replace("arn:aws:", "arn:aws-us-gov:").replace("us-east-1", "us-gov-west-1"),
    ],
)
def test_the_name_of_a_sink_is_an_address_of_the_same_sink(arn: str) -> None:
    target = parse(arn, Settings())
    assert parse(target.canonical, Settings()) == target


def same(one: str, other: str, settings: Settings | None = None, others: Settings | None = None) -> bool:
    first, second = settings or Settings(), others or settings or Settings()
    return identity(parse(one, first), first) == identity(parse(other, second), second)


OTHERS = ARN.replace("111122223333", "444455556666")
ROLE = Settings(role_arn="arn:aws:iam::111122223333:role/team/bridge")


def test_two_arns_of_one_name_in_two_accounts_are_two_sinks() -> None:
    assert uri(f"aws://{ARN}") != uri(f"aws://{OTHERS}")
    assert not same(ARN, OTHERS)
    assert not same(ARN, OTHERS, Settings(region="us-east-1"))


def test_an_account_that_is_known_makes_names_and_arns_comparable() -> None:
    name = "us-east-1/apps/billing"
    assert same(ARN, ARN.replace("-AbCdEf", ""))
    assert same(ARN, name, ROLE)
    assert not same(OTHERS, name, ROLE)
    assert same(ARN, name, Settings(), ROLE)
    assert not same(name, name, ROLE, Settings(role_arn=str(ROLE.role_arn).replace("1111", "9999")))
    assert same(name, name, ROLE, Settings(role_arn="arn:aws:iam::111122223333:role/other"))
    assert not same(ARN, name)  # only a request could tell


def test_a_name_without_an_arn_is_named_as_ever() -> None:
    assert parse("us-east-1/apps/billing", Settings()).canonical == "us-east-1/apps/billing"
    assert parse("apps/billing", Settings(region="us-east-1")).canonical == "apps/billing"


def refused(target: str, settings: Settings | None = None) -> str:
    with pytest.raises(BadAddress) as caught:
        parse(target, settings or Settings())
    return f"{caught.value.message} | {caught.value.hint}"


def test_a_missing_region_is_asked_for_with_an_example() -> None:
    assert "did you mean aws://us-east-1/apps/billing?" in refused("apps/billing")
    assert "did you mean aws://us-east-1/billing?" in refused("billing")


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_missing_region_is_guessed_from_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "eu-west-1")
    assert "did you mean aws://eu-west-1/apps/billing?" in refused("apps/billing")


@pytest.mark.parametrize("wrong", ["us-est-1", "us-east1", "useast-1"])
def test_a_misspelt_region_is_named_and_close_ones_are_suggested(wrong: str) -> None:
    text = refused(f"{wrong}/apps/billing")
    assert f"there is no AWS region '{wrong}'" in text
    assert "us-east-1" in text


def test_a_misspelt_region_in_the_configuration_is_named() -> None:
    assert "there is no AWS region 'eu-wset-1'" in refused("apps/billing", Settings(region="eu-wset-1"))


def test_regions_of_other_partitions_are_known() -> None:
    assert parse("cn-north-1/apps/billing", Settings()).region == "cn-north-1"
    assert parse("us-gov-west-1/apps/billing", Settings()).region == "us-gov-west-1"


def test_an_arn_of_another_region_than_the_vaults_is_refused() -> None:
    assert "is in us-east-1, but this vault's region is eu-west-1" in refused(ARN, Settings(region="eu-west-1"))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("us-east-1/", "the name of the secret is missing"),
        ("us-east-1", "the name of the secret is missing"),
        ("us-east-1/apps billing", "cannot be the name of a secret"),
        ("us-east-1/apps?raw", "'?raw'"),
        ("us-east-1/apps#key?bare", "asks for a key and for the bare value"),
        ("us-east-1/apps##", "is not a sink in AWS"),
        ("arn:aws:s3:::bucket", "is not the ARN of a secret"),
    ],
)
def test_what_is_no_address_is_refused_by_name(target: str, told: str) -> None:
    assert told in refused(target)


def test_the_environment_gives_profile_endpoint_and_ca() -> None:
    environ = {"AWS_PROFILE": "prod", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "AWS_CA_BUNDLE": "/ca.pem"}
    assert from_environment(environ) == Settings(
        profile="prod", endpoint_url="http://127.0.0.1:5000", ca_file="/ca.pem"
    )
    assert from_environment({"AWS_REGION": "us-east-1"}) == Settings()
    special = environ | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1"}
    assert from_environment(special).endpoint_url == "http://127.0.0.1:1"


def test_reading_an_address_loads_no_boto() -> None:
    script = (
        "import sys; from sinks.aws import parse, Settings; parse('us-east-1/apps/x', Settings());"
        "print([m for m in ('boto3', 'botocore') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_timeouts_end_a_call_within_its_lease() -> None:
    from sinks.aws.connection import connector

    config = connector(Settings(), "us-east-1", timedelta(seconds=10), Shared())().meta.config
    assert config.connect_timeout + config.read_timeout < 10
    assert config.retries["total_max_attempts"] == 1
