"""What an operator types, given to the operations themselves: the same words as on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.execution.session import Session
from bridge.model.errors import BridgeError
from bridge.model.operation import Strategy
from bridge.model.outcome import Outcome
from bridge.model.progress import Silent
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from tests.e2e.taps import Killed

FLAGS: dict[str, dict[str, Any]] = {
    "--takeover": {"takeover": True},
    "--no-wait": {"settle": False},
    "--adopt": {"adopt": True},
    "--compromised": {"compromised": True},
    "--discard": {"discard": True},
    "--repair": {"repair": True},
    "--discard-foreign": {"discard_foreign": True},
    "--soft": {"softly": True},
    "--undo": {"undo": True},
    "--yes": {},
}
WORDS = {"--reason": "reason", "--strategy": "strategy", "--unproven": "unproven", "--fallback": "fallback"}


@dataclass(frozen=True)
class Ended:
    """How a command ended. `status` None: it was killed. `out` and `err` are what it would have said."""

    status: int | None
    done: Outcome | None = None
    out: str = ""
    err: str = ""


class Told(Silent):
    """Watches for what has to be known even if nothing else is said any more."""

    def __init__(self) -> None:
        self.leaks: list[str] = []

    def step(self, name: str, text: str) -> None:
        if name == "leak":
            self.leaks.append(text)


def parsed(argv: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return a command's verb and its options by the names of their fields.

    Raises:
        KeyError: there is no such option here.
    """
    verb, *rest = argv
    options: dict[str, Any] = {}
    words = iter(rest)
    for word in words:
        if word in WORDS:
            options[WORDS[word]] = next(words)
        else:
            options |= FLAGS[word]
    if "strategy" in options:
        options["strategy"] = Strategy(options["strategy"])
    return verb, options


def _retire(session: Session, options: dict[str, Any]) -> Outcome | None:
    softly, undo, vouched = options.pop("softly", False), options.pop("undo", False), options.pop("unproven", "")
    if undo:
        return bring_back(session, Options(**options), vouched=vouched)
    return retire(session, Options(**options), softly=softly, vouched=vouched)


RUN: dict[str, Callable[[Session, dict[str, Any]], Outcome | None]] = {
    "rotate": lambda session, options: rotate(session, RotateOptions(**options)),
    "resume": lambda session, options: resume(session, Options(**options)),
    "rollback": lambda session, options: rollback(session, RollbackOptions(**options)),
    "sync": lambda session, options: sync(session, SyncOptions(**options)),
    "retire": _retire,
    "adopt": lambda session, options: adopt(session, AdoptOptions(**options)),
    "forget": lambda session, options: forget(session, Options(**options)),
}


def operate(session: Session, argv: Sequence[str]) -> Ended:
    """Run a command to its end, or to its death. Whatever else is raised is a finding."""
    verb, options = parsed(argv)
    told = session.watcher = Told()
    try:
        done = RUN[verb](session, options)
    except Killed:
        return Ended(None, err="\n".join(told.leaks))
    except BridgeError as error:
        return Ended(error.exit_status, err=f"{error.message}\n{error.hint or ''}")
    notes = "\n".join(done.notes) if done and done.exit_status else ""
    return Ended(done.exit_status if done else 0, done, _said(done), notes)


def _said(done: Outcome | None) -> str:
    if done is None:
        return "nothing to do"
    return re.sub(r"\s+", " ", f"{done.operation} {done.result} {' '.join(done.notes)} {done.plan}")
