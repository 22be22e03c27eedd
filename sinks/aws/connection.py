"""A boto3 client for one region, created when first needed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore import exceptions as boto
from botocore.config import Config

from sinks.aws import logs
from sinks.aws.api import watched
from sinks.aws.credentials import Provided, Renewed, Source, assumed, renew_with, role
from sinks.aws.transport import bounded
from sinks.aws.variables import CONFIGURATION, CORRECT, IGNORED, endpoint_fault, faults, missing_files
from sinks.errors import BadAddress, SinkError

if TYPE_CHECKING:
    from sinks.aws import Settings
    from sinks.shared import Shared

CONNECT_SHARE, READ_SHARE = 0.3, 0.6  # of the lease, so that a call without an answer ends before its lease does
CONNECTIONS = 32
"""How many connections are kept for further requests. More threads than that would open new ones again and again."""

logs.install()


def connector(
    settings: Settings, region: str, lease: timedelta, shared: Shared, attempts: int = 1
) -> Callable[[], Any]:
    """Return a function that creates the client at its first call, and returns the same one afterwards.

    All sinks of one region share it. boto3 publishes no types. `attempts` is how often boto3 itself may try a call.
    Retries of writes are decided elsewhere. The function raises `BadAddress` where settings, variables or a
    configuration file allow no client.
    """

    def make() -> Any:
        config = _config(lease, attempts)
        source = _role(settings, region, config) if settings.role_arn else _chain(settings, region, config)
        client = _client("secretsmanager", settings, region, config, source)
        watched(client)
        return client

    return lambda: shared.one((connector, settings, region, lease, attempts), make)


def identifier(settings: Settings, region: str, lease: timedelta, shared: Shared) -> Callable[[], dict[str, str]]:
    """Return a function that asks STS who is calling, with one client for all sinks of a region.

    Where a role is configured, it is assumed, and its own name is the answer.
    """

    def identify() -> dict[str, str]:
        with logs.unsaid():
            made = functools.partial(_sts, settings, region, _config(lease, 1))
            sts = shared.one((identifier, settings, region, lease), made)
            if settings.role_arn is None:
                return {"arn": str(sts.get_caller_identity()["Arn"])}
            return {"arn": str(sts.assume_role(**role(settings.role_arn))["AssumedRoleUser"]["Arn"])}

    return identify


@contextmanager
def usable(settings: Settings, region: str) -> Iterator[None]:
    """Translate whatever stands in the way of a client: variables, the configuration files, the profile."""
    if found := faults(os.environ, settings):
        raise BadAddress("; ".join(found), CORRECT)
    with logs.unsaid():
        try:
            yield
        except SinkError:
            raise
        except boto.ProfileNotFound as error:
            raise _no_profile(str(settings.profile or error.kwargs.get("profile"))) from None
        except boto.ConfigParseError as error:
            raise BadAddress(
                f"AWS's configuration file {error.kwargs.get('path')} cannot be parsed (ConfigParseError)",
                f"correct it, or name another one by {' or '.join(CONFIGURATION)}",
            ) from None
        # Whatever else a constructor raises: there is no list of it, and its text may quote a credential.
        except Exception as error:  # noqa: BLE001
            raise BadAddress(
                f"the AWS settings for {region} cannot be used ({type(error).__name__})",
                "check profile, region and address, the variables that begin with AWS_, and ~/.aws/config",
            ) from None


def _no_profile(profile: str) -> BadAddress:
    named = next((name for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE") if os.environ.get(name) == profile), "")
    where = "; ".join(missing_files(os.environ)) or "aws configure list-profiles shows the profiles"
    return BadAddress(
        f"there is no AWS profile '{profile}'{f', which {named} names' if named else ''} (ProfileNotFound)",
        f"check profile ({where})",
    )


def _session(settings: Settings, region: str, config: Config) -> Any:
    session = botocore.session.Session()
    named = {"profile": settings.profile} if settings.profile else {}  # otherwise boto3 reads the usual variables
    for name, value in {**IGNORED, **named, "region": region}.items():
        session.set_config_variable(name, value)
    session.set_default_client_config(config)  # for the clients by which profiles get their credentials
    return session


def _client(service: str, settings: Settings, region: str, config: Config, source: Callable[[], Any]) -> Any:
    """Create a client whose credentials come from `source`, and come again when they have ended.

    Raises:
        BadAddress: settings or variables allow none, or its address is plain http:// to another machine.
    """
    with usable(settings, region):
        credentials = Renewed(source)
        session = _session(settings, region, config)
        session.register_component("credential_provider", Provided(credentials))
        made, url = boto3.Session(botocore_session=session), _endpoint(service, settings)
        client = made.client(service, config=_unproxied(config, url), endpoint_url=url, verify=settings.ca_file)
        # A variable or a profile can name an address too. boto3 reads them by itself.
        found = str(client.meta.endpoint_url)
        if wrong := endpoint_fault(found, os.environ):
            raise BadAddress(*wrong)
        if url is None and found.startswith("http:"):
            client = made.client(service, config=_unproxied(config, found), endpoint_url=found)
        renew_with(client, service, credentials)
        return bounded(client)


def _endpoint(service: str, settings: Settings) -> str | None:
    """Return the address to use for a service. None: boto3 chooses it."""
    # An address of Secrets Manager alone is no address of STS. An imitation answers for both.
    if service == "sts" and (os.environ.get("AWS_ENDPOINT_URL_STS") or "secretsmanager" in str(settings.endpoint_url)):
        return None
    return settings.endpoint_url


def _unproxied(config: Config, url: str | None) -> Config:
    """Return the configuration, without proxies where the address is plain http:// to this machine.

    A proxy would get the secrets in clear text, and this machine is reached without one.
    """
    return config.merge(Config(proxies={})) if url and url.startswith("http:") else config


def _sts(settings: Settings, region: str, config: Config) -> Any:
    return _client("sts", settings, region, config, _chain(settings, region, config))


def _chain(settings: Settings, region: str, config: Config) -> Callable[[], Source]:
    # A new session for each, because one reads its files and variables only once.
    return lambda: Source(lambda: _session(settings, region, config).get_credentials(), f"AWS in {region}")


def _role(settings: Settings, region: str, config: Config) -> Callable[[], Source]:
    uri = f"AWS in {region}"
    sts = functools.partial(_sts, settings, region, config)
    return lambda: Source(lambda: assumed(sts, str(settings.role_arn), uri), uri)


def _config(lease: timedelta, attempts: int) -> Config:
    seconds = lease.total_seconds()
    # Both together are shorter than the lease, so that a call without an answer does not outlive it.
    return Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=seconds * CONNECT_SHARE,
        read_timeout=seconds * READ_SHARE,
        user_agent_extra="secret-bridge",
        max_pool_connections=CONNECTIONS,
    )
