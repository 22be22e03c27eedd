"""Least-privilege policies to paste: what each role needs at Vault, AWS and Auth0. Pure.

They follow from the requests that the commands make (`sinks.rights`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """The language of a policy."""

    HCL = "hcl"
    IAM = "iam"
    SCOPES = "scopes"


@dataclass(frozen=True)
class Block:
    """What to paste at one vault or tenant. `name` is its name in the configuration.

    `text` is the policy in its language. `comments` are lines to show with it, because IAM's JSON has no place for
    comments. `data` is the policy for programs.
    """

    name: str
    language: Language
    comments: tuple[str, ...]
    text: str
    data: object
