"""What AWS answers, in our own types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.secret import Secret


@dataclass(frozen=True)
class Described:
    """A secret's description. `at` is the server's clock; without an ARN there is no such secret.

    `replicas` are pairs of region and status; `owner` is the AWS service that manages the secret, if one does. `key` is
    the KMS key that encrypts it, where that is not AWS's own.
    """

    at: datetime
    arn: str = ""
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted: datetime | None = None
    rotates: bool = False
    primary_region: str | None = None
    replicas: tuple[tuple[str, str], ...] = ()
    owner: str | None = None
    changed: datetime | None = None
    key: str | None = None

    @property
    def exists(self) -> bool:
        """Tell whether there is such a secret."""
        return bool(self.arn)


@dataclass(frozen=True)
class Listed:
    """One version in a listing; its content is another call."""

    id: str
    stages: frozenset[str]
    created: datetime | None = None


@dataclass(frozen=True)
class Got:
    """One version's text, with the labels that it has. `at` is the server's clock."""

    version: str
    text: Secret
    stages: frozenset[str]
    at: datetime


@dataclass(frozen=True)
class Page:
    """One page of a listing. `next` asks for the page after it."""

    versions: tuple[Listed, ...]
    at: datetime
    next: str | None = None
