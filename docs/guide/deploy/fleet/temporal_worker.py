"""A worker of Temporal: a schedule looks at all clients, and what is next for each of them is an activity.

    pip install temporalio secret-bridge
    BRIDGE_CONFIG=bridge.toml TEMPORAL_ADDRESS=temporal.example:7233 python temporal_worker.py

Run as many as you like. Names, ids and words go through Temporal, and no value of a secret.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from bridge.config.load import load
    from bridge.fleet.act import Around, act
    from bridge.fleet.sweep import Action, sweep
    from bridge.model.errors import BridgeError
    from bridge.model.progress import Stop

if TYPE_CHECKING:
    from bridge.config.settings import Settings

Told = dict[str, Any]

NAME = "secret-bridge"
EVERY, LONGEST = timedelta(minutes=15), timedelta(hours=6)
"""How often to sweep, and how long it may take. The next one begins when it has ended."""
JOBS, OF_A_TENANT = 8, 4
"""How many clients a worker works on at a time, and all workers together in one tenant."""
MOST = 500
"""How many actions a sweep has at most, because a history has an end. The next sweep finds the rest."""
FAILED, TOO_MANY = (1, 3), 5
"""The exit statuses of failures, and after how many of them nothing more is begun in a tenant."""
STOP = Stop()


def settings() -> Settings:
    """Return the configuration as it is now."""
    return load(Path(os.environ["BRIDGE_CONFIG"]), os.environ)


async def working(work: Callable[[], Told]) -> Told:
    """Do something in a thread, and tell Temporal every few seconds that this worker is alive.

    The text of an error that is not the bridge's own may hold anything, so only its name goes through Temporal.
    """
    doing = asyncio.ensure_future(asyncio.to_thread(work))
    while not (await asyncio.wait({doing}, timeout=5))[0]:
        activity.heartbeat()
    try:
        return doing.result()
    except BridgeError as error:
        raise ApplicationError(error.message) from None
    except Exception as error:  # noqa: BLE001  # see above
        raise ApplicationError(type(error).__name__) from None


def look() -> Told:
    """Return what is next, and the names of clients that cannot be read or need somebody."""
    found = sweep(settings())
    return {
        "actions": [action.as_dict() for action in found.actions[:MOST]],
        "unread": [name for name, _ in found.unread],
        "attention": [name for name, *_ in found.attention],
    }


@activity.defn(name="sweep")
async def sweeping() -> Told:
    """Look at all clients. Nothing is changed."""
    return await working(look)


@activity.defn(name="act")
async def acting(action: Told) -> Told:
    """Do one thing for one client, if it still is what is next. An error is a result, too."""
    return await working(lambda: act(settings(), Action.of(action), around=Around(stop=STOP)).as_dict())


HOW: Any = {
    "start_to_close_timeout": timedelta(hours=1),
    "heartbeat_timeout": timedelta(seconds=30),  # then its worker is dead, and another one takes it
    "retry_policy": RetryPolicy(maximum_attempts=3),
}


@workflow.defn(name="sweep")
class Sweep:
    """One look at all clients, and all that is next."""

    @workflow.run
    async def run(self) -> Told:
        """Return how often each action ended with each word, and who needs somebody."""
        found = await workflow.execute_activity(sweeping, **HOW)
        tenants: dict[str, list[Told]] = {}
        for action in found["actions"]:
            tenants.setdefault(action["tenant"], []).append(action)
        done = await asyncio.gather(*(in_tenant(actions) for actions in tenants.values()))
        words = Counter(result["word"] for results in done for result in results)
        return {"results": dict(words), "unread": found["unread"], "attention": found["attention"]}


async def in_tenant(actions: list[Told]) -> list[Told]:
    """Do a tenant's actions, a few at a time, until too many have failed. Return the results."""
    left, results = iter(actions), list[Told]()

    async def one_after_the_other() -> None:
        for action in left:
            if sum(result["exit"] in FAILED for result in results) >= TOO_MANY:
                return
            try:
                results.append(await workflow.execute_activity(acting, action, **HOW))
            except ActivityError:  # three workers died, or it took too long: the next sweep sees what is left
                results.append({"word": "lost", "exit": 3})

    await asyncio.gather(*(one_after_the_other() for _ in range(OF_A_TENANT)))
    return results


async def main() -> None:
    """Make the schedule if there is none, and work until SIGTERM."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.set_default_executor(ThreadPoolExecutor(JOBS))
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, asked.set)
    address, namespace = os.environ["TEMPORAL_ADDRESS"], os.environ.get("TEMPORAL_NAMESPACE", "default")
    client = await Client.connect(address, namespace=namespace)  # TLS, or a key: as your server wants it
    run = ScheduleActionStartWorkflow(Sweep.run, id=NAME, task_queue=NAME, execution_timeout=LONGEST)
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(NAME, Schedule(run, spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(EVERY)])))
    async with Worker(
        client, task_queue=NAME, workflows=[Sweep], activities=[sweeping, acting], max_concurrent_activities=JOBS,
        graceful_shutdown_timeout=timedelta(seconds=150),
    ):  # fmt: skip
        await asked.wait()
        STOP.ask()


if __name__ == "__main__":
    asyncio.run(main())
