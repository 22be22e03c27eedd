"""What `watch` does outside of `bridge.watch`: threads, operations with their audit record, output and messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bridge.cli.hooks.audit import recorded
from bridge.cli.hooks.sightings import Sightings
from bridge.cli.installed import to_install
from bridge.cli.output import json as as_json
from bridge.cli.output import sightings
from bridge.cli.output import text as show
from bridge.cli.output.console import say, say_all
from bridge.cli.runner import Chosen, heeding
from bridge.execution.open import open_session
from bridge.fleet.errors import as_error, with_origin
from bridge.fleet.jobs import spread
from bridge.fleet.recorded import Asked
from bridge.fleet.slots import in_common, share
from bridge.model.errors import Failed
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.execution.session import Session
    from bridge.operations.verify import Verified
    from bridge.watch.decide import Tell
    from bridge.watch.follow import Follower

LEAVING = 8.0
"""Seconds that a request to stop waits for what only reads. An operation comes to its end."""
TICK = 0.1


class Watching:
    """One run of the command, and what its tenants have in common. Its methods may be called from any thread."""

    def __init__(self, asked: Asked, jobs: int, *, json: bool) -> None:
        self.stop = Stop()
        self._asked = asked
        self._jobs = jobs
        self._json = json
        # Each client is read by itself: what was listed a minute ago may be from before a change.
        self._common = in_common(1)
        self._news = Sightings(asked.command, self.stop)
        self._saying = threading.Lock()
        self._working = 0  # operations under way
        self._statuses: set[int] = set()
        self._settings: dict[str, Settings] = {}  # by tenant

    def followers(self, found: list[Chosen], interval: timedelta, every: timedelta) -> list[Follower]:
        """Return one follower for each tenant of the clients. Nothing is sent yet.

        Raises:
            Usage: the settings of a tenant are not valid, or messages cannot be sent.
        """
        from bridge.watch.follow import Follower
        from bridge.watch.log import Log

        self._news.check(found)
        tenants: dict[str, dict[str, Chosen]] = {}
        for settings, client in self._common.of(share(self._common, found)):
            tenants.setdefault(client.tenant, {})[client.client_id] = settings, client
        made = []
        for name, members in tenants.items():
            self._settings[name] = settings = next(iter(members.values()))[0]
            clients = {client_id: client for client_id, (_, client) in members.items()}
            log = Log(self._common.auth0(settings, name), clients, self._common.clock, self.stop)
            means = _Means(self, {client_id: of for client_id, (of, _) in members.items()}, name)
            propagation = settings.tenants[name].propagation
            made.append(Follower(log, clients, means, interval, every, propagation))
        return made

    def follow(self, followers: Sequence[Follower], *, once: bool) -> set[int]:
        """Follow all tenants, each in a thread of its own, and return the exit statuses of what was found.

        Without `once` it ends by a request to stop, and has only the status of what should not happen.
        """
        threads = [threading.Thread(target=self._run, args=(each, once), daemon=True) for each in followers]
        with nullcontext() if once else self._streams(followers), heeding(self.stop):
            for thread in threads:
                thread.start()
            if not once:
                count, tenants = sum(len(each.clients) for each in followers), len(followers)
                say(f"watching {show.clients(count)} of {tenants} tenant{'s' if tenants != 1 else ''}", err=True)
            leaving: float | None = None
            while any(thread.is_alive() for thread in threads):
                time.sleep(TICK)
                if self.stop.asked and not self._working:
                    leaving = leaving or time.monotonic() + LEAVING
                    if time.monotonic() >= leaving:
                        break
        if not once:
            return self._statuses
        if lasting := sorted(set().union(*(each.lasting for each in followers))):
            need = "needs" if len(lasting) == 1 else "need"
            say(f"{show.clients(len(lasting))} still {need} attention, told before: {', '.join(lasting)}", err=True)
        return self._statuses.union(*(each.statuses for each in followers))

    def _streams(self, followers: Sequence[Follower]) -> AbstractContextManager[object]:
        """Let the tenants' log streams come in, if the configuration says where.

        Raises:
            BridgeError: they cannot be taken there.
        """
        watch = next((each.watch for each in self._settings.values() if each.watch), None)
        if watch is None:
            return nullcontext()
        if find_spec("uvicorn") is None:
            raise Failed("the extra 'agent' is not installed (uvicorn missing): watch.address", to_install("agent"))
        from bridge.agent.stream import receiving

        tenants = {next(iter(each.clients.values())).tenant: each.bell.ring for each in followers}
        return receiving(watch, tenants)

    def _run(self, follower: Follower, once: bool) -> None:  # noqa: FBT001  # a thread's target
        try:
            (follower.once if once else follower.run)()
        except Exception as raised:  # noqa: BLE001  # it is shown, and the other tenants go on
            client = next(iter(follower.clients.values()))
            error = with_origin(self._settings[client.tenant], client, as_error(client, raised, looking=True))
            self._statuses.add(error.exit_status)
            with self._saying:
                if self._json:
                    say(as_json.line(as_json.failure(None, error)))
                else:
                    say_all(show.failed(None, error), err=True)

    def open(self, settings: Settings, client: ClientSettings) -> Session:
        """Return what an operation on a client needs."""
        return open_session(settings, client, stop=self.stop, common=self._common)

    def each(self, work: Callable[[tuple[str, bool]], None], turns: Sequence[tuple[str, bool]]) -> None:
        """Do the work for each of these, for several at a time."""
        for _ in spread(work, turns, jobs=self._jobs):
            pass
        self._news.deliver()

    def repair(self, settings: Settings, client: ClientSettings) -> str:
        """Publish the value that Auth0 holds, within its audit record."""
        from bridge.operations.sync import SyncOptions, sync

        session = self.open(settings, client)
        work = partial(sync, session, SyncOptions())
        self._working += 1
        try:
            done = recorded(settings, session, self._asked, work, self._common.shared, quiet=True)
        finally:
            self._working -= 1
        return show.headline(done).removeprefix(client.name).strip() if done else ""

    def announce(self, tenant: str, client: ClientSettings | None, told: Tell, at: datetime) -> None:
        """Print what was seen, and send a message."""
        with self._saying:
            if self._json:
                say(as_json.line(sightings.as_object(tenant, client, told, at)))
            else:
                say(sightings.line(client.name if client else tenant, told))
        self._news.told(self._settings[tenant], tenant, client, told, at)


@dataclass(frozen=True)
class _Means:
    """What a follower of one tenant does outside of its package (`bridge.watch.follow.Means`)."""

    watching: Watching
    settings: dict[str, Settings]
    """The configuration of each client."""
    tenant: str

    def open(self, client: ClientSettings) -> Session:
        """Return what a look at a client needs."""
        return self.watching.open(self.settings[client.client_id], client)

    def verify(self, session: Session) -> Sequence[Verified]:
        """Ask Auth0 about what the sinks hold."""
        from bridge.operations.verify import verify

        return verify(session)

    def repair(self, client: ClientSettings) -> str:
        """Publish the value that Auth0 holds."""
        return self.watching.repair(self.settings[client.client_id], client)

    def announce(self, client: ClientSettings | None, told: Tell, at: datetime) -> None:
        """Tell something."""
        self.watching.announce(self.tenant, client, told, at)

    def each(self, work: Callable[[tuple[str, bool]], None], turns: Sequence[tuple[str, bool]]) -> None:
        """Do the work for each of these turns."""
        self.watching.each(work, turns)
