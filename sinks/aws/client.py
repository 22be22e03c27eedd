"""A boto3 client for one region, made when first needed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from sinks.aws.translate import translated

if TYPE_CHECKING:
    from sinks.aws import Settings

CONNECT_SHARE, READ_SHARE = 0.3, 0.6  # of the lease: a call that got no answer has ended before its lease has


def connector(settings: Settings, region: str, lease: timedelta) -> Callable[[], Any]:
    """Return a function that makes the client at its first call. boto3 publishes no types."""

    @functools.cache
    def connect() -> Any:
        with translated("sts:AssumeRole" if settings.role_arn else "configuration", f"AWS in {region}"):
            session = boto3.Session(profile_name=settings.profile, region_name=region)
            config = _config(lease)
            return session.client(
                "secretsmanager",
                config=config,
                endpoint_url=settings.endpoint_url,
                verify=settings.ca_file,
                **_assumed(session, settings, config),
            )

    return connect


def _config(lease: timedelta) -> Config:
    """Return timeouts below the lease and no repetition: what may be repeated is decided where it is known."""
    seconds = lease.total_seconds()
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=seconds * CONNECT_SHARE,
        read_timeout=seconds * READ_SHARE,
        user_agent_extra="secret-bridge",
    )


def _assumed(session: Any, settings: Settings, config: Config) -> dict[str, str]:
    """Return the credentials of the configured role as arguments of a client; none without a role."""
    if settings.role_arn is None:
        return {}
    sts = session.client("sts", config=config, endpoint_url=settings.endpoint_url, verify=settings.ca_file)
    given = sts.assume_role(RoleArn=settings.role_arn, RoleSessionName="secret-bridge")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
