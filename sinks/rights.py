"""What a sink may be asked to do, as far as rights at its vault depend on it. Pure.

Each kind of sink keeps one table, from a deed to the rights that its requests take (`sinks.vault.rights`,
`sinks.aws.rights`). The check before an operation and the policies to paste both read it.
"""

from __future__ import annotations

from enum import StrEnum


class Deed(StrEnum):
    """What may be asked of one place. Most are methods of the port, by their names."""

    SURVEY = "survey"
    """Read metadata: who holds the place, its stages, its tags."""
    READ = "read"
    """Read values as the bridge does: of any version."""
    FOLLOW = "follow"
    """Read values as an application does (`sinks.reader.Reader`): of the three stages."""
    HOLD = "hold"
    """Claim, take over, look, store, release: what every change begins and ends with."""
    BEGIN = "begin"
    """Hold a place for the first time."""
    FILL = "fill"
    """Write the first version of an empty place."""
    PROMOTE = "promote"
    LAY_OUT = "lay_out"
    """Write the companions. Where they are kept, promoting, retiring and releasing do so, too."""
    TAG = "tag"
    NOTE = "note"
    REMOVE_NOTE = "remove_note"
    RETIRE = "retire"
    RETIRE_SOFTLY = "retire_softly"
    BRING_BACK = "bring_back"
    FORGET = "forget"


class Role(StrEnum):
    """Who acts. What each may do stands in the help of the command `policy` and in docs/security.md."""

    OPERATOR = "operator"
    APPLICATION = "application"
    AUDITOR = "auditor"
    SECURITY = "security"
