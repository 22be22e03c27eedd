"""Token requests through the agent across rotations, by applications in five languages. Prints Markdown.

`python -m tests.bench.agent [--language NAME ...] [--acquisitions N] [--rotations N] [--scale N] [--journal FILE]`

Each language has a client and one application with an unmodified OAuth library, which asks without a break and keeps no
token: every request is an acquisition. Every fiftieth names an organization of its own, so that the agent has to ask
Auth0. Beside every hundred requests the same application asks Auth0 once itself, with the latest value of the vault,
which it reads every five minutes. In each round `rotate --all` changes all secrets, and something happens in the moment
in which Auth0 has the first new value. A slice is some rounds in which the agent is disturbed in one way.

Life goes `--scale` times faster than the machine's clock: Auth0's 30 s of spreading, what caches are old, the vault's
absence, the tokens' lives. The agent, the commands and the servers run unchanged, by the machine's clock.
`--acquisitions 1000000 --rotations 200` is the full form. With `--journal` it may be stopped and started again.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.agent_readers import LANGUAGES, Counts, Reader
from tests.bench.agent_report import report
from tests.bench.agent_world import TOKEN, AgentWorld, Latest, Pace
from tests.bench.journal import Journal, add_option
from tests.bench.population import AUDIENCE
from tests.proofs.options import duration

SAMPLE, EVERY = 100, 50
"""How many requests come before one to Auth0 itself, and how many before one that the agent has no token for."""
SCALE, SLICE = 20.0, 5
PATIENCE = 35.0  # seconds of life that `bridge.consumer` tries again while a change may be spreading
SETTLE = 1.0  # seconds
KINDS = {
    "killed": "killed, its own sockets",
    "killed, sockets kept": "killed, sockets handed over",
    "restarted, sockets kept": "stopped in good order, sockets handed over",
    "undisturbed": "left alone",
}
"""What is done to the agent once in a slice."""
EVENTS = ("agent", "outage", "rollback", "leak", "reload")
"""What happens in the rounds, in turns."""


@dataclass
class Asked:
    """What one application asked for in a slice, through the agent and of Auth0 itself."""

    agent: Counts = field(default_factory=Counts)
    direct: Counts = field(default_factory=Counts)
    fresh: int = 0
    """Of those through the agent, the ones that it could have no token for."""


class Asking:
    """All applications, each in a thread of this process that tells its program what to ask."""

    def __init__(self, world: AgentWorld, running: ExitStack, rate: float, sample: int) -> None:
        late = PATIENCE / world.pace.scale
        self._world = world
        self._sample = sample
        self._pause = sample / rate if rate else 0.0
        self._readers = {
            name: running.enter_context(Reader(name, each.client_id, AUDIENCE, late))
            for name, each in world.members.items()
        }
        self._latest = {
            name: Latest(world, name, number / len(self._readers)) for number, name in enumerate(self._readers)
        }

    def during(self, work: Callable[[], Any]) -> dict[str, Asked]:
        """Let all ask while something is done, and return what became of that.

        Raises:
            RuntimeError: one of them has ended.
        """
        ended, told = threading.Event(), {name: Asked() for name in self._readers}
        failed: list[Exception] = []

        def ask(name: str) -> None:
            try:
                while not ended.is_set():
                    self._batch(name, told[name])
            except Exception as error:  # noqa: BLE001  # raised below, in the thread that waits
                failed.append(error)

        threads = [threading.Thread(target=ask, args=(name,)) for name in self._readers]
        for thread in threads:
            thread.start()
        try:
            work()
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        if failed:
            raise failed[0]
        return told

    def _batch(self, name: str, told: Asked) -> None:
        began, agent, reader = time.monotonic(), self._world.agent, self._readers[name]
        socket = str(agent.path) if LANGUAGES[name].by_socket else ""
        told.agent.add(reader.ask(self._sample, f"{agent.url}/oauth/token", TOKEN, EVERY, socket))
        told.fresh += -(-self._sample // EVERY)
        told.direct.add(reader.ask(1, f"{self._world.auth0.url}/oauth/token", self._latest[name].value(), EVERY))
        time.sleep(max(0.0, self._pause - (time.monotonic() - began)))


def played(world: AgentWorld, asking: Asking, number: int, rounds: int) -> Mapping[str, Any]:
    """Return the figures of one slice."""
    kind = [*KINDS][number % len(KINDS)]
    keep = "kept" in kind or kind == "undisturbed"
    agent = world.agent
    if agent.keeps != keep or not agent.runs:
        agent.close()
        agent.start(keep=keep)
    world.auth0.ask("bought", AUDIENCE)
    before, memory, begun = world.changes(), [agent.memory], 0

    def story() -> None:
        nonlocal begun
        for turn in range(rounds):
            ends = time.monotonic() + world.pace.poll
            begun += turned(world, kind, number * rounds + turn, turn)
            memory.append(agent.memory)
            time.sleep(max(SETTLE, ends - time.monotonic()))

    began = time.monotonic()
    told = asking.during(story)
    bought = world.auth0.ask("bought", AUDIENCE)
    return {
        "kind": kind,
        "rotations": rounds,
        "values": world.changes() - before,
        "rollbacks": len(world.members) * [EVENTS[turn % len(EVENTS)] for turn in range(rounds)].count("rollback"),
        "commands": begun,
        "seconds": time.monotonic() - began,
        "memory": [memory[0], memory[len(memory) // 2], memory[-1]],
        "asked": {name: asdict(each) for name, each in told.items()},
        "bought": {name: bought.get(each.client_id, [0, 0, 0]) for name, each in world.members.items()},
    }


def turned(world: AgentWorld, kind: str, number: int, turn: int) -> int:
    """Change all secrets once, with what happens in this round. Return how many commands were begun."""
    names = [*world.members]
    match EVENTS[turn % len(EVENTS)]:
        case "agent" if kind != "undisturbed":
            return world.rotate(when_set=lambda: disturb(world, kind))
        case "outage":
            return world.rotate(when_set=lambda: world.door.shut(world.pace.outage))
        case "rollback":
            return world.roll_back()
        case "leak":
            return world.leak(names[number % len(names)])
        case "reload":
            return world.rotate(when_set=world.agent.reload)
    return world.rotate()


def disturb(world: AgentWorld, kind: str) -> None:
    """End the agent in its kind's way, and start it again."""
    agent = world.agent
    keep = agent.keeps
    agent.stop() if kind.startswith("restarted") else agent.kill()
    agent.start(keep=keep)


