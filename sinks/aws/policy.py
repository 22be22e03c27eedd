"""Policies for AWS IAM. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sinks.aws.address import Target
from sinks.aws.rights import CREATE, LABEL, needed
from sinks.aws.settings import Settings
from sinks.rights import Block, Deed, Role

REFERENCE = frozenset({Deed.READ})
"""What resolving a reference needs at a sink."""
ENCRYPTION: Mapping[Role, str] = {
    Role.OPERATOR: "kms:Decrypt and kms:GenerateDataKey",
    Role.SECURITY: "kms:Decrypt and kms:GenerateDataKey",
    Role.APPLICATION: "kms:Decrypt",
}
"""What a role needs at the KMS key, where a secret has a key of its own."""
WHY: Mapping[str, str] = {
    "DescribeSecret": "to see labels, tags and ages",
    "ListSecretVersionIds": "to see which versions there are",
    "GetSecretValue": "to read values",
    "PutSecretValue": "to store the next value, which is the lock as well",
    LABEL: "to make a version current, pending or the fallback, and to take a label away",
    "TagResource": "to write what is current, and what was done",
    "UntagResource": "to remove tags: forget, evidence --record",
    CREATE: "to make a secret that does not exist yet",
}
"""What each action is needed for."""
PARTITIONS = {
    "cn": "aws-cn", "us-gov": "aws-us-gov", "us-iso": "aws-iso", "us-isob": "aws-iso-b",
    "us-isof": "aws-iso-f", "eu-isoe": "aws-iso-e", "eusc": "aws-eusc",
}  # fmt: skip
"""AWS's partitions by the prefix of their regions. Every other region is in `aws`."""
ROLE_ARN = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/.+")
ANY_ACCOUNT = "*"
SUFFIX = "-??????"  # AWS appends six characters to every name in an ARN
LONGEST = 6144  # a managed policy, in characters without white space (IAM's quotas)

Statement = dict[str, Any]


def policy(name: str, settings: Settings, asked: Mapping[Target, frozenset[Deed]], role: Role) -> Block:
    """Return what a role needs for the given secrets of one vault.

    `asked` holds the deeds for each secret. The account is taken from `settings.role_arn`. Where neither that nor an
    ARN names it, the policy holds a `*` and a comment says so.
    """
    found = tuple(asked)
    resources = [_resource(target, settings.role_arn) for target in found]
    actions = needed(deed for deeds in asked.values() for deed in deeds)
    statements = [_allow((action for action in actions if action != CREATE), resources)]
    if CREATE in actions:
        statements += _creation(found)
    if role is Role.APPLICATION:
        statements.append(_labels_only(resources))
    regions = ", ".join(dict.fromkeys(target.region for target in found))
    told = [f"{name}: AWS Secrets Manager in {regions}; role {role}"]
    if settings.role_arn and role in (Role.OPERATOR, Role.SECURITY):
        told.append(f"for {settings.role_arn}, which the bridge assumes (sts:AssumeRole)")
    if role in ENCRYPTION:
        told.append(f"where a secret has a KMS key of its own: {ENCRYPTION[role]} on that key")
    told += [f"{action}: {WHY[action]}" for action in actions]
    return _block(name, told, statements)


def credentials(targets: Iterable[Target]) -> Block:
    """Return what reading references needs, for the credentials that AWS's usual chain finds.

    No role is known for them, so the account in an ARN is a `*`, unless the reference itself is an ARN.
    """
    resources = [_resource(target, None) for target in dict.fromkeys(targets)]
    told = ["aws: AWS's usual chain; the bridge's own credentials, to which the configuration refers"]
    return _block("aws", told, [_allow(needed(REFERENCE), resources)])


def _resource(target: Target, role_arn: str | None) -> str:
    """Return the ARN of a secret, with a pattern for the six characters that AWS appends to its name.

    An address that is an ARN is used as it is, if it has these characters.
    """
    if target.secret_id.startswith("arn:"):
        return target.secret_id + (SUFFIX if target.secret_id.endswith(f":secret:{target.name}") else "")
    known = ROLE_ARN.fullmatch(role_arn or "")
    partition = known["partition"] if known else _partition(target.region)
    account = known["account"] if known else ANY_ACCOUNT
    return f"arn:{partition}:secretsmanager:{target.region}:{account}:secret:{target.name}{SUFFIX}"


def _partition(region: str) -> str:
    return next((named for begin, named in PARTITIONS.items() if region.startswith(f"{begin}-")), "aws")


def _allow(actions: Iterable[str], resources: list[str]) -> Statement:
    return {"Effect": "Allow", "Action": [f"secretsmanager:{action}" for action in actions], "Resource": resources}


def _creation(targets: Iterable[Target]) -> list[Statement]:
    """Return the right to create the secrets that do not exist yet.

    Such a secret has no ARN, so the right is limited by name and region. An address that is an ARN needs no such right,
    because a secret cannot be created by its ARN.
    """
    # A secret that does not exist yet has no ARN, so name and region are all that can limit the right.
    named = [target for target in targets if not target.secret_id.startswith("arn:")]
    condition = {
        "secretsmanager:Name": [target.name for target in named],
        "aws:RequestedRegion": list(dict.fromkeys(target.region for target in named)),
    }
    created: Statement = {
        "Sid": "OnlyWhileSomeDoNotExist",
        **_allow([CREATE], ["*"]),
        "Condition": {"StringEquals": condition},
    }
    return [created] if named else []


def _labels_only(resources: list[str]) -> Statement:
    """Return a statement that denies reading by version id, so that only labelled versions can be read."""
    # AWS keeps retired versions readable by id, and an application must not get at them.
    denied = {**_allow(["GetSecretValue"], resources), "Effect": "Deny"}
    return {"Sid": "NotByVersionId", **denied, "Condition": {"Null": {"secretsmanager:VersionId": "false"}}}


def _block(name: str, told: Iterable[str], statements: list[Statement]) -> Block:
    document = {"Version": "2012-10-17", "Statement": statements}
    comments = [*told]
    if any(f":{ANY_ACCOUNT}:secret:" in resource for s in statements for resource in s["Resource"]):
        comments.append("write your account's number in place of the * before ':secret:'")
    if len(json.dumps(document, separators=(",", ":"))) > LONGEST:
        comments.append(f"longer than the {LONGEST} characters of a managed policy: ask for fewer clients at a time")
    return Block(name, "iam", tuple(comments), json.dumps(document, indent=2), document, commentable=False)
