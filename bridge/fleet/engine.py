"""The durable engine, DBOS Transact: the only module that imports it (extra `fleet`).

It schedules sweeps, gives each tenant's work to one worker at a time, and keeps reports. Its database is disposable.
Functions and workflows take and return JSON only, and no error but the bridge's own leaves one: what DBOS stores of an
exception may hold anything.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from dbos import DBOS, DBOSClient, DBOSConfig, Serializer, SetEnqueueOptions, SetWorkflowID, WorkflowStatus

from bridge.fleet.database import SWEEP, WORK, Database
from bridge.fleet.errors import database_errors, own_errors, plain
from bridge.fleet.worker import Told, Worker, pieces, too_many_fail
from bridge.model.errors import Failed

LOG = logging.getLogger(__name__)
logging.getLogger("dbos").setLevel(logging.CRITICAL)  # its texts have URLs, and our messages say the same
NAME, FORMAT = "secret-bridge", "1"
"""The application's name in the database, and the version of what the rows hold. Rows of another version never run."""
BEAT = 15.0
"""Seconds between two signs of life of a piece of work."""
DEAD = 90_000
"""Milliseconds without one, after which a piece of work counts as dead. The next sweep gives it up."""
TRIES = 5
"""How often a piece of work is begun again after its process has died. After that it is left."""
TENANTS = 4
"""How many tenants a worker works on at a time."""
ACTIVE = ["ENQUEUED", "PENDING", "DELAYED"]


