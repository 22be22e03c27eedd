"""What `doctor` finds, and how a kind of store takes part in it.

Each kind examines its own servers and sinks (`Kind.diagnose`) and writes what it finds into a `Findings`. It has one
table of the findings that only it knows (`Kind.FINDINGS`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from sinks.rights import Deed, Role

# A rotation takes minutes, and a schedule usually runs once a day.
SOON, LATER = timedelta(hours=1), timedelta(hours=24)
"""A token that ends within the first of these is wrong. One that ends within the second gets a note."""
CERTIFICATE = timedelta(days=14)
"""A certificate that ends within this time gets a note."""
UNDER_VAULT = "# in bridge.toml, under [vaults.{vault}]"
"""The begin of a remedy that is a setting of a vault."""


class Severity(StrEnum):
    """What a finding means.

    `wrong` stops or endangers a command, and `note` does not. `unknown` means that the check could not be made.
    """

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Known:
    """What all findings of one kind have in common.

    A remedy is a text to paste. Words in braces are filled in with the facts of a finding. `#` begins a comment in a
    shell, in TOML and in HCL, so the text behind it is for people.
    """

    why: str
    """Why it matters."""
    remedy: str = ""
    """How to fix it, as a template."""


class Findings(Protocol):
    """Collects the findings about one subject. `kind` is a key of a table of `Known`."""

    def ok(self, what: str) -> None:
        """Add a finding about what is as it should be.

        It has no entry among the `Known`, because there is nothing to explain or to fix.
        """
        ...

    def note(self, kind: str, what: str, **names: str) -> None:
        """Add a finding that is worth knowing but stops nothing."""
        ...

    def wrong(self, kind: str, what: str, **names: str) -> None:
        """Add a finding that stops or endangers a command."""
        ...

    def unknown(self, kind: str, what: str, **names: str) -> None:
        """Add a finding about what could not be checked."""
        ...

    def add(self, severity: Severity, kind: str, what: str, **names: str) -> None:
        """Add a finding of any severity.

        `names` fill in the braces in the texts of `Known`, and contain every name that these texts use.
        """
        ...

    def skew(self, ahead: timedelta, server: str) -> None:
        """Report a clock that differs from a server's. `ahead` is by how much this machine's clock is ahead."""
        ...


class Diagnosis(Protocol):
    """The examination of one vault and of sinks in it. It changes nothing.

    Errors other than `SinkError` are bugs. A `SinkError` that leaves a method ends that check only.
    """

    title: str
    """The heading for the server. Empty where there is no server to examine, only its sinks."""

    @property
    def answered(self) -> bool:
        """Whether the vault has answered anything at all so far."""
        ...

    def server(self, findings: Findings) -> None:
        """Examine the server and the login to it, before any sink.

        It is not called without a `title`. It sends requests that only read.
        """
        ...

    def sink(self, findings: Findings, target: str, role: Role, asked: frozenset[Deed], command: str) -> bool:
        """Examine a sink, and return whether its metadata can be read.

        `asked` are the deeds that the role needs there. `command` holds the arguments by which a command of the bridge
        names the client, for remedies.
        """
        ...
