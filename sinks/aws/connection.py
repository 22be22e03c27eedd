"""A boto3 client for one region, created when first needed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from sinks.aws.errors import translated

if TYPE_CHECKING:
    from sinks.aws import Settings

CONNECT_SHARE, READ_SHARE = 0.3, 0.6  # of the lease, so that a call without an answer ends before its lease does


class _Unsaid(logging.Filter):
    """Keeps secrets out of botocore's own logs.

    At level DEBUG botocore quotes whole requests and answers. An application that embeds this package may set that
    level.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a record that quotes a secret's text.

        A record above DEBUG passes: botocore quotes no bodies there.
        """
        return record.levelno > logging.DEBUG or "SecretString" not in record.getMessage()


_UNSAID = _Unsaid()
for _name in ("parsers", "endpoint", "hooks", "client", "httpsession"):
    logging.getLogger(f"botocore.{_name}").addFilter(_UNSAID)


def connector(settings: Settings, region: str, lease: timedelta, attempts: int = 1) -> Callable[[], Any]:
    """Return a function that creates the client at its first call, and returns the same one afterwards.

    boto3 publishes no types. `attempts` is how often boto3 itself may try a call. Retries of writes are decided
    elsewhere.
    """

    @functools.cache
    def connect() -> Any:
        with translated("sts:AssumeRole" if settings.role_arn else "configuration", f"AWS in {region}"):
            session = boto3.Session(profile_name=settings.profile, region_name=region)
            config = _config(lease, attempts)
            return session.client(
                "secretsmanager",
                config=config,
                endpoint_url=settings.endpoint_url,
                verify=settings.ca_file,
                **_assumed(session, settings, config),
            )

    return connect


def identifier(settings: Settings, region: str, lease: timedelta) -> Callable[[], dict[str, str]]:
    """Return a function that asks STS who is calling.

    Where a role is configured, it is assumed, and its own name is the answer.
    """

    def identify() -> dict[str, str]:
        session = boto3.Session(profile_name=settings.profile, region_name=region)
        sts = _sts(session, settings, _config(lease, 1))
        try:
            return {"arn": _assume(sts, settings)["AssumedRoleUser"]["Arn"] if settings.role_arn else _own(sts)}
        finally:
            sts.close()

    return identify


def _own(sts: Any) -> str:
    arn: str = sts.get_caller_identity()["Arn"]
    return arn


def _sts(session: Any, settings: Settings, config: Config) -> Any:
    return session.client("sts", config=config, endpoint_url=settings.endpoint_url, verify=settings.ca_file)


def _assume(sts: Any, settings: Settings) -> Any:
    return sts.assume_role(RoleArn=settings.role_arn, RoleSessionName="secret-bridge")


def _config(lease: timedelta, attempts: int) -> Config:
    seconds = lease.total_seconds()
    # Both together are shorter than the lease, so that a call without an answer does not outlive it.
    return Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=seconds * CONNECT_SHARE,
        read_timeout=seconds * READ_SHARE,
        user_agent_extra="secret-bridge",
    )


def _assumed(session: Any, settings: Settings, config: Config) -> dict[str, str]:
    if settings.role_arn is None:
        return {}
    # Static credentials, which AWS gives for an hour by default. That is longer than an operation lasts.
    given = _assume(_sts(session, settings, config), settings)["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
