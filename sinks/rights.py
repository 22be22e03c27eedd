"""What a sink may be asked to do, as far as rights at its vault depend on it. Pure.

Each kind of sink keeps one table, from a deed to the rights that its requests need (`sinks.vault.rights`,
`sinks.aws.rights`). The check before an operation and the ready-made policies both read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Deed(StrEnum):
    """One thing that can be asked of a sink. Most are methods of the port, by name."""

    SURVEY = "survey"
    """Read metadata: the lock holder, the stages, the tags."""
    READ = "read"
    """Read values of any version, as the bridge does."""
    FOLLOW = "follow"
    """Read values of the three stages, as an application does (`sinks.reader.Reader`)."""
    HOLD = "hold"
    """Claim, take over, renew, store, release: every change begins and ends with these."""
    BEGIN = "begin"
    """Hold a sink for the first time."""
    FILL = "fill"
    """Write the first version of an empty sink."""
    PROMOTE = "promote"
    WRITE_SIBLING_KEYS = "write_sibling_keys"
    """Write the sibling keys. Where they are kept, promoting, retiring and releasing write them too."""
    TAG = "tag"
    NOTE = "note"
    REMOVE_NOTE = "remove_note"
    RETIRE = "retire"
    RETIRE_SOFTLY = "retire_softly"
    BRING_BACK = "bring_back"
    FORGET = "forget"


class Role(StrEnum):
    """The kind of user. The help of the command `policy` and docs/guide/security.md say what each may do."""

    OPERATOR = "operator"
    APPLICATION = "application"
    AUDITOR = "auditor"
    SECURITY = "security"


@dataclass(frozen=True)
class Block:
    """A policy to paste at one vault or tenant.

    It is only printed. The bridge never writes a policy to a server.
    """

    name: str
    """The name of the vault or tenant in the configuration."""
    language: str
    """The policy's language, as `policy --format` names it."""
    comments: tuple[str, ...]
    """Lines to show with the policy."""
    text: str
    """The policy in its language."""
    data: object
    """The policy for programs."""
    commentable: bool = True
    """Whether the language has comments, so that `comments` can stand above the text."""
    mounts: tuple[str, ...] = ()
    """The mounts that the paths were taken to be in. Empty where there are none."""
