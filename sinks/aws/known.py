"""What `doctor` may find at secrets in AWS. Pure data.

docs/reference/doctor.md lists the ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from sinks.diagnosis import UNDER_VAULT, Known


def _aws(verb: str) -> str:
    return f"aws secretsmanager {verb} --region {{region}} --secret-id '{{secret}}'"


FINDINGS: Mapping[str, Known] = {
    "aws-settings": Known("the sink cannot be read or changed", "# {hint}"),
    "aws-unreachable": Known(
        "the sink cannot be read or changed",
        f'# {{hint}}\n{UNDER_VAULT}, if the address is another one\nendpoint_url = "https://ENDPOINT"',
    ),
    "aws-certificate": Known(
        "somebody may stand in between; certificates are always checked",
        f'{UNDER_VAULT} (AWS_CA_BUNDLE without a file)\nca_file = "/path/to/authority.pem"',
    ),
    "aws-credentials": Known(
        "the sink cannot be read or changed", "aws sso login     # or set AWS_PROFILE, or role_arn"
    ),
    "aws-permission": Known("commands of this role fail without it", "{statement}"),
    "aws-permissions-unknown": Known(
        "AWS has no dry run: they show at the claim, which is undone if one is missing",
        "secret-bridge policy {command} --role {role} --format iam",
    ),
    "aws-deleted": Known("readers are refused already", _aws("restore-secret")),
    "aws-key": Known(
        "neither the bridge nor readers with the same rights get at the value",
        "aws kms create-grant --region {region} --key-id '{key}' --grantee-principal '{principal}'"
        " --operations Decrypt GenerateDataKey",
    ),
    "aws-key-unknown": Known(
        "whether kms:GenerateDataKey is allowed shows at the claim, which is undone if not",
        "# allow kms:Decrypt and kms:GenerateDataKey on {key}",
    ),
    "aws-external": Known(
        "AWS itself rotates such a secret at the partner, and two rotations would undo each other",
        _aws("cancel-rotate-secret") + "     # where it is on\n"
        "# put its JSON into an ordinary secret of another name, and name that in bridge.toml (Auth0: #clientSecret)",
    ),
    "aws-labels": Known(
        "the label FALLBACK finds no room, and a rotation would leave no fallback",
        _aws("update-secret-version-stage") + " --remove-from-version-id {version} --version-stage LABEL",
    ),
    "aws-tags": Known(
        "operations are refused: what the bridge says about the secret stands in its tags",
        "# {hint}\n" + _aws("untag-resource") + " --tag-keys TAG",
    ),
    "aws-twice": Known(
        "each command does everything there twice",
        "# take {uri} out of the list of sinks",
    ),
    "aws-rotation": Known("two rotations would undo each other", _aws("cancel-rotate-secret")),
    "aws-owned": Known(
        "that service changes the secret as it likes", "# give the application a secret of its own, and name that"
    ),
    "aws-replica": Known("a replica cannot be written to", "# name the primary instead: aws://{primary}"),
    "aws-replica-account": Known(
        "readers in that account would not get the new value",
        _aws("disassociate-cross-account-replica") + " --cross-account-replica-arn {replica}",
    ),
    "aws-replica-status": Known(
        "readers in that region would not get the new value",
        _aws("remove-regions-from-replication")
        + " --remove-replica-regions {replica}\n"
        + _aws("replicate-secret-to-regions")
        + " --add-replica-regions Region={replica}",
    ),
}
