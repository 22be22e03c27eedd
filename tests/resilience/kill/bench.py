"""The servers of one worker, who runs commands there, and one client to run them on."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.e2e.clock import Real
from tests.e2e.observe import values_met
from tests.e2e.sinks import AwsPlace, Snapshot, VaultPlace
from tests.e2e.strict_server import strict_server
from tests.e2e.world import Servers, World
from tests.resilience.deaths.line import NEVER, At, Blow
from tests.resilience.deaths.states import canonical
from tests.resilience.kill.wire import FREEZES, Trap, Wire
from tests.resilience.races.operators import OVERDUE, Command, Ended, Operators, Spawned
from tests.support.quick_aws import once_per_process
from tests.support.strict_moto import controls

PROPAGATION = timedelta(seconds=3)
"""What operators go by. Auth0's own is shorter, as everywhere; each lease is a third of this."""
SPREAD = timedelta(seconds=2)
NAME = "billing"
Meanwhile = Callable[[list[str]], None]


class Bench:
    """A local Auth0, a real OpenBao, strict moto over HTTP, and the process that forks operators."""

    def __init__(self, propagation: timedelta = PROPAGATION) -> None:  # seconds are whole in configurations
        self.propagation = propagation
        self._numbers = itertools.count()
        self._unique = uuid.uuid4().hex[:8]
        self._opening = threading.Lock()
        self._running = ExitStack()

    def __enter__(self) -> Self:
        controls.reset()
        once_per_process()
        enter = self._running.enter_context
        self.home = Path(enter(tempfile.TemporaryDirectory(prefix="bridge-kill-")))
        self.operators = enter(Operators())
        bao, auth0, aws = enter(OpenBao.dev()), enter(LocalAuth0(SPREAD)), enter(strict_server())
        self.servers = Servers(auth0, bao, aws, Real())
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def subject(self, ends: str, *, sibling_keys: bool = False, seed: int = 0) -> Subject:
        """Make a client with a secret, and sinks ("vault aws") that do not exist yet."""
        with self._opening:  # boto3's default session is not for several threads
            world = World(self.servers, f"{self._unique}-{next(self._numbers)}", Real(), ends=ends)
        return Subject(self, world, sibling_keys=sibling_keys)


