"""A command that is stopped in the middle (a laptop's lid, a suspended machine) and goes on after others have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.observe import values
from tests.e2e.world import Servers, World
from tests.resilience.races.field import MakeField, assert_whole
from tests.resilience.races.operators import Command
from tests.support.proxy import Proxy, Rule

LIMIT = 90  # seconds


@dataclass
class Running:
    """A command in a process of its own."""

    process: subprocess.Popen[str]

    def ended(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out + err


@contextmanager
def running(command: Command) -> Iterator[Running]:
    started = subprocess.Popen(
        [sys.executable, "-c", "from bridge.cli import main; main()", *command.argv],
        env={**command.environ, "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(started)
    finally:
        started.kill()
        started.communicate()


def pending(world: World) -> str | None:
    return world.vault.see().pending


@pytest.mark.parametrize(
    ("held", "changes"),
    [(r"/data/apps/[^/]*/pending$", 2), (r"/data/apps/[^/]*$", 3)],
    ids=["the look before Auth0 is asked", "the read before the document is written"],
)
def test_a_command_that_was_stopped_and_overtaken_changes_nothing_when_it_goes_on(
    make_field: MakeField, servers: Servers, held: str, changes: int
) -> None:
    """The answer that it waits for is held back until it is stopped: it finds it, long outdated, when it goes on.

    Its value counts among Auth0's changes only where Auth0 had it by then: else `resume` has given the sink back.
    """
    answer = Rule("GET", held, skip=1, count=1, hold=True, answer=True)
    with Proxy(servers.bao.url, answer) as proxy:
        field, behind = make_field(4), make_field(4, VAULT_ADDR=proxy.url)
        (world,) = field.filled(1, "vault")
        with running(behind.command(world, "zombie", "rotate", "--adopt", "--no-wait")) as zombie:
            assert answer.met.wait(LIMIT)
            os.kill(zombie.process.pid, signal.SIGSTOP)
            answer.release()
            for told in (("resume", "--takeover"), ("rotate",)):
                with running(field.command(world, "next", *told, "--no-wait")) as other:
                    assert other.ended()[0] == 0
            with running(field.command(world, "third", "rotate", "--no-wait")) as third:
                while (value := pending(world)) is None:
                    assert third.process.poll() is None, third.ended()
                past = values(world)
                os.kill(zombie.process.pid, signal.SIGCONT)
                ended, said = zombie.ended()
                assert (ended, "not ours any more" in said, "not known from here" in said) == (3, True, True), said
                assert third.process.poll() is None  # it still waits for late calls of the one before
                assert pending(world) == value
                assert values(world) == past
                assert third.ended()[0] == 0
    assert_whole(world, changes=changes)
    assert world.live == value
