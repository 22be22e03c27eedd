"""What the environment says of AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sinks.aws.settings import Settings


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings that AWS's usual variables describe.

    They have no region, because addresses name theirs. Credentials are left to boto3, which reads them itself.
    """
    return Settings(
        profile=environ.get("AWS_PROFILE") or None,
        endpoint_url=environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL") or None,
        ca_file=environ.get("AWS_CA_BUNDLE") or None,
    )


def is_described(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a region.

    Credentials alone say nothing, because many machines have some for other purposes.
    """
    return bool(environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"))


def unasked(environ: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG001  # as every kind
    """Return nothing: addresses say where the secrets are."""
    return {}


def objections(environ: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG001  # as every kind
    """Return nothing: none of AWS's variables is refused."""
    return ()


def initial(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of the table that `init` writes.

    Credentials are no part of it, because boto3 finds them by AWS's usual chain.
    """
    lines = ['type = "aws"      # credentials and profile: the usual AWS chain']
    if url := environ.get("AWS_ENDPOINT_URL"):
        lines.append(f"endpoint_url = {json.dumps(url, ensure_ascii=False)}")
    return tuple(lines)