class Subject:
    """One client, its sinks, and the wire between its operators and the servers."""

    def __init__(self, bench: Bench, world: World, *, sibling_keys: bool = False) -> None:
        self.bench = bench
        self.sibling_keys = sibling_keys
        self.world = world
        self.wire = Wire(bench.servers, bench.propagation.total_seconds())
        self.config = bench.home / f"{world.vault.path.rpartition('/')[2]}.toml"
        self.said: list[Ended] = []
        self.versions: dict[Any, Any] = {}

    def __enter__(self) -> Self:
        self.wire.__enter__()
        self._write_config()
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.__exit__()
        self.world.close()

    @property
    def sinks(self) -> tuple[VaultPlace | AwsPlace, ...]:
        return self.world.sinks

    @property
    def urls(self) -> dict[str, str]:
        """The variables that lead a command over the wire."""
        return self.wire.urls

    def command(self, argv: Iterable[str]) -> Command:
        """Return what an operator types: a verb and its options; all of them are the same actor."""
        verb, *options = argv
        environ = {
            **self.world.environment,
            **self.wire.urls,
            "AUTH0_AUDIENCE": self.world.tenant.audience,
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/infra",
            "GITHUB_RUN_ID": "4711",
            "HOME": "/nonexistent",
            "PATH": os.defpath,
        }
        return Command((verb, NAME, *options, "--config", str(self.config)), environ)

    def run(self, argv: Iterable[str]) -> Ended:
        """Run a command to its end."""
        return self.ended(self.bench.operators.spawn(self.command(argv)))

    def must(self, *argv: str) -> Ended:
        """Run a command that has to end well."""
        ended = self.run(argv)
        assert ended.status == 0, f"{' '.join(argv)} ended with {ended.status}: {ended.out}{ended.err}"
        return ended

    def ended(self, process: Spawned) -> Ended:
        self.said.append(process.ended())
        return self.said[-1]

    def strike(self, argv: Iterable[str], at: At, blow: Blow, *, meanwhile: Meanwhile | None = None,
               late: int = NEVER) -> Trap:  # fmt: skip
        """Run a command and strike it at a request; it may end before it comes there."""
        trap = Trap(at, blow, late)
        self.wire.listen(trap)
        process = self.bench.operators.spawn(self.command(argv))
        trap.aim(process)
        if blow in FREEZES and self._is_frozen(trap, process):
            self.wire.disarm()
            try:
                if meanwhile:
                    meanwhile(trap.done)
            finally:
                process.wake()
                trap.woken.set()
        with self.wire.carrying(None, NEVER) if blow is not Blow.LATE_ALIVE else self.wire.continuing():
            self.ended(process)
        self.wire.disarm()
        return trap

    def overtake(self, argv: Iterable[str], before: Trap, late: int) -> list[str]:
        """Run a command, while the server carries out what an earlier one holds back; return when it may."""
        self.wire.listen()
        with self.wire.carrying(before.held, late) as found:
            self.run(argv)
        return found

    def patiently(self, *argv: str) -> Ended:
        """Run a command that is refused as long as the dead one counts as live; return how it ends then."""
        end = time.monotonic() + OVERDUE
        while (ended := self.run(argv)).status == 4 and "counts as live until" in ended.err:
            assert time.monotonic() < end, "it never counts as dead"
            time.sleep(1)
        return ended

    def die_out(self) -> None:
        """Wait until nothing counts as live any more: what is refused until then, and what is not, changes nothing."""
        time.sleep(3 * self.bench.propagation.total_seconds())

    @contextmanager
    def noting(self) -> Iterator[list[str]]:
        """Yield the list of the states after each change that commands make meanwhile, with the one before."""
        states, done = [canonical(self)], self.wire.done
        self.wire.listen()
        self.wire.done = done  # whether anybody knows of what died, is asked next
        self.wire.noted = lambda: states.append(canonical(self))
        try:
            yield states
        finally:
            self.wire.noted = None

    def outside(self) -> AbstractContextManager[None]:
        """Look from outside: past the wire, as all that looks here does."""
        return nullcontext()

    def _is_frozen(self, trap: Trap, process: Spawned) -> bool:
        while not trap.met.wait(0.02):
            if process.over:
                return False
        return True

    def see(self) -> list[Snapshot]:
        """Look at the sinks from outside, past the wire."""
        return [place.see() for place in self.sinks]

    def met(self) -> set[str]:
        """Return every value that Auth0 may accept at this moment."""
        return values_met(self.world)

    @property
    def changes(self) -> int:
        """How often Auth0 was given a value."""
        return len(self.world.tenant.secret_history(self.world.client_id))

    def spread(self) -> None:
        """Wait until Auth0 accepts one value only."""
        while len(self.met()) > 1:
            time.sleep(0.05)

    def rest(self) -> None:
        """Wait until nothing of what was done so far makes the next operation wait."""
        time.sleep(self.bench.propagation.total_seconds() + 1)  # Vault's clock has whole seconds
        self.spread()

    def _write_config(self) -> None:
        uris = ", ".join(f'"{place.uri}"' for place in self.sinks)
        urls = self.wire.urls
        lines = [
            *("[tenants.local]", f'domain = "{urls["AUTH0_DOMAIN"]}"', 'client_id = "env:AUTH0_CLIENT_ID"'),
            *('client_secret = "env:AUTH0_CLIENT_SECRET"', f'audience = "{self.world.tenant.audience}"'),
            f'propagation = "{self.bench.propagation.seconds}s"',
            *("[vaults.vault]", 'type = "vault"', f'url = "{urls["VAULT_ADDR"]}"'),
            *("[vaults.aws]", 'type = "aws"', f'endpoint_url = "{urls["AWS_ENDPOINT_URL"]}"'),
            *("[defaults]", 'fallback_min_age = "0s"', 'min_interval = "0s"'),
            *(("sibling_keys = true", 'consumer_refresh = "1s"') if self.sibling_keys else ()),
            *(f"[clients.{NAME}]", 'tenant = "local"', f'client_id = "{self.world.client_id}"', f"sinks = [{uris}]"),
        ]
        self.config.write_text("\n".join(lines), encoding="utf-8")