class Json(Serializer):
    """Stores JSON only. The default would store whole objects, by pickle."""

    def serialize(self, data: Any) -> str:
        """Return data as JSON. Of an exception only what the bridge wrote itself is kept."""
        return json.dumps(data, default=plain)

    def deserialize(self, serialized_data: str) -> Any:
        """Return what JSON holds."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """Return the name that rows carry."""
        return "json-only"


class Engine:
    """A worker on the engine, from its start to its end."""

    def __init__(self, database: Database, worker: Worker, name: str) -> None:
        self.database = database
        self._worker = worker
        self._ending = threading.Event()
        config: DBOSConfig = {
            "name": NAME, "system_database_url": database.url, "executor_id": name, "application_version": FORMAT,
            "serializer": Json(), "log_level": "CRITICAL", "enable_otlp": False, "scheduler_polling_interval_sec": 5.0,
        }  # fmt: skip
        DBOS(config=config)

        @DBOS.workflow(name=WORK, max_recovery_attempts=TRIES)
        def work(actions: list[Told]) -> Told:
            return self._do_work(actions)

        @DBOS.workflow(name=SWEEP, max_recovery_attempts=TRIES)
        def sweep(_when: datetime, _context: object) -> Any:
            return self._do_sweep()

        self._work, self._sweep = work, sweep

    def start(self, cron: str, *, tenants: int = TENANTS, poll: float = 1.0) -> None:
        """Begin to take work, and let sweeps run by a cron expression.

        Raises:
            Failed: the database cannot be used.
        """
        with database_errors():
            DBOS.listen_queues([self.database.queue, self.database.schedule])
            DBOS.launch()
            DBOS.register_queue(
                self.database.queue, worker_concurrency=tenants, partition_concurrency=1, polling_interval_sec=poll,
                on_conflict="always_update",
            )  # fmt: skip
            # No limit for all workers together: the sweep of one that is gone would hold up all others for good.
            DBOS.register_queue(
                self.database.schedule, worker_concurrency=1, polling_interval_sec=poll, on_conflict="always_update"
            )
            known = DBOS.get_schedule(self.database.schedule)
            if known is None or known["schedule"] != cron:
                DBOS.apply_schedules([{
                    "schedule_name": self.database.schedule, "workflow_fn": self._sweep, "schedule": cron,
                    "context": None, "queue_name": self.database.schedule,
                }])  # fmt: skip

    def healthy(self) -> bool:
        """Return whether the database still has this engine's tables."""
        try:
            return DBOS.get_schedule(self.database.schedule) is not None
        except Exception:  # noqa: BLE001  # whatever the reason, the answer is the same
            return False

    def end(self, patience: int) -> None:
        """Take no more work, and wait so many seconds for what has begun."""
        self._ending.set()
        DBOS.destroy(workflow_completion_timeout_sec=patience)

    def _do_sweep(self) -> Told:
        here = str(DBOS.workflow_id)
        with own_errors():
            if DBOS.run_step({"name": "before"}, self._before, here):
                raise Failed("another sweep is under way")
            found: Told = DBOS.run_step({"name": SWEEP}, self._look, here)
            busy: list[str] = DBOS.run_step({"name": "busy"}, self._busy, here)
        given = []
        for number, (tenant, actions) in enumerate(pieces(found, busy)):
            name = f"{self.database.pool}:{here}:{number}"  # all of a sweep's work begins with the same
            with SetWorkflowID(name), SetEnqueueOptions(queue_partition_key=tenant):
                DBOS.enqueue_workflow(self.database.queue, self._work, actions)
            given.append(name)
        return {**found, "work": {tenant: len(each) for tenant, each in found["work"].items()}, "given": given}

    def _look(self, name: str) -> Told:
        with _beating(name, self._ending), own_errors():
            return self._worker.sweep()

    def _before(self, here: str) -> bool:
        """Return whether a sweep is under way that came before this one."""
        rows = [row for row in self._alive(self.database.schedule, here) if row.status == "PENDING"]
        return min(rows, key=lambda row: (row.created_at or 0, row.workflow_id)).workflow_id != here if rows else False

    def _busy(self, here: str) -> list[str]:
        """Return the tenants that have work under way."""
        return sorted({str(row.queue_partition_key) for row in self._alive(self.database.queue, here)})

    def _alive(self, queue: str, here: str) -> list[WorkflowStatus]:
        """Return what waits or is under way in a queue, and give up what gives no sign of life any more."""
        # By the database's own clock: this sweep's row has just been written.
        DBOS.update_workflow_attributes(here, {"beat": 0})
        row = DBOS.get_workflow_status(here)
        now = row.updated_at if row and row.updated_at else 0
        rows = DBOS.list_workflows(queue_name=queue, status=ACTIVE, load_input=False)
        dead = [row for row in rows if row.status == "PENDING" and now - (row.updated_at or 0) > DEAD]
        for row in dead:
            DBOS.cancel_workflow(row.workflow_id)
        return [row for row in rows if row not in dead]

    def _do_work(self, actions: list[Told]) -> Told:
        here = str(DBOS.workflow_id)
        with own_errors():
            done: Told = DBOS.run_step({"name": WORK}, self._do, actions, here)
            why: str | None = DBOS.run_step({"name": "trouble"}, self._trouble, here, done)
            if why:
                DBOS.pause_schedule(self.database.schedule)
                LOG.warning("no further sweep runs: %s", why)
        return {**done, "paused": why} if why else done

    def _do(self, actions: list[Told], name: str) -> Told:
        with _beating(name, self._ending) as mine, own_errors():
            return self._worker.work(actions, mine)

    def _trouble(self, name: str, done: Told) -> str | None:
        """Return why no further sweep should run, by what became of the work of this one's sweep so far."""
        sweep = name.rpartition(":")[0] + ":"
        rows = DBOS.list_workflows(workflow_id_prefix=sweep, status=["SUCCESS", "PENDING"], load_input=False)
        reports = [row.output if row.status == "SUCCESS" else _worked(row) for row in rows if row.workflow_id != name]
        return too_many_fail([done, *(each for each in reports if isinstance(each, dict))])


def _worked(row: WorkflowStatus) -> Any:
    """Return the report of a piece of work that is done, and whose workflow has not ended: many end at a time."""
    steps = DBOS.list_workflow_steps(row.workflow_id)
    return next((step["output"] for step in steps if step["function_name"] == WORK), None)


