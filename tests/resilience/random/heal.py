"""Mending everything as somebody does who only follows the hints: what a message names next is what is done next."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.resilience.random.commands import Command, Ended
from tests.resilience.random.others import Others

HINTED = re.compile(r"secret-bridge (rotate|resume|rollback|sync|retire|adopt)\b([^;\n]*)")
OPTIONS: dict[str, dict[str, Any]] = {
    "--repair": {"repair": True},
    "--takeover": {"takeover": True},
    "--discard-foreign": {"discard_foreign": True},
    "--compromised": {"compromised": True, "reason": "as the message says"},
}
LONGEST = 12


def mend(run: Callable[[Command], Ended], others: Others) -> list[str]:
    """Finish what is interrupted, then have the live value published; return what was done on the way.

    Raises:
        AssertionError: a message leads nowhere, or in a circle.
    """
    path: list[str] = []
    for command in (Command("resume", {"takeover": True}), Command("sync", {"takeover": True})):
        after: Command | None = command
        while after is not None:
            assert len(path) < LONGEST, "the hints lead in a circle:\n" + "\n".join(path)
            ended = run(after)
            path.append(f"{after}: {ended} {ended.error or ''} -> {told_next(ended)}")
            if ended.status:
                after = _next(after, ended, others, path)
            else:
                after = None if after.verb == command.verb else command
    return path


def told_next(ended: Ended) -> str:
    """Return the words that say what to do next: an error's hint, or the notes of what ended with attention."""
    if ended.error:
        return ended.error.hint or ""
    return "\n".join(ended.done.notes) if ended.done and ended.status else ""


def _next(command: Command, ended: Ended, others: Others, path: list[str]) -> Command:
    """Return what is said to be done next."""
    hint = told_next(ended)
    if "remove the label AWSPENDING" in hint:
        others.unlabel_pending()
        return command
    if (
        "move them" in hint
    ):  # sibling keys that a client left behind which was given back, and that are no candidates now
        others.move_companions()
        return command
    if "name the key" in hint:  # who knows that it is the right one can only guess this
        return Command("adopt", {"repair": True, "takeover": True})
    if "with --takeover" in hint:
        return Command(command.verb, {**command.options, "takeover": True})
    if found := HINTED.search(hint):
        options: dict[str, Any] = {"takeover": True}
        for flag, meant in OPTIONS.items():
            options |= meant if flag in found[2] else {}
        return Command(found[1], options)
    assert ended.status == 1 or re.search(r"again|wait", hint), "a dead end:\n" + "\n".join(path)
    return command
