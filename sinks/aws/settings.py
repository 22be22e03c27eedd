"""The configuration of one AWS account and region."""

from __future__ import annotations

from dataclasses import dataclass


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