@contextmanager
def _beating(name: str, ending: threading.Event) -> Iterator[Any]:
    """Give signs of life of a piece of work. Yields a function that tells whether it still is this process's."""
    lost, done = threading.Event(), threading.Event()

    def beat() -> None:
        while not done.wait(BEAT):
            try:
                row = DBOS.get_workflow_status(name)
                if row is None or row.status != "PENDING":
                    lost.set()  # it was given up, because this process was held up
                    return
                DBOS.update_workflow_attributes(name, {"beat": 1})
            except Exception as error:  # noqa: BLE001  # without the database nobody else gets the work either
                LOG.debug("no sign of life: %s", type(error).__name__)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lambda: not (lost.is_set() or ending.is_set())
    finally:
        done.set()


class Fleet:
    """The engine as an operator sees it, without a worker. Use it as a context manager.

    Raises:
        Failed: the database cannot be used, or has no tables of the engine yet.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> Self:
        with database_errors():
            self._client = DBOSClient(system_database_url=self.database.url, serializer=Json())
            self._client.check_connection()
            try:
                known = self._client.get_schedule(self.database.schedule)
            except Exception:  # noqa: BLE001  # it has no tables yet
                known = None
            if known is None:
                pool = self.database.pool
                raise Failed(
                    f"the database has no pool {pool}", f"a worker makes it: secret-bridge worker --pool {pool}"
                )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.destroy()

    def state(self) -> Told:
        """Return whether sweeps run, the latest of them, and how much work waits or is under way, by tenant."""
        with database_errors():
            schedule: Any = self._client.get_schedule(self.database.schedule) or {}
            sweeps = self._client.list_workflows(queue_name=None, name=SWEEP, limit=1, sort_desc=True, status="SUCCESS",
                                                 schedule_name=self.database.schedule)  # fmt: skip
            rows = self._client.list_workflows(queue_name=self.database.queue, status=ACTIVE, load_input=False)
        tenants: dict[str, dict[str, Any]] = {}
        for row in rows:
            told = tenants.setdefault(str(row.queue_partition_key), {"waiting": 0, "worker": None})
            told["waiting"] += row.status != "PENDING"
            told["worker"] = row.executor_id if row.status == "PENDING" else told["worker"]
        return {
            "pool": self.database.pool, "paused": schedule.get("status") != "ACTIVE", "every": schedule.get("schedule"),
            "sweep": _told(sweeps[0]) if sweeps else None, "tenants": tenants,
        }  # fmt: skip

    def work(self, limit: int) -> list[Told]:
        """Return the latest pieces of work, the latest first."""
        with database_errors():
            rows = self._client.list_workflows(name=WORK, limit=limit, sort_desc=True,
                                               workflow_id_prefix=f"{self.database.pool}:")  # fmt: skip
        return [_told(row) for row in rows]

    def pause(self) -> None:
        """Let no further sweep run. Work that is under way goes on."""
        with database_errors():
            self._client.pause_schedule(self.database.schedule)

    def resume(self) -> None:
        """Let sweeps run again."""
        with database_errors():
            self._client.resume_schedule(self.database.schedule)

    def run_now(self) -> None:
        """Let a sweep run at once, also where they are paused."""
        with database_errors():
            self._client.trigger_schedule(self.database.schedule)

    def cancel(self, tenant: str | None) -> int:
        """Take back the work of a tenant, or of all, and return how much that was. What has begun comes to its end."""
        with database_errors():
            rows = self._client.list_workflows(queue_name=self.database.queue, status=ACTIVE, load_input=False)
            found = [row.workflow_id for row in rows if tenant in (None, row.queue_partition_key)]
            self._client.cancel_workflows(found)
        return len(found)

    def purge(self, before: datetime) -> int:
        """Delete reports from before a time, and return how many that was."""
        with database_errors():
            rows = self._client.list_workflows(
                name=[SWEEP, WORK], end_time=before.isoformat(), load_input=False, load_output=False,
                status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            )  # fmt: skip
            self._client.delete_workflows([row.workflow_id for row in rows])
        return len(rows)


def _told(row: WorkflowStatus) -> Told:
    return {
        "id": row.workflow_id, "status": str(row.status).lower(), "tenant": row.queue_partition_key,
        "worker": row.executor_id, "at": datetime.fromtimestamp((row.completed_at or row.updated_at or 0) / 1000, UTC),
        "report": row.output if isinstance(row.output, dict) else None,
    }  # fmt: skip
