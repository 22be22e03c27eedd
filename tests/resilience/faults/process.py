"""What happens to our own process: signals, and outputs that are closed or full."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from typer.testing import CliRunner

from bridge.cli.commands import app
from tests.resilience.faults.between import Between, Fault, drop, first, signals
from tests.resilience.faults.case import (
    A_PUT,
    CLIENT,
    GENERATE,
    LEAK,
    RETIRE,
    SET,
    TOKEN,
    V_DESTROY,
    V_DOC,
    V_TAG,
    Case,
    Do,
    Left,
    in_dashboard,
    rotated,
)  # fmt: skip
from tests.resilience.faults.run import Behind

TERM, INT, KILL, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGHUP
AGAIN, RESUME, VERIFY, NOTHING = Do.AGAIN, Do.RESUME, Do.VERIFY, Do.NOTHING
ROTATE = ("rotate", "--adopt")
LEAK_NEW = (*LEAK, "--adopt")
STOPPED = "stopped as asked"
UNVERIFIED = "not verified yet"
QUICK = {"PROPAGATION": "2s"}
"""Where the command has to wait for its fence; elsewhere it goes by the whole 30 s."""


def filled(world: Behind) -> None:
    """Nobody has held the sinks yet: so no fence has to be waited for."""
    world.fill()


def interrupted(world: Behind) -> None:
    """A rotation stopped before Auth0 had answered, so long ago that nothing of it can still arrive."""
    world.fill()
    world.between.arm(Fault(SET, drop()))
    CliRunner().invoke(app, ["rotate", "billing", "--adopt"])
    world.between.arm()
    world.spread()


def generating(world: Behind) -> None:
    """Auth0 was to make a value and did not answer: whoever finishes that waits for what may still arrive."""
    world.fill()
    world.between.arm(Fault(GENERATE, drop()))
    CliRunner().invoke(app, ["rotate", "billing", "--adopt", "--strategy", "auth0-generated"])
    world.between.arm()


def nobody_reads(between: Between) -> None:
    """Whoever read what the command says has gone: a closed terminal, a log collector that died, `| head`."""
    os.close(between.reader)


def case(id_: str, exit_: int, says: str, left: Left, do: Do, *faults: Fault, command: tuple[str, ...] = ROTATE,
         scene: Callable[[Behind], None] = filled, **more: object) -> Case:  # fmt: skip
    return Case(id_, exit_, says, left, do, faults, command=command, scene=scene, **more)  # type: ignore[arg-type]  # a case's own fields


HOOK = {"AFTER": '["sh", "-c", "kill -TERM $PPID; sleep 0.2"]'}
CASES = (
    case("sigterm-reading", 1, STOPPED, Left.UNTOUCHED, AGAIN, Fault(CLIENT, signals(TERM))),
    case("sigterm-claiming", 1, STOPPED, Left.GIVEN_BACK, AGAIN, Fault(A_PUT, signals(TERM), count=1)),
    case("sigterm-refresh-wait", 1, STOPPED, Left.GIVEN_BACK, AGAIN, Fault(V_TAG + "/pending", signals(TERM), count=1),
         environ={"REFRESH": "20s"}),
    case("sigterm-at-set", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(SET, signals(TERM, effect=False), count=1)),
    case("sigterm-after-set", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(SET, signals(TERM), count=1)),
    case("sigterm-promoting", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(V_DOC, signals(TERM), count=1)),
    case("sigterm-settling", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(TOKEN, signals(TERM), after=SET, count=1)),
    case("sigterm-hook-running", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, environ=HOOK),
    case("sigterm-hook-waiting", 5, "not run: it was asked to stop", Left.UNVERIFIED, VERIFY,
         Fault(SET, signals(TERM), count=1), environ={"AFTER": '["true"]'}),
    case("sigterm-generated", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY,
         Fault(GENERATE, signals(TERM), count=1),
         command=(*ROTATE, "--strategy", "auth0-generated")),
    case("sigterm-retire-claiming", 1, "stopped as asked", Left.GIVEN_BACK, AGAIN,
         Fault(A_PUT, signals(TERM), count=1), command=RETIRE, scene=rotated, changes=0, fallback=None),
    case("sigterm-retire", 0, "retired in", Left.DONE, NOTHING, Fault(V_DESTROY, signals(TERM), count=1),
         command=RETIRE, scene=rotated, changes=0, fallback=None, environ=QUICK),
    case("sigterm-leak-waiting", 3, "stopped as asked", Left.PUBLISHED, RESUME,
         Fault(TOKEN, signals(TERM), after=V_DOC, count=1), command=LEAK_NEW, changes=2, fallback=None),
    case("sigterm-rollback", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(SET, signals(TERM), count=1),
         command=("rollback",), scene=rotated, changes=0, environ=QUICK),
    case("sigterm-sync", 0, "synced in", Left.DONE, NOTHING, Fault(V_DOC, signals(TERM), count=1),
         command=("sync",), scene=in_dashboard, changes=0, fallback="current", environ=QUICK),
    case("sigterm-resume", 3, STOPPED, Left.PENDING, RESUME, Fault(A_PUT, signals(TERM), count=1),
         command=("resume", "--takeover"), scene=interrupted),
    case("sigterm-resume-waiting", 3, "stopped as asked", Left.GAP, RESUME, Fault(A_PUT, signals(TERM), count=1),
         command=("resume", "--takeover"), scene=generating),
    case("ctrl-c-claiming", 1, STOPPED, Left.GIVEN_BACK, AGAIN, Fault(A_PUT, signals(INT), count=1)),
    case("ctrl-c-after-set", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(SET, signals(INT), count=1)),
    case("ctrl-c-settling", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(TOKEN, signals(INT), after=SET, count=1)),
    case("ctrl-c-twice", 3, "interrupted", Left.PENDING, RESUME, Fault(SET, signals(INT, INT), count=1)),
    case("kill-9", 137, "", Left.PENDING, RESUME, Fault(SET, signals(KILL), count=1)),
    case("terminal-closed", 0, UNVERIFIED, Left.UNVERIFIED, VERIFY, Fault(SET, signals(HUP), count=1)),
)  # fmt: skip
OUTPUTS = (
    case(
        "stdout-closed",
        0,
        "",
        Left.DONE,
        NOTHING,
        command=(*ROTATE, "--no-wait"),
    ),
    case(
        "stdout-full",
        0,
        "",
        Left.DONE,
        NOTHING,
        command=(*ROTATE, "--no-wait"),
    ),
    case(
        "stderr-closed",
        0,
        "",
        Left.DONE,
        NOTHING,
        Fault(SET, first(nobody_reads, after=True)),
        command=(*ROTATE, "--no-wait"),
    ),
)
