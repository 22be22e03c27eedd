"""A worker as a process: its options, output, messages, health, and signals."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from bridge.cli.hooks.notify import require
from bridge.cli.hooks.reports import Reports
from bridge.cli.output import json as as_json
from bridge.cli.output import text as show
from bridge.cli.output.console import say
from bridge.cli.runner import heeding, worst
from bridge.cli.select import Filters, settings_of
from bridge.config.fleet import cron
from bridge.config.load import load
from bridge.fleet.worker import Worker, alone
from bridge.model.errors import ATTENTION, Failed, Usage
from bridge.model.progress import Stop

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.agent.metrics import Metrics
    from bridge.config.settings import ClientSettings, Settings
    from bridge.fleet.act import Listener, Result
    from bridge.fleet.database import Database
    from bridge.fleet.rules import Verb
    from bridge.fleet.worker import Fits, Told

LOOK, PATIENCE = 15.0, 60.0
"""How often it is checked that the database is there, and for how long it may be away, in seconds."""
LEAVING = 120
"""Seconds that clients have to come to their end after SIGTERM: a change waits for at most a minute."""
TICK = 0.2


class Working:
    """One worker of this process."""

    def __init__(
        self,
        filters: Filters,
        config: Path | None,
        verbs: frozenset[Verb],
        jobs: int,
        rate: float | None,
        *,
        json: bool,
    ) -> None:
        self._filters, self._config = filters, config
        self._json = json
        self._saying = threading.Lock()
        self.stop = Stop()
        self._path: Path | None = None
        self._metrics: Metrics | None = None
        self._statuses: set[int] = set()
        self._said: set[str] = set()
        self._kinds: tuple[str, ...] = ("attention", "unread")
        self._worker = Worker(self._load, self._reach, verbs, jobs, rate, self._listening,
                              self._swept, self._became, self.stop)  # fmt: skip

    def once(self) -> int:
        """Look once, do what is next, and return the exit status."""
        require(self._load())
        self._kinds += ("waiting",)
        with heeding(self.stop):
            found, _ = alone(self._worker)
        if not found["work"]:
            looked = found["looked_at"]
            none = "; a tenant is never divided, and this share has none" if self._filters.shard and not looked else ""
            self._say({"looked_at": looked}, f"nothing is next: {show.clients(looked)} looked at{none}")
        self._statuses |= {ATTENTION} if found["attention"] else set()
        self._statuses |= {1} if found["unread"] else set()
        return worst(self._statuses)

    def run(self, database: Database, name: str, tenants: int, address: tuple[str, int] | None) -> None:
        """Take work from the engine until SIGTERM.

        Raises:
            BridgeError: the configuration, the address or the database cannot be used.
        """
        from bridge.cli.health import counters, told
        from bridge.fleet.database import NEEDED
        from bridge.fleet.engine import Engine

        settings = self._load()
        every = settings.fleet and cron(settings.fleet.every)
        if not every:
            raise Usage("fleet: missing in the configuration", hint=NEEDED)
        require(settings)
        self._metrics = counters()
        engine = Engine(database, self._worker, name)
        ready = threading.Event()
        with heeding(self.stop), told(self._metrics, ready.is_set, address) if address else nullcontext():
            engine.start(every, tenants=tenants)
            ready.set()
            say(f"worker {name} of pool {database.pool} takes work", err=True)
            lost = self._follow(engine.healthy, ready)
            engine.end(0 if lost else LEAVING)
        if lost:
            # A supervisor starts it again, and then it makes its tables anew. What was under way is found by a sweep.
            raise Failed("the engine's database is away, or was emptied", "start the worker again")

    def _follow(self, healthy: Callable[[], bool], ready: threading.Event) -> bool:
        """Wait for the request to stop, and return whether the database was lost instead."""
        seen = looked = time.monotonic()
        while not self.stop.asked:
            time.sleep(TICK)
            now = time.monotonic()
            if now - looked < LOOK:
                continue
            looked = now
            if healthy():
                seen = now
                ready.set()
            else:
                ready.clear()
                if now - seen >= PATIENCE:
                    return True
        return False

    def _load(self) -> Settings:
        if self._path is not None:  # where it is, was said once
            return load(self._path, os.environ)
        settings = settings_of(self._config)
        if settings is None or settings.path is None:
            raise Usage("there is no configuration", hint="name it: --config FILE (BRIDGE_CONFIG)")
        self._path = settings.path
        return settings

    def _reach(self, settings: Settings) -> Fits:
        share = self._filters.share(settings.clients.values(), settings.tenants)

        def fits(client: ClientSettings) -> bool:
            return client.tenant in share and self._filters.fits(client)

        return fits

    @contextmanager
    def _listening(self, _settings: Settings) -> Iterator[Listener]:
        reports = Reports("worker", self.stop)
        try:
            yield reports
        finally:
            reports.deliver()

    def _swept(self, report: Told) -> None:
        """Say what a sweep has found that no work is for. What the last one has said as well is not said again."""
        if self._metrics is not None:
            self._metrics.count("sweeps_total")
        said = set()
        for kind in self._kinds:
            for told in report[kind]:
                said.add(self._once(kind, told, ": ".join(str(each) for each in told if each)))
            more = report["counts"][kind] - len(report[kind])
            if more > 0:
                said.add(self._once(kind, more, f"{show.clients(more)} more"))
        self._said = said

    def _once(self, kind: str, told: object, text: str) -> str:
        text = f"{kind}: {text}"
        if text not in self._said:
            self._say({kind: told}, text)
        return text

    def _became(self, result: Result) -> None:
        if self._metrics is not None:
            self._metrics.count("results_total", tenant=result.tenant, result=result.word)
        self._statuses.add(result.exit)
        text = f"{result}   -> {result.next}" if result.next else str(result)
        self._say(result.as_dict(), f"{text} {result.rotation}".rstrip())

    def _say(self, told: dict[str, Any], text: str) -> None:
        with self._saying:
            say(as_json.line(told) if self._json else text)
