"""Least privilege, to paste: what each role needs at Vault, AWS and Auth0, by what the commands call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """What a policy is written in."""

    HCL = "hcl"
    IAM = "iam"
    SCOPES = "scopes"


@dataclass(frozen=True)
class Block:
    """What to paste at one vault or tenant, which is called `name`.

    `text` is in its language, without comments that this has no place for; `data` is the same for programs.
    """

    name: str
    language: Language
    comments: tuple[str, ...]
    text: str
    data: object
