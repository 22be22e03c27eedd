"""The agent from its start to its end: what it serves, systemd, and what others can see of its memory."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.agent import sockets
from bridge.agent.application import opened
from bridge.agent.callers import users
from bridge.agent.endpoint import Endpoint, Serving
from bridge.agent.metrics import Metrics
from bridge.agent.server import DRAIN, server
from bridge.config.agent import AgentSettings
from bridge.config.references import resolve
from bridge.model.errors import BridgeError, Usage
from sinks.own_process import hide_environment

if TYPE_CHECKING:
    from bridge.agent.application import Application
    from bridge.config.settings import Settings

LOG = logging.getLogger("bridge.agent")
_PR_SET_DUMPABLE = 4
FIRST_READING = 15.0
"""Seconds that the first reading of the vaults may take before the agent says that it is ready."""
LOOK = 10.0
"""Seconds between two looks at whether a reading has become old. Without callers nothing else would read the vaults."""


def run(load: Callable[[], Settings], say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    `load` reads the configuration, at the start and at each SIGHUP. `say` prints a line for people.

    Raises:
        BridgeError: the configuration has faults, or a place cannot be listened on.
    """
    settings = load()
    agent, metrics = configured(settings), Metrics()
    endpoint = Endpoint(serving(settings, metrics), metrics)
    harden()
    listening = sockets.opened(agent.listen, os.environ)
    for listener in agent.listen:
        say(f"listening on {listener}")
    try:
        asyncio.run(_serve(endpoint, agent, listening, load))
    finally:
        for listener in agent.listen:
            sockets.remove(listener)
        _close(endpoint.serving.applications.values())


def checked(settings: Settings, say: Callable[[str], None]) -> bool:
    """Read each client's values once, and say for each whether that worked. Return whether all of them did.

    Raises:
        BridgeError: the configuration has faults.
    """
    served = serving(settings, Metrics())
    asyncio.run(_readings(served))
    for each in served.applications.values():
        standing = each.standing
        say(f"{each.name}: {'ready' if standing.usable else f'not ready: {standing.failure}'}")
        each.close()
    return all(each.standing.usable for each in served.applications.values())


def configured(settings: Settings) -> AgentSettings:
    """Return the agent's settings.

    Raises:
        Usage: the file has none, or no client.
    """
    if settings.agent is None:
        raise Usage(
            "agent: missing in the configuration",
            hint='at least [[agent.listen]] with socket = "/run/secret-bridge-agent/NAME.sock"',
        )
    if not settings.clients:
        raise Usage("clients: missing in the configuration", hint="name the applications that the agent serves")
    return settings.agent


def serving(settings: Settings, metrics: Metrics) -> Serving:
    """Return what a configuration says is served. References to tokens are read.

    Raises:
        BridgeError: a token cannot be read, or there is no such user.
    """
    agent = configured(settings)
    applications = opened(settings.clients, settings, lambda each: resolve(each, os.environ), metrics)
    return Serving(
        {str(each): each for each in agent.listen}, {str(each): users(each) for each in agent.listen}, applications
    )


def harden() -> None:
    """Keep other processes of this user from reading this one's memory, by a debugger or a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor for each connection
    hide_environment()
    import ctypes

    with suppress(OSError, AttributeError):  # prctl(2) is Linux's
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


async def _serve(
    endpoint: Endpoint, agent: AgentSettings, listening: list[socket.socket], load: Callable[[], Settings]
) -> None:
    tasks: set[asyncio.Task[None]] = set()
    one_by_one = asyncio.Lock()

    def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        tasks.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(tasks.discard)
        return task

    async def reload() -> None:
        async with one_by_one:
            before = await _reload(endpoint, agent, load)
        await asyncio.sleep(DRAIN)  # for the requests that are under way with them
        _close(before)

    serves = server(endpoint, agent.listen, lambda: begin(reload()), lambda: notify("STOPPING=1"))
    running = begin(serves.serve(sockets=listening))
    await asyncio.wait([running, begin(_readings(endpoint.serving))], timeout=FIRST_READING,
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    notify("READY=1")
    begin(_kept_read(endpoint))
    await running


async def _readings(served: Serving) -> None:
    """Read the vaults whose readings are old. What fails is logged, and read again when asked for."""
    applications = served.applications.values()
    await asyncio.gather(*(each.candidates() for each in applications), return_exceptions=True)


async def _kept_read(endpoint: Endpoint) -> None:
    while True:
        await asyncio.sleep(LOOK)
        await _readings(endpoint.serving)


async def _reload(endpoint: Endpoint, agent: AgentSettings, load: Callable[[], Settings]) -> list[Application]:
    """Read the configuration anew, and return what is not served any more. With a fault everything stays as it was."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    before, after = endpoint.serving, None
    try:
        after = await asyncio.to_thread(_anew, agent, load, endpoint.metrics)
        await _readings(after)
        _check_readable(before, after)
    except BridgeError as error:
        LOG.error("not reloaded, everything stays as it was: %s", error.message)  # noqa: TRY400  # its text is enough
    except Exception as error:  # noqa: BLE001  # a running agent must not end by a file
        LOG.error("not reloaded, everything stays as it was: %s", type(error).__name__)  # noqa: TRY400  # as above
    else:
        endpoint.serving = after
        LOG.warning("reloaded; clients: %d", len(after.applications))
    notify("READY=1")
    unused = before if endpoint.serving is after else after
    return list(unused.applications.values()) if unused else []


def _anew(agent: AgentSettings, load: Callable[[], Settings], metrics: Metrics) -> Serving:
    """Return what the configuration says now.

    Raises:
        BridgeError: it has faults, or its sockets are not those that are open. These were made for the clients and
            tokens of their time, so nothing else may be served on them.
    """
    settings = load()
    open_to = {(str(each), each.mode, each.group) for each in agent.listen}
    if {(str(each), each.mode, each.group) for each in configured(settings).listen} != open_to:
        raise Usage("agent.listen: its places, modes and groups change with a restart only")
    return serving(settings, metrics)


def _check_readable(before: Serving, after: Serving) -> None:
    """Check that no client loses the values that it has.

    Raises:
        Usage: a vault cannot be read as the new configuration says, and it could be before.
    """
    for client_id, each in after.applications.items():
        former = before.applications.get(client_id)
        if former is not None and former.standing.usable and not each.standing.usable:
            raise Usage(f"clients.{each.name}: {each.standing.failure or 'the vault has not answered yet'}")


def _close(applications: Iterable[Application]) -> None:
    for each in applications:
        each.close()


def notify(state: str) -> None:
    """Tell systemd about the agent's state (sd_notify(3)). Without systemd it does nothing."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else str(Path(path))
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), address)
