"""The agent from its start to its end: what it serves, systemd, and what others can see of its memory."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

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
    from bridge.config.settings import Settings

LOG = logging.getLogger("bridge.agent")
_PR_SET_DUMPABLE = 4
FIRST_READING = 15.0
"""Seconds that the first reading of the vaults may take before the agent says that it is ready."""


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
        for application in endpoint.serving.applications.values():
            application.close()


def checked(settings: Settings, say: Callable[[str], None]) -> bool:
    """Read each client's values once, and say for each whether that worked. Return whether all of them did.

    Raises:
        BridgeError: the configuration has faults.
    """
    endpoint = Endpoint(serving(settings, Metrics()))
    asyncio.run(_first_readings(endpoint))
    for each in endpoint.serving.applications.values():
        standing = each.standing
        say(f"{each.name}: {'ready' if standing.usable else f'not ready: {standing.failure}'}")
        each.close()
    return all(each.standing.usable for each in endpoint.serving.applications.values())


def configured(settings: Settings) -> AgentSettings:
    """Return the agent's settings.

    Raises:
        Usage: the file has none, or no client.
    """
    if settings.agent is None:
        raise Usage("agent: missing in the configuration", hint="see docs/guide/agent.md for the least that it needs")
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

    def reload() -> None:
        task = asyncio.create_task(_reload(endpoint, agent, load))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    serves = server(endpoint, agent.listen, reload)
    running = asyncio.create_task(serves.serve(sockets=listening))
    await asyncio.wait([running, asyncio.create_task(_first_readings(endpoint))], timeout=FIRST_READING,
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    notify("READY=1")
    await running
    notify("STOPPING=1")


async def _first_readings(endpoint: Endpoint) -> None:
    """Read all vaults, so that the first callers do not wait. What fails is logged, and read again when asked for."""
    applications = endpoint.serving.applications.values()
    await asyncio.gather(*(each.candidates() for each in applications), return_exceptions=True)


async def _reload(endpoint: Endpoint, agent: AgentSettings, load: Callable[[], Settings]) -> None:
    """Read the configuration anew. With a fault in it, everything stays as it was."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    before = endpoint.serving
    try:
        settings = await asyncio.to_thread(load)
        after = await asyncio.to_thread(serving, settings, endpoint.metrics)
    except BridgeError as error:
        LOG.error("not reloaded, everything stays as it was: %s", error.message)  # noqa: TRY400  # its text is enough
    except Exception as error:  # noqa: BLE001  # a running agent must not end by a file
        LOG.error("not reloaded, everything stays as it was: %s", type(error).__name__)  # noqa: TRY400  # as above
    else:
        if set(after.listeners) != {str(each) for each in agent.listen}:
            LOG.warning("agent.listen names other places: they change with a restart only")
        endpoint.serving = after
        await _first_readings(endpoint)
        LOG.warning("reloaded: %d clients", len(after.applications))
        # Later, because requests that are under way still use their connections.
        for each in before.applications.values():
            asyncio.get_running_loop().call_later(DRAIN, each.close)
    notify("READY=1")


def notify(state: str) -> None:
    """Tell systemd about the agent's state (sd_notify(3)). Without systemd it does nothing."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else str(Path(path))
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), address)
