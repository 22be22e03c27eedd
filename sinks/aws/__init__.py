"""AWS Secrets Manager.

boto3 is loaded when the first sink is opened, because every command imports this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from sinks.aws.address import DEFAULT_KEY, Target, identity, parse
from sinks.aws.environment import from_environment, initial, is_described, objections, unasked
from sinks.aws.settings import Settings
from sinks.clock import Clock

if TYPE_CHECKING:
    import sinks.aws
    from sinks.aws.diagnose import AwsDiagnosis
    from sinks.aws.reader import AwsReader
    from sinks.aws.sink import AwsSink
    from sinks.diagnosis import Known
    from sinks.kinds import Kind
    from sinks.rights import Block, Deed, Role
    from sinks.secret import Secret
    from sinks.shared import Shared

    complete: Kind[Settings, Target] = sinks.aws

__all__ = [
    "ADDRESS",
    "CREDENTIALS",
    "DEFAULT_KEY",
    "POLICY_FORMAT",
    "PREFIXES",
    "REFERENCES",
    "Settings",
    "Target",
    "diagnosis",
    "findings",
    "from_environment",
    "identity",
    "initial",
    "is_described",
    "location",
    "objections",
    "open",
    "open_reader",
    "parse",
    "policy_for",
    "policy_for_references",
    "unasked",
]

ADDRESS = "aws://REGION/NAME"
REFERENCES: tuple[str, ...] = ()
CREDENTIALS: tuple[str, ...] = ()
PREFIXES = ("AWS_",)
POLICY_FORMAT = "iam"
READS = 3
"""How often a reader's request is tried at most."""


def location(settings: Settings) -> str:
    """Return the endpoint or the region, as far as the settings name one.

    Empty where they name neither.
    """
    return settings.endpoint_url or settings.region or ""


def open(  # noqa: A001  # the name that every kind of store has
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    lease: timedelta,
    shared: Shared,
) -> AwsSink:
    """Open the sink `name://target`, without a request to AWS.

    boto3 looks for credentials at the first call. `resolve` is not used, because no setting of AWS is a reference.

    Raises:
        BadAddress: the address names no region, or no possible secret.
    """
    from sinks.aws.access import Access
    from sinks.aws.api import Api
    from sinks.aws.connection import connector, identifier
    from sinks.aws.sink import AwsSink

    del resolve
    at = parse(target, settings)
    uri = f"{name}://{at.canonical}"
    identify = identifier(settings, at.region, lease, shared)
    api = Api(connector(settings, at.region, lease, shared), at.secret_id, uri, clock, identify=identify)
    return AwsSink(uri, at, Access(api, at, uri), clock=clock, lease=lease)


def open_reader(
    name: str,
    target: str,
    settings: Settings,
    *,
    resolve: Callable[[str], Secret],
    clock: Clock,
    timeout: timedelta,
    shared: Shared,
) -> AwsReader:
    """Open the sink `name://target` for reading, without a request to AWS.

    Here boto3 itself repeats a request, because reading twice does no harm. `resolve` is not used.

    Raises:
        BadAddress: as in `open`.
    """
    from sinks.aws.api import Api
    from sinks.aws.connection import connector
    from sinks.aws.reader import AwsReader

    del resolve
    at = parse(target, settings)
    uri = f"{name}://{at.canonical}"
    connect = connector(settings, at.region, timeout, shared, attempts=READS)
    return AwsReader(uri, Api(connect, at.secret_id, uri, clock), at)


def policy_for(
    name: str,
    settings: Settings,
    asked: Mapping[Target, frozenset[Deed]],
    role: Role,
    mounts: tuple[str, ...],  # noqa: ARG001  # AWS has none
) -> Block:
    """Return what a role needs for secrets in one account, for IAM."""
    from sinks.aws.policy import policy

    return policy(name, settings, asked, role)


def policy_for_references(targets: tuple[Target, ...], mounts: tuple[str, ...]) -> Block:  # noqa: ARG001  # as above
    """Return what reading references needs, for the credentials that AWS's usual chain finds."""
    from sinks.aws.policy import credentials

    return credentials(targets)


def diagnosis(
    name: str, settings: Settings, resolve: Callable[[str], Secret], clock: Clock, shared: Shared
) -> AwsDiagnosis:
    """Return the examination of secrets.

    No request is sent before its first method is called. `resolve` is not used.
    """
    from sinks.aws.diagnose import AwsDiagnosis

    del resolve
    return AwsDiagnosis(name, settings, clock, shared)


def findings() -> Mapping[str, Known]:
    """Return the findings that only this kind knows."""
    from sinks.aws.known import FINDINGS

    return FINDINGS
