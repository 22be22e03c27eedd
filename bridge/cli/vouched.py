"""What retire may be told about the evidence."""

from __future__ import annotations

from bridge.cli.run import usage_errors
from bridge.evidence.judge import Ignored
from bridge.model.errors import Usage


def vouched(sources: list[str] | None, *, force: bool, reason: str, json: bool) -> tuple[Ignored, ...]:
    """Understand which sources somebody vouches for; whoever overrides the evidence says why.

    Ends the process on a usage error.
    """
    with usage_errors(json=json):
        if (force or sources) and not reason.strip():
            option = "--force" if force else "--ignore-source"
            raise Usage(f"{option}: found no --reason, expected one", hint='--reason "who says so, and why"')
        if reason and not force and not sources:
            raise Usage("--reason: found without --ignore-source or --force, expected it with one of them")
        return tuple(Ignored.parse(text) for text in sources or ())
