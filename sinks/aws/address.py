"""Addresses: `region/name[#key]`, `region/name?bare`, or an ARN. Pure, except that botocore knows the rarer regions."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass

from sinks.aws.settings import Settings
from sinks.aws.variables import endpoint_fault
from sinks.errors import BadAddress

DEFAULT_KEY = "client_secret"
EXAMPLE_REGION = "us-east-1"
USUAL_REGIONS = frozenset({
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "eu-central-1", "eu-north-1", "eu-south-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
    "ap-northeast-2", "ap-northeast-3", "sa-east-1",
})  # fmt: skip
"""Known without loading botocore, which is asked for any other region."""

NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")  # CreateSecret, parameter Name
ARN = re.compile(
    r"arn:(?P<partition>[a-z-]+):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:(?P<name>.+)"
)
ROLE_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/.+")
ARN_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")  # AWS appends it to every name in an ARN
REGION_SHAPE = re.compile(r"[a-z]{2,3}(-[a-z]+)+-\d{1,2}")


@dataclass(frozen=True)
class Target:
    """An address in its parts. `key` is None where the whole SecretString is the value.

    `canonical` is the one text after `scheme://`. For an ARN that is the ARN itself, because two accounts can have
    secrets of one name. `secret_id` is the id in requests to AWS. It is the ARN where one was given, because a name
    alone cannot reach another account. `account` is the ARN's, and empty where only a name was given.
    """

    region: str
    name: str
    key: str | None
    canonical: str
    secret_id: str
    account: str = ""


def parse(target: str, settings: Settings | None = None) -> Target:
    """Split an address into its parts.

    Where the settings have a region, addresses of this vault are names only. Otherwise the address begins with one.

    Raises:
        BadAddress: it names no region, or no possible secret, and the message suggests what was meant. Or the settings
            name an endpoint that would get secrets over plain http://.
    """
    if settings and settings.endpoint_url and (wrong := endpoint_fault(settings.endpoint_url, os.environ)):
        raise BadAddress(*wrong)
    region = settings.region if settings else None
    path, key = _without_key(target)
    # An ARN names its own region, so it is also valid where the settings have none.
    if path.startswith("arn:"):
        return _from_arn(path, key, region)
    if region is not None:
        _known(region, f"{region}/{path}")
        return Target(region, _named(path), key, path, path)
    first, _, name = path.partition("/")
    _known(first, path)
    return Target(first, _named(name), key, f"{first}/{name}", name)


def identity(target: Target, settings: Settings) -> tuple[str, ...]:
    """Return endpoint, account, region and name.

    The account is an ARN's own, else that of the role in the settings. Where neither names one, the profile stands for
    it: two profiles of one account are not recognized as the same, nor a name and an ARN, because only a request could
    tell.
    """
    role = ROLE_ACCOUNT.fullmatch(settings.role_arn or "")
    account = target.account or (role[1] if role else settings.profile or "")
    return ("aws", settings.endpoint_url or "", account, target.region, target.name)


def _without_key(target: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"([^#?]*)(?:#([^#?]+))?(?:\?(.*))?", target)
    if match is None:
        raise BadAddress(f"'{target}' is not a sink in AWS", "write REGION/NAME#KEY or REGION/NAME?bare")
    path, key, option = match.groups()
    if option not in (None, "bare"):
        raise BadAddress(
            f"'?{option}' in '{target}' is not known", "the only one is ?bare: the whole text is the value"
        )
    if option and key:
        raise BadAddress(f"'{target}' asks for a key and for the bare value", "write either #KEY or ?bare")
    return path, None if option else key or DEFAULT_KEY


def _from_arn(arn: str, key: str | None, region: str | None) -> Target:
    match = ARN.fullmatch(arn)
    if match is None:
        raise BadAddress(
            f"'{arn}' is not the ARN of a secret",
            "it looks like arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf",
        )
    if region is not None and match["region"] != region:
        raise BadAddress(f"'{arn}' is in {match['region']}, but this vault's region is {region}")
    name = _named(ARN_SUFFIX.sub("", match["name"]))
    _known(match["region"], f"{match['region']}/{name}")
    # With its suffix, so that the text can be parsed again: a name may end like a suffix.
    return Target(match["region"], name, key, arn, arn, match["account"])


def _named(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise BadAddress(
            f"'{name}' cannot be the name of a secret" if name else "the name of the secret is missing",
            "letters, digits and / _ + = . @ - are allowed: aws://us-east-1/apps/billing",
        )
    return name


def _known(region: str, path: str) -> None:
    """Check that a region exists.

    Raises:
        BadAddress: it does not, or the address has none.
    """
    if region in USUAL_REGIONS:
        return
    regions = _regions()
    if region in regions:
        return
    # A mistyped region would otherwise show as a host that does not exist.
    close = difflib.get_close_matches(region, sorted(regions), n=3, cutoff=0.7)
    if close or REGION_SHAPE.fullmatch(region):
        near = f"did you mean {' or '.join(close)}?" if close else "aws ec2 describe-regions lists them"
        raise BadAddress(f"there is no AWS region '{region}'", near)
    usual = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or EXAMPLE_REGION
    raise BadAddress(f"'aws://{path}' names no region", f"did you mean aws://{usual}/{path}?")


def _regions() -> frozenset[str]:
    import botocore.session

    session = botocore.session.Session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("secretsmanager", partition_name=partition)
    )
