"""AWS Secrets Manager. boto3 is loaded when a place is opened, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.aws.address import Target, taken_apart
from sinks.clock import Clock

if TYPE_CHECKING:
    from sinks.aws.reader import AwsReader
    from sinks.aws.sink import AwsSink
    from sinks.secret import Secret

__all__ = ["REFERENCES", "Settings", "Target", "from_environment", "open", "open_reader", "parse"]

REFERENCES: tuple[str, ...] = ()
READS = 3
"""How often a reading that fails is tried at the most."""


@dataclass(frozen=True)
class Settings:
    """One account and region. What is absent comes from AWS's usual chain.

    With `region` addresses are names only (`use1://apps/billing`); without it they begin with the region. `role_arn` is
    assumed before the first call. `endpoint_url` and `ca_file` are for other servers that speak the same API.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    region: str | None = None
    role_arn: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    ca_file: str | None = None


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read AWS's usual variables. A region there is no part of it: addresses name theirs."""
    return Settings(
        profile=environ.get("AWS_PROFILE") or None,
        endpoint_url=environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL") or None,
        ca_file=environ.get("AWS_CA_BUNDLE") or None,
    )


def parse(target: str, settings: Settings) -> Target:
    """Take apart what follows `scheme://`.

    Raises:
        BadAddress: it names no region or no secret that there can be; the message suggests what was meant.
    """
    return taken_apart(target, settings.region)


def open(  # noqa: A001  # the name that every kind of store has
    name: str, target: str, settings: Settings, *, resolve: Callable[[str], Secret], clock: Clock, lease: timedelta
) -> AwsSink:
    """Open the place `name://target`. Nothing is asked of AWS yet; `resolve` is not needed here."""
    from sinks.aws.access import Access
    from sinks.aws.api import Api
    from sinks.aws.connection import connector, identifier
    from sinks.aws.sink import AwsSink

    del resolve
    place = parse(target, settings)
    uri = f"{name}://{place.place}"
    identify = identifier(settings, place.region, lease)
    api = Api(connector(settings, place.region, lease), place.secret_id, uri, clock, identify=identify)
    return AwsSink(uri, place, Access(api, place, uri), clock=clock, lease=lease)


def open_reader(
    name: str, target: str, settings: Settings, *, resolve: Callable[[str], Secret], clock: Clock, timeout: timedelta
) -> AwsReader:
    """Open the place `name://target` for reading. Nothing is asked of AWS yet; `resolve` is not needed here."""
    from sinks.aws.api import Api
    from sinks.aws.connection import connector
    from sinks.aws.reader import AwsReader

    del resolve
    place = parse(target, settings)
    uri = f"{name}://{place.place}"
    return AwsReader(
        uri, Api(connector(settings, place.region, timeout, attempts=READS), place.secret_id, uri, clock), place
    )
