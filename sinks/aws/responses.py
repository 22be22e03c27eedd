"""AWS's answers in our own types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.secret import Secret


@dataclass(frozen=True)
class Described:
    """A secret's description (DescribeSecret).

    It contains no value.
    """

    at: datetime
    """The server's clock."""
    arn: str = ""
    """The secret's ARN. Empty: there is no such secret."""
    name: str = ""
    """The secret's full name."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The secret's tags."""
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The labels of each version that has any."""
    deleted: datetime | None = None
    """When the secret was scheduled for deletion, as AWS's DeletedDate."""
    rotates: bool = False
    """Whether AWS rotates the secret itself."""
    primary_region: str | None = None
    """The region of the original, where the secret is replicated."""
    primary_arn: str | None = None
    """The ARN of the original, where the secret is a replica of one in another account."""
    replicas: tuple[tuple[str, str], ...] = ()
    """Pairs of region and status. A replica in another account has its ARN in place of the region."""
    type: str | None = None
    """The type of a managed external secret, which AWS rotates at a partner."""
    owner: str | None = None
    """The AWS service that manages the secret, if one does."""
    changed: datetime | None = None
    """AWS's LastChangedDate."""
    key: str | None = None
    """The KMS key that encrypts the secret, where it is not AWS's own."""

    @property
    def exists(self) -> bool:
        """Whether there is such a secret."""
        return bool(self.arn)


@dataclass(frozen=True)
class Listed:
    """One version in a listing. Its content takes another call."""

    id: str
    stages: frozenset[str]
    created: datetime | None = None


@dataclass(frozen=True)
class Got:
    """One version's text, with its labels. `at` is the server's clock."""

    version: str
    text: Secret
    stages: frozenset[str]
    at: datetime


@dataclass(frozen=True)
class Page:
    """One page of a listing.

    `next` is the token for the page after it, and None on the last one.
    """

    versions: tuple[Listed, ...]
    at: datetime
    next: str | None = None
