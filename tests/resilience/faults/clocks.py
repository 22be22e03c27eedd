"""Clocks that are wrong, and machines that sleep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.e2e.clock import Shifted
from tests.resilience.faults.between import Ask, Between, Fault, answers, drop, first
from tests.resilience.faults.case import CLIENT, SET, WAITS, Case, Do, Left, rotated
from tests.resilience.faults.run import Run
from tests.support.proxy import Answer
from tests.support.strict_moto import controls

HOURS = timedelta(hours=7)


class Skewed:
    """The command's clock: its time of day is wrong, and its stopwatch is right."""

    def __init__(self, right: Shifted, skew: timedelta) -> None:
        self.right = right
        self.skew = skew
        self.monotonic, self.sleep = right.monotonic, right.sleep

    def now(self) -> datetime:
        return self.right.now() + self.skew


def skewed(skew: timedelta) -> Callable[[Run], None]:
    def before(run: Run) -> None:
        run.patch.setattr("bridge.execution.open.SystemClock", lambda: Skewed(run.world.clock, skew))

    return before


def aws_off(skew: timedelta) -> Callable[[Run], None]:
    """AWS's clock is wrong, and Vault's is right."""

    def before(run: Run) -> None:
        right = controls.clock
        controls.clock = lambda: right() + skew.total_seconds()

    return before


def limited_elsewhen(between: Between, ask: Ask) -> Answer:
    """Auth0 asks to wait for two seconds, by a clock of its own."""
    moment = datetime.now(UTC) + HOURS
    reset = str(int(moment.timestamp()) + 2)
    return answers(429, {}, Date=format_datetime(moment, usegmt=True), x_ratelimit_reset=reset)(between, ask)


def sleeps(between: Between) -> None:
    between.clock.advance(timedelta(minutes=20))


CASES = (
    Case("clock-ahead", 0, "rotated in", Left.DONE, Do.NOTHING, before=skewed(HOURS), command=WAITS),
    Case("clock-behind", 0, "rotated in", Left.DONE, Do.NOTHING, before=skewed(-HOURS), command=WAITS),
    Case("clock-ahead-interrupted", 3, "OLD or the NEW value", Left.PENDING, Do.RESUME,
         (Fault(SET, drop(effect=True)),), before=skewed(HOURS)),
    Case("clock-behind-retire", 0, "retired in", Left.DONE, Do.NOTHING, command=("retire", "--yes"), scene=rotated,
         before=skewed(-HOURS * 24), changes=0, fallback=None),
    Case("clock-aws-ahead", 0, "rotated in", Left.DONE, Do.NOTHING, before=aws_off(HOURS), command=WAITS),
    Case("clock-aws-behind", 0, "rotated in", Left.DONE, Do.NOTHING, before=aws_off(-HOURS), command=WAITS),
    Case("clock-aws-ahead-interrupted", 3, "OLD or the NEW value", Left.PENDING, Do.RESUME,
         (Fault(SET, drop(effect=True)),), before=aws_off(HOURS)),
    Case("clock-auth0-ahead", 0, "rotated in", Left.DONE, Do.NOTHING, (Fault(CLIENT, limited_elsewhen, count=2),)),
    Case("machine-sleeps", 3, "not verified yet", Left.UNVERIFIED, Do.VERIFY,
         (Fault(SET, first(sleeps), count=1), Fault("aws UpdateSecretVersionStage", first(sleeps), skip=1, count=1)),
         command=WAITS),
)  # fmt: skip
