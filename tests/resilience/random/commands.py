"""The commands, as somebody would give them, and what they end with."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.execution.session import Session
from bridge.model.errors import BridgeError
from bridge.model.outcome import Outcome
from bridge.operations.adopt import AdoptOptions, adopt, forget
from bridge.operations.evidence import evidence_of
from bridge.operations.resume import resume
from bridge.operations.retire import bring_back, retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.operations.sync import SyncOptions, sync
from sinks.secret import Secret
from tests.e2e.taps import Killed, Trace
from tests.e2e.world import World


@dataclass(frozen=True)
class Command:
    """A verb and its options, by the names of the options' fields; `softly` is `retire`'s own.

    `undo` is what undoes a soft retirement, `record` what keeps in the sinks what the tenant's log says.
    """

    verb: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = " ".join(f"{name}={value}" for name, value in self.options.items() if value)
        return f"{self.verb} {said}".rstrip()


@dataclass(frozen=True)
class Ended:
    """How a command ended: with an outcome (None: there was nothing to do), an error, or dead."""

    done: Outcome | None = None
    error: BridgeError | None = None
    killed: bool = False

    @property
    def status(self) -> int:
        if self.error:
            return self.error.exit_status
        return self.done.exit_status if self.done else 0

    def __str__(self) -> str:
        if self.killed:
            return "killed"
        if self.error:
            return f"exit {self.status} ({type(self.error).__name__})"
        attention = f", exit {self.status}" if self.status else ""
        return f"{self.done.operation} {self.done.result}{attention}" if self.done else "nothing to do"


Run = Callable[[Session, dict[str, Any]], Outcome | None]


def _rotate(session: Session, options: dict[str, Any]) -> Outcome:
    if options.pop("bring", False):
        options["brought"] = Secret(secrets.token_urlsafe(48))
    return rotate(session, RotateOptions(**options))


def _retire(session: Session, options: dict[str, Any]) -> Outcome | None:
    softly = options.pop("softly", False)
    return retire(session, Options(**options), softly=softly)


def _record(session: Session, _options: dict[str, Any]) -> None:
    evidence_of(session, record=True)


RUN: dict[str, Run] = {
    "rotate": _rotate,
    "resume": lambda session, options: resume(session, Options(**options)),
    "rollback": lambda session, options: rollback(session, RollbackOptions(**options)),
    "sync": lambda session, options: sync(session, SyncOptions(**options)),
    "retire": _retire,
    "undo": lambda session, options: bring_back(session, Options(**options)),
    "record": _record,
    "adopt": lambda session, options: adopt(session, AdoptOptions(**options)),
    "forget": lambda session, options: forget(session, Options(**options)),
}


def operate(world: World, command: Command, trace: Trace | None = None, *, session: Session | None = None) -> Ended:
    """Run a command. What is neither an outcome nor one of our errors, or death, is for whoever looks to see."""
    try:
        return Ended(done=RUN[command.verb](session or world.session(trace=trace), dict(command.options)))
    except BridgeError as error:
        return Ended(error=error)
    except Killed:
        return Ended(killed=True)
