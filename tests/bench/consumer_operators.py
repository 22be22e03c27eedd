"""Who changes the secrets while applications ask: the bridge, and what other tools do. Times in seconds of life."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import hvac
from hvac.exceptions import VaultError

from bridge.execution.session import Session
from bridge.model.errors import BridgeError
from bridge.model.operation import Strategy
from bridge.model.outcome import Stopped
from bridge.model.timing import Timing
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.resume import resume
from bridge.operations.retire import retire
from bridge.operations.rollback import RollbackOptions, rollback
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.sandbox.auth0 import LocalAuth0
from sinks.clock import SystemClock
from tests.bench.consumer_readers import Faster
from tests.bench.world import Application, World
from tests.e2e.taps import Call, Killed, Tap, Trace
from tests.support.proxy import Answer, Proxy

SPREADING = 30.0
OUTAGE = 60.0  # for so long the vault is down
ABSENT = 120.0  # for so long nobody notices that an operator was killed
LATER = 150.0  # from a rotation to the retirement of its fallback
AGAIN, TRIES = 5.0, 100  # until an operator repeats a command that failed, and how often that is done
SEALED = Answer(503, "Service Unavailable", (("Content-Type", "application/json"),), b'{"errors":["Vault is sealed"]}')


class Door(Proxy):
    """The way to the vault of one population; it can be shut for a while."""

    def __init__(self, upstream: str) -> None:
        self._until = 0.0
        super().__init__(upstream, gate=self._pass)

    def shut(self, seconds: float) -> None:
        """Let the vault be down for so long, by the machine's clock."""
        self._until = time.monotonic() + seconds

    def _pass(self, _what: str, ask: Callable[[], Answer]) -> Answer:
        return SEALED if time.monotonic() < self._until else ask()


def part(world: World, auth0: LocalAuth0, door: Door) -> World:
    """Return a world as one population sees it: with its own Auth0, its own way to the vault, and time that passes."""
    seen = copy.copy(world)
    seen.auth0, seen.clock = auth0, SystemClock()  # type: ignore[assignment]  # here time passes
    seen.wires = {"Vault": door}  # type: ignore[dict-item]  # a door is a wire that may be shut
    return seen


