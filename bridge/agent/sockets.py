"""The sockets that the agent listens on: its own, or those that systemd hands over."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from bridge.config.agent import Listener
from bridge.model.errors import Usage
from sinks import files

FIRST = 3
"""The first descriptor that systemd hands over (sd_listen_fds(3))."""
BACKLOG = 2048
"""How many connections may wait to be accepted. The kernel's own limit is often lower."""
CONNECT = 0o222
"""The bits of a socket's mode by which its owner, its group and all others may connect."""
OWNER_ONLY = 0o177
"""The umask under which a socket is made, so that nobody can connect before it has its mode and group."""


def opened(listeners: Iterable[Listener], environ: Mapping[str, str]) -> list[socket.socket]:
    """Return a listening socket for each listener, in their order.

    Raises:
        Usage: one of them cannot be had. None is left open then.
    """
    handed = inherited(environ)
    found: list[tuple[Listener, socket.socket]] = []
    try:
        for listener in listeners:
            place = listener.socket or listener.address
            if place in handed:
                _check_handed(listener)
                found.append((listener, handed.pop(place)))
            else:
                found.append((listener, _bound(listener)))
        if handed:
            raise Usage(f"systemd handed over {', '.join(map(str, handed))}, which no agent.listen names")
    except BaseException:
        for each in (*handed.values(), *(each for _, each in found)):
            each.close()
        for listener, _ in found:
            remove(listener)
        raise
    return [each for _, each in found]


def inherited(environ: Mapping[str, str]) -> dict[object, socket.socket]:
    """Return the sockets that systemd handed over, by their path or by host and port.

    A socket that systemd keeps loses no connection while the agent restarts.

    Raises:
        Usage: one of them is none to listen on.
    """
    # Children inherit the variables. The process id says for whom they are.
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    found: dict[object, socket.socket] = {}
    for number in range(FIRST, FIRST + int(environ.get("LISTEN_FDS", "0"))):
        each = _listening(number)
        if each is None:
            for other in found.values():
                other.close()
            raise Usage(
                f"systemd handed over descriptor {number}, which is no listening socket", hint="use ListenStream="
            )
        os.set_inheritable(number, False)  # noqa: FBT003  # the function takes it by position only
        name = each.getsockname()
        # An abstract socket, whose name is bytes, has no file, and so no mode.
        found[name if isinstance(name, (str, bytes)) else (name[0], name[1])] = each
    return found


def _listening(number: int) -> socket.socket | None:
    """Return the socket of a descriptor, or None if nobody can connect to it."""
    try:
        found = socket.socket(fileno=number)
    except OSError:
        return None
    if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.close()
        return None
    return found


def remove(listener: Listener) -> None:
    """Remove a socket's file, if it still is the one that was made for it."""
    if listener.socket is None:
        return
    try:
        # Another agent may have taken the path over.
        if _identity(listener.socket) == _made.get(listener.socket):
            Path(listener.socket).unlink()
    except OSError:
        return


_made: dict[str, tuple[int, ...]] = {}
"""The identity of each socket's file that this process made."""


def _identity(path: str) -> tuple[int, ...]:
    found = os.lstat(path)
    # The time as well: a file system may give a free inode to the next file.
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


def _check_handed(listener: Listener) -> None:
    """Check that a socket of systemd's lets nobody connect that the listener's mode does not.

    Raises:
        Usage: it does, or its directory is not safe.
    """
    if listener.socket is None:
        return
    _check_directory(listener.socket)
    try:
        mode = stat.S_IMODE(os.lstat(listener.socket).st_mode)
    except OSError as error:
        raise Usage(f"agent.listen: {listener.socket}: {error.strerror}") from None
    if mode & ~listener.mode & CONNECT:
        raise Usage(
            f"agent.listen: {listener.socket} has the mode {mode:04o}, expected {listener.mode:04o}",
            hint=f"set it in systemd's unit: SocketMode={listener.mode:04o} (without it, 0666)",
        )


def _bound(listener: Listener) -> socket.socket:
    return on_address(listener) if listener.address is not None else _on_path(listener, listener.socket or "")


def on_address(listener: Listener, key: str = "agent.listen") -> socket.socket:
    """Return a socket that listens on a listener's address. `key` names it in the configuration.

    Raises:
        Usage: it cannot be had.
    """
    host, port = listener.address or ("", 0)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on its connections. Without that a kept one answers 40 ms late.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise Usage(
            f"{key}: {listener} cannot be listened on ({error.strerror})",
            hint="choose another port, or stop who has it",
        ) from None
    return made


def _on_path(listener: Listener, path: str) -> socket.socket:
    _check_directory(path)
    _make_room(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(OWNER_ONLY)
    try:
        made.bind(path)
        _made[path] = _identity(path)
        if listener.group is not None:
            os.chown(path, -1, _group(listener.group), follow_symlinks=False)
        Path(path).chmod(listener.mode)
        made.listen(BACKLOG)
    except (OSError, OverflowError, Usage) as error:
        made.close()
        remove(listener)
        if isinstance(error, Usage):
            raise
        why = getattr(error, "strerror", error)
        raise Usage(f"agent.listen: {path} cannot be listened on ({why})") from None
    finally:
        os.umask(before)
    return made


def _check_directory(path: str) -> None:
    """Check that nobody else could put another socket in the place of this one.

    Raises:
        Usage: somebody could.
    """
    directory = Path(path).parent
    try:
        found = directory.stat()
    except OSError as error:
        raise Usage(
            f"agent.listen: {directory}: {error.strerror}", hint=f"make it: install -d -m 0755 {directory}"
        ) from None
    # The sticky bit does not help here: the path may be free for a moment, when the agent restarts.
    plain = os.stat_result((found.st_mode & ~stat.S_ISVTX, *found[1:]))
    if (why := files.exposure(plain)) is not None:
        raise Usage(
            f"agent.listen: the directory {directory} {why}, who could answer in the agent's place",
            hint="name a directory of the agent's own, such as systemd's RuntimeDirectory=",
        )


def _make_room(path: str) -> None:
    """Remove a socket that a dead agent has left, and nothing else.

    Raises:
        Usage: something else is there, or somebody listens on it.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Usage(f"agent.listen: {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "something that is not a socket"
        raise Usage(f"agent.listen: {path} is {kind}", hint="remove it if it is yours, or name another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
            return
        except OSError as error:
            raise Usage(f"agent.listen: {path}: {error.strerror or 'no answer'}") from None
    raise Usage(f"agent.listen: another process listens on {path}", hint="stop it, or name another path")


def _group(name: str) -> int:
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise Usage(f'agent.listen.group: found "{name}", expected a group of this machine') from None
