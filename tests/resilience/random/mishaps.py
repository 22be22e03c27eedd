"""What may happen to a command on its way: it dies, is asked to stop, a server fails, or somebody else is at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bridge.execution.session import Session
from sinks.aws.errors import NotDone
from sinks.errors import Denied, Unavailable
from tests.e2e.taps import Call, Killed, Trace
from tests.e2e.world import World

SLOW = timedelta(seconds=12)  # longer than a lease
AUTH0_FAULTS = (
    "lost", "dropped", "error-before", "error-after", "slow-before", "slow-after", "html", "html-after", "truncated",
    "limited", "expired",
)  # fmt: skip


@dataclass(frozen=True)
class Mishap:
    """`kind` at the `nth` call; of `killed` at the nth that changes something. `count` calls in a row fail."""

    kind: str = "none"
    nth: int = 0
    after: bool = False
    count: int = 1
    what: str = ""

    def __str__(self) -> str:
        if self.kind == "none":
            return ""
        when = "after" if self.after else "before"
        return f" [{self.kind} {self.what} {when} {self.nth} x{self.count}]"


UNDISTURBED = Mishap()


@dataclass
class Struck:
    """A mishap in one run. `meddle` is called for what somebody else does meanwhile."""

    mishap: Mishap
    world: World
    trace: Trace
    meddle: Callable[[str], None]
    generated: bool = False
    met: bool = False

    def arm(self, session: Session) -> None:
        """Have it happen in this job."""
        mishap, trace = self.mishap, self.trace
        if mishap.kind == "auth0":
            self.met = True
            self.world.tenant.fault(mishap.what, skip=mishap.nth, count=mishap.count, delay=SLOW)
        strike: dict[str, Callable[[Call], None]] = {
            "killed": self._kill,
            "vault": self._fail,
            "aws": self._fail,
            "stopped": lambda call: self._stop(call, session),
            "jump": self._jump,
            "meddled": self._meddle,
        }
        self._strike = strike.get(mishap.kind, lambda _call: None)
        trace.before = lambda call: self._at(call, after=False)
        trace.after = lambda call: self._at(call, after=True)

    def _at(self, call: Call, *, after: bool) -> None:
        self.generated = self.generated or call.name == "rotate_secret"
        if after == (self.mishap.after and self.mishap.what != "denied"):  # what is denied has no effect
            self._strike(call)

    def _kill(self, call: Call) -> None:
        done = len(self.trace.effects) - (1 if self.mishap.after else 0)
        if call.changes and done == self.mishap.nth:
            self.met = self.trace.dead = True
            raise Killed

    def _fail(self, call: Call) -> None:
        mishap = self.mishap
        if call.end != mishap.kind or not mishap.nth <= call.nth < mishap.nth + mishap.count:
            return
        self.met = True
        if mishap.what == "denied":
            raise Denied("made up: denied")
        raise Unavailable("made up: lost") if mishap.after or call.end == "vault" else NotDone("made up: throttled")

    def _stop(self, call: Call, session: Session) -> None:
        if call.number == self.mishap.nth:
            self.met = True
            session.stop.ask()

    def _jump(self, call: Call) -> None:
        if call.number == self.mishap.nth:
            self.met = True
            self.world.clock.advance(timedelta(seconds=int(self.mishap.what)))

    def _meddle(self, call: Call) -> None:
        if call.number == self.mishap.nth:
            self.met = True
            self.meddle(self.mishap.what)

    def disarm(self) -> None:
        self.world.tenant.clear_faults()

    @property
    def alone(self) -> bool:
        """Whether nobody else changed anything meanwhile."""
        return self.mishap.kind != "meddled" or not self.met

    @property
    def unheard(self) -> bool:
        """Whether Auth0 made a value, for us or for somebody at its dashboard, that perhaps nobody could store yet."""
        return self.generated or (not self.alone and self.mishap.what == "dashboard")

    @property
    def theirs(self) -> bool:
        """Whether somebody wrote over the client's secret meanwhile: what goes with that is not the command's doing."""
        return not self.alone and self.mishap.what == "overwrite"