def slices(journal: Journal, given: argparse.Namespace) -> None:
    """Play slices until there are enough of them, or the time is over."""
    end = None if given.seconds is None else time.monotonic() + given.seconds
    if enough(journal, given):
        return
    with ExitStack() as running:
        world = running.enter_context(AgentWorld(given.language or [*LANGUAGES], Pace(given.scale)))
        asking = Asking(world, running, given.rate, given.sample)
        lasted = given.slice * world.pace.poll
        while not enough(journal, given) and (end is None or time.monotonic() + lasted < end):
            began = time.monotonic()
            number = next(number for number in itertools.count() if not journal.has(f"slice {number}"))
            journal.once(f"slice {number}", lambda number=number: played(world, asking, number, given.slice))
            lasted = time.monotonic() - began


def enough(journal: Journal, given: argparse.Namespace) -> bool:
    """Return whether as much was asked and rotated as wanted."""
    rows = [figures for _, figures in journal.rows()]
    asked = sum(each["agent"]["asked"] for row in rows for each in row["asked"].values())
    return asked >= given.acquisitions and sum(row["rotations"] for row in rows) >= given.rotations


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and print the sums of all slices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="this one only, and others so named")
    parser.add_argument("--acquisitions", type=int, default=2000, help="through the agent, at least (2000)")
    parser.add_argument("--rotations", type=int, default=SLICE, help=f"of each client, at least ({SLICE})")
    parser.add_argument("--slice", type=int, default=SLICE, help=f"rotations in a slice ({SLICE})")
    parser.add_argument("--scale", type=float, default=SCALE)
    parser.add_argument("--rate", type=float, default=0.0, help="requests of an application a second, at most")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"one to Auth0 itself beside so many ({SAMPLE})")
    parser.add_argument("--for", type=duration, dest="seconds", metavar="TIME", help="begin no slice later: 90s, 15m")
    parser.add_argument("--print", action="store_true", help="only print what the journal has")
    add_option(parser)
    given = parser.parse_args(arguments)
    journal = Journal(given.journal)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if not given.print:
            slices(journal, given)
    except KeyboardInterrupt:
        print("Stopped: the slice that was under way is not counted.\n")
    print(report([figures for _, figures in journal.rows()], given.scale, KINDS))


if __name__ == "__main__":
    main()
