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
"""How often a reader's request is tried at most."""


@dataclass(frozen=True)
class Settings:
    """One account and region. What is absent comes from AWS's usual chain.

    With `region`, addresses are names only (`use1://apps/billing`). Without it, they begin with the region.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  # read by pydantic when a configuration is checked

    region: str | None = None
    """The region of all addresses."""
    role_arn: str | None = None
    """The role to assume before the first call."""
    profile: str | None = None
    """The profile in AWS's configuration."""
    endpoint_url: str | None = None
    """Address of another server with the same API."""
    ca_file: str | None = None
    """File with the CA certificate of that server."""


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read AWS's usual variables. The region is not among them, because addresses name theirs."""
    return Settings(
        profile=environ.get("AWS_PROFILE") or None,
        endpoint_url=environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environ.get("AWS_ENDPOINT_URL") or None,
        ca_file=environ.get("AWS_CA_BUNDLE") or None,
    )


def parse(target: str, settings: Settings) -> Target:
    """Split what follows `scheme://` into its parts.

    Raises:
        BadAddress: it names no region, or no possible secret. The message suggests what was meant.
    """
    return taken_apart(target, settings.region)


def open(  # noqa: A001  # the name that every kind of store has
    name: str, target: str, settings: Settings, *, resolve: Callable[[str], Secret], clock: Clock, lease: timedelta
) -> AwsSink:
    """Open the place `name://target`, without a request to AWS. `resolve` is not used here."""
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
    """Open the place `name://target` for reading, without a request to AWS. `resolve` is not used here."""
    from sinks.aws.api import Api
    from sinks.aws.connection import connector
    from sinks.aws.reader import AwsReader

    del resolve
    place = parse(target, settings)
    uri = f"{name}://{place.place}"
    return AwsReader(
        uri, Api(connector(settings, place.region, timeout, attempts=READS), place.secret_id, uri, clock), place
    )
