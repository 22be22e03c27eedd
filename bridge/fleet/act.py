"""Does one thing for one client, within its audit record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from bridge.audit.records import RESULTS
from bridge.execution.open import Common, open_session
from bridge.fleet.errors import as_error, with_origin
from bridge.fleet.recorded import Asked, recorded
from bridge.fleet.rules import Verb
from bridge.fleet.slots import lent
from bridge.fleet.sweep import Action, judged
from bridge.model.errors import ATTENTION, BridgeError, Refused
from bridge.model.outcome import Unchanged
from bridge.model.progress import Silent, Stop, Watcher

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session
    from bridge.model.outcome import Outcome
    from bridge.model.plan import Plan

LOG = logging.getLogger(__name__)
UNVERIFIED = "not verified yet: it may still be spreading; run: "
DONE = {Verb.RESUME: "resumed", Verb.SYNC: "synced", Verb.ROTATE: "rotated", Verb.RETIRE: "retired"}
"""The word for the success of each."""
NOTHING = "nothing"
"""The word where there was nothing to do."""


class Listener(Protocol):
    """An observer that learns what became of each client. It must not raise."""

    def became(self, settings: Settings, client: ClientSettings, done: Any, /) -> None:
        """Take the outcome of a client. It may be None if there was nothing to do."""

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError, /) -> None:
        """Take the error of a client."""


@dataclass(frozen=True)
class Result:
    """What became of an action. It holds ids and words, and no value of a secret."""

    verb: str
    """What was to be done."""
    tenant: str
    """The tenant's name."""
    client: str
    """The client's name."""
    word: str
    """How it ended: "rotated", "resumed", "synced", "retired", "nothing", or a word of `RESULTS`."""
    exit: int
    """The exit status that the command of the same name would have had. 0 and 5 are no failures."""
    message: str = ""
    """Why nothing was done, or why it failed."""
    next: str = ""
    """What to do about it."""
    rotation: str = ""
    """The operation's id, which begins with `r-`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The current version of each sink, by its URI."""

    @property
    def failed(self) -> bool:
        """Whether somebody has to look at it. A refusal is one, although nothing was changed."""
        return self.exit not in (0, ATTENTION)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.client}: {self.word}" + (f": {self.message}" if self.message else "")


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an action is done with. Nothing of it is needed."""

    common: Common | None = None
    """What it shares with other actions: logins, a management token, connections. Else it has its own."""
    stop: Stop = field(default_factory=Stop)
    """The request to stop."""
    watcher: Watcher = field(default_factory=Silent)
    """Hears of its steps and waits."""
    listener: Listener | None = None
    """Gets its outcome or error, as notifications need it."""
    opened: Callable[[Session], None] = lambda _: None
    """Gets its session before the first request."""


def act(settings: Settings, action: Action, *, now: datetime | None = None, around: Around | None = None) -> Result:
    """Do what an action says, if it still is what is next for its client. It never asks anybody.

    The client's metadata are read again. So an action may be done twice, late, or on two machines at once: whatever
    somebody else has done meanwhile is seen, and of two at the same moment one is refused by the vault. The
    configuration's audit record, its `after` hook and its conditions for a retirement hold as for a command.

    `now` is the time to judge by, as in `sweep`. An error becomes a result.

    Raises:
        KeyboardInterrupt: as it came. What was begun is left to the next sweep.
    """
    client = settings.clients.get(action.client)
    if client is None or client.client_id != action.client_id or client.tenant != action.tenant:
        return _nothing(action, "the configuration has no such client any more")
    around = around or Around()
    try:
        with lent(settings, around.common) as common:
            verb, wait, _ = judged(settings, now, common, client)
            if verb is not action.verb:
                return _nothing(action, f"{action.verb} is not what is next any more")
            if wait:
                return _nothing(action, f"it waits for its window, {wait.words}")
            done, why = _done(settings, client, action.verb, around, common)
    except Exception as raised:  # noqa: BLE001  # it is the result, and the other clients go on
        error = with_origin(settings, client, as_error(client, raised))
        if around.listener:
            around.listener.failed(settings, client, error)
        told = {"message": "; ".join(error.faults), "next": "; ".join(error.hints)}
        return _result(action, RESULTS[error.exit_status], error.exit_status, **told)
    if around.listener:
        around.listener.became(settings, client, done)
    return _of_outcome(action, done) if done else _nothing(action, why)


def not_begun(action: Action, error: BridgeError) -> Result:
    """Return the result of an action that was not begun."""
    return _result(action, "not-begun", error.exit_status, message=error.message, next="; ".join(error.hints))


def carry_out(session: Session, verb: Verb) -> Outcome | Unchanged | None:
    """Do what the command of that name does in a schedule. Only a retirement ends something for good.

    Raises:
        BridgeError: as the command.
    """
    from bridge.model.operation import Strategy
    from bridge.operations.resume import resume
    from bridge.operations.retire import retire
    from bridge.operations.rotate import RotateOptions, rotate
    from bridge.operations.start import Options
    from bridge.operations.sync import SyncOptions, sync

    client = session.settings
    if verb is Verb.RESUME:
        return resume(session, Options(agree=_harmless))
    if verb is Verb.SYNC:
        return sync(session, SyncOptions(agree=_harmless))
    if verb is Verb.ROTATE:
        options = RotateOptions(agree=_harmless, strategy=Strategy(client.strategy), min_interval=client.min_interval)
        return rotate(session, options)
    return retire(session, Options())


def _done(
    settings: Settings, client: ClientSettings, verb: Verb, around: Around, common: Common
) -> tuple[Outcome | None, str]:
    """Do it within its audit record, and return the outcome, or why there was nothing to do."""
    session = open_session(settings, client, around.watcher, around.stop, common)
    around.opened(session)
    why = [""]

    def work() -> Outcome | None:
        done = carry_out(session, verb)
        if isinstance(done, Unchanged):
            why[0] = done.why
            return None
        return done and completed(session, done, str(verb))

    return recorded(settings, session, Asked(str(verb)), work, common.shared, warn=LOG.warning), why[0]


def _harmless(plan: Plan) -> bool:
    """Agree to a plan that a schedule may execute.

    Raises:
        Refused: it ends something for good, or creates a secret.
    """
    if plan.irreversible or plan.creates:
        raise Refused(
            "this asks for consent, and a sweep asks nobody", "give the command by hand: --dry-run, then --yes"
        )
    return True


def completed(session: Session, done: Outcome, command: str) -> Outcome:
    """Return an outcome with what follows from the settings: dates, the after hook's result, and an unproven change.

    Everything is published by now. So a failed hook is `attention`, and a change that is not proven is `incomplete`,
    but neither is a failure.
    """
    from bridge.model.operation import PUBLISHES, Operation

    if command == "rotate" and done.published:
        done = replace(done, notes=(*done.notes, "not rotating again: this was the rotation"))
    if done.result == "planned" or not (done.operation in PUBLISHES or done.published):
        return done
    notes, status = list(done.notes), done.exit_status
    # These publish a value that Auth0 accepts already, and that may be old, so the dates cannot count from now.
    found = done.operation in (Operation.SYNC, Operation.SETTLE)
    if any(at.fallback for at in done.sinks.values()) and not found:
        now = done.at or session.clock.now()
        done = replace(
            done, retire_from=now + session.settings.fallback_min_age, retire_by=now + session.settings.fallback_max_age
        )
    if session.settings.after and done.hook is None:
        notes.append(f"after hook: {' '.join(session.settings.after)} … ok")
    elif done.hook:
        notes.append(f"after hook failed: {done.hook}; readers that only see the latest value need a restart")
        status = status or ATTENTION
    else:
        notes.append("readers that only see the latest value need a refresh or restart now")
    if not found and (done.propagated is None or not done.propagated.proven):
        notes.append(UNVERIFIED + session.client_ref.command("verify"))
    # After a request to stop, the user knows that the wait was cut short.
    if done.propagated and not done.propagated.proven and not session.stop.asked:
        status = 3
    return replace(done, notes=tuple(notes), exit_status=status)


def _of_outcome(action: Action, done: Outcome) -> Result:
    word = RESULTS.get(done.exit_status, DONE[action.verb] if done.result == "done" else done.result)
    versions = {uri: at.current for uri, at in done.sinks.items() if at.current}
    why = "; ".join(done.notes) if done.exit_status else ""
    return _result(action, word, done.exit_status, message=why, rotation=done.id, versions=versions)


def _nothing(action: Action, why: str = "") -> Result:
    return _result(action, NOTHING, 0, message=why)


def _result(action: Action, word: str, status: int, **told: Any) -> Result:
    return Result(str(action.verb), action.tenant, action.client, word, status, **told)