class Keeper:
    """An operator with the bridge. Each method but `adopt` is one turn; turns have numbers from 0.

    `refresh` is the client's `consumer_refresh` in seconds of life.
    """

    def __init__(
        self, world: World, application: Application, door: Door, clock: Faster, *,
        strategy: Strategy = Strategy.STAGED, refresh: float = 0.0, sibling_keys: bool = False,
    ) -> None:  # fmt: skip
        self._world = world
        self._application = application
        self._door = door
        self._clock = clock
        self._options = RotateOptions(strategy=strategy, settle=False)
        self._refresh = timedelta(seconds=refresh / clock.scale)
        self._sibling_keys = sibling_keys

    def adopt(self) -> None:
        """Take the sink over."""
        self._done(lambda: adopt(self._session(), AdoptOptions()))

    def plain(self, _number: int) -> None:
        """Rotate."""
        self._done(lambda: rotate(self._session(), self._options))

    def compromised(self, _number: int) -> None:
        """Rotate after a leak."""
        options = replace(self._options, compromised=True, reason="seen", settle=True)
        self._done(lambda: rotate(self._session(), options))

    def rollback(self, number: int) -> None:
        """Rotate, and the next time go back."""
        if number % 2 == 0:
            self.plain(number)
        else:
            self._done(lambda: rollback(self._session(), RollbackOptions(settle=False)))

    def retire(self, number: int) -> None:
        """Rotate, and end the fallback later on."""
        self.plain(number)
        self._clock.sleep(LATER)
        self._done(lambda: retire(self._session(), Options()))

    def killed(self, _number: int) -> None:
        """Rotate, and die when Auth0 has the new value; somebody finishes it later."""
        with suppress(Killed):
            self._done(lambda: rotate(self._session(self._die), self._options))
        self._clock.sleep(ABSENT)
        self._finish()

    def outage(self, _number: int) -> None:
        """Rotate, while the vault goes down in the moment in which Auth0 has the new value."""
        self._done(lambda: rotate(self._session(lambda: self._door.shut(OUTAGE / self._clock.scale)), self._options))

    def _die(self) -> None:
        raise Killed

    def _done(self, work: Callable[[], object]) -> None:
        """Repeat what changed nothing, and finish what was interrupted, until it is done."""
        with suppress(Stopped):
            return self._repeated(work)
        return self._finish()

    def _finish(self) -> None:
        self._repeated(lambda: resume(self._session(), Options(settle=False)), stopped_too=True)

    def _repeated(self, work: Callable[[], object], *, stopped_too: bool = False) -> None:
        for left in reversed(range(TRIES)):
            try:
                work()
            except BridgeError as error:
                if not left or (isinstance(error, Stopped) and not stopped_too):
                    raise
                self._clock.sleep(AGAIN)
            else:
                return

    def _session(self, when_set: Callable[[], None] | None = None) -> Session:
        """Open the application; `when_set` happens as soon as Auth0 has a new value."""
        timing = Timing(timedelta(seconds=SPREADING / self._clock.scale))
        session = self._world.session(self._application, tapped=True, timing=timing)
        session.settings = replace(session.settings, consumer_refresh=self._refresh, sibling_keys=self._sibling_keys)
        if when_set is not None:

            def after(call: Call) -> None:
                if call.name == "set_secret":
                    when_set()

            clock: Any = SystemClock()  # a trace notes times; it never shifts them
            auth0: Any = Tap(session.auth0, "auth0", Trace(clock, after=after))
            session.auth0 = auth0
        return session


class Tool:
    """What other tools do: have Auth0 make a value, then store it. The same turns as the bridge's."""

    def __init__(self, world: World, application: Application, door: Door, clock: Faster) -> None:
        self._tenant = world.auth0.tenant
        self._client_id = application.client_id
        self._door = door
        self._clock = clock
        self._store = _into_vault(world, application) if application.place("vault") else _into_aws(world, application)

    def plain(self, _number: int) -> None:
        """Rotate."""
        self._store(self._tenant.rotate(self._client_id, "tool"))

    def rollback(self, number: int) -> None:
        """Rotate, and the next time go back."""
        if number % 2 == 0:
            return self.plain(number)
        before = self._tenant.secret_history(self._client_id)[-2].value
        self._tenant.update(self._client_id, {"client_secret": before}, "tool")
        return self._store(before)

    def killed(self, _number: int) -> None:
        """Rotate, and die; somebody reads the value at Auth0 later, and stores it."""
        self._tenant.rotate(self._client_id, "tool")
        self._clock.sleep(ABSENT)
        self._store(self._tenant.secret(self._client_id))

    def outage(self, _number: int) -> None:
        """Rotate, while the vault goes down in the moment in which Auth0 has the new value."""
        value = self._tenant.rotate(self._client_id, "tool")
        self._door.shut(OUTAGE / self._clock.scale)
        while True:
            try:
                return self._store(value)
            except VaultError:
                self._clock.sleep(AGAIN)


def _into_vault(world: World, application: Application) -> Callable[[str], None]:
    kv = hvac.Client(url=world.wires["Vault"].url, token=world.bao.token).secrets.kv.v2
    path = application.place("vault").partition("/")[2]
    return lambda value: kv.create_or_update_secret(path, _document(value))


def _into_aws(world: World, application: Application) -> Callable[[str], None]:
    aws = world.aws_client()
    name = application.place("aws").partition("/")[2]
    return lambda value: aws.put_secret_value(SecretId=name, SecretString=json.dumps(_document(value)))


def _document(value: str) -> dict[str, str]:
    return {"client_secret": value, "db_url": "postgres://db/billing"}
