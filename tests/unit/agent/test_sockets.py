"""Where the agent listens: what may be at the path, who may connect, and what systemd hands over."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.agent import sockets
from bridge.agent.callers import users
from bridge.config.agent import Listener
from bridge.model.errors import Usage
from tests.unit.agent.running import free_port

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short name: a socket's path has 107 bytes at most."""
    made = Path(tempfile.mkdtemp(prefix="agent-"))
    yield made
    made.chmod(0o700)
    shutil.rmtree(made)


@pytest.fixture
def path(directory: Path) -> Path:
    return directory / "agent.sock"


@contextlib.contextmanager
def listening(*listeners: Listener, environ: dict[str, str] | None = None) -> Iterator[list[socket.socket]]:
    found = sockets.opened(listeners, environ or {})
    try:
        yield found
    finally:
        for each in found:
            each.close()
        for listener in listeners:
            sockets.remove(listener)


def refused(*listeners: Listener, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(Usage) as caught:
        sockets.opened(listeners, environ or {})
    return f"{caught.value.message}; {caught.value.hint}"


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as found:
        try:
            found.connect(str(path))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_socket_has_its_mode_whatever_the_umask_is(path: Path, mode: int) -> None:
    for umask in (0o077, 0o000):
        before = os.umask(umask)
        try:
            with listening(Listener(str(path), mode=mode)):
                assert stat.S_IMODE(path.lstat().st_mode) == mode
                assert os.umask(umask) == umask
                assert connects(path)
        finally:
            os.umask(before)
        assert not path.exists()


@root
@pytest.mark.parametrize("group", ["65534", "nogroup"])
def test_a_socket_has_its_group(path: Path, group: str) -> None:
    with listening(Listener(str(path), group=group)):
        assert path.lstat().st_gid == 65534


@pytest.mark.parametrize("group", ["no-such-group", "²", str(2**70)])
def test_a_group_that_there_is_none_of_leaves_nothing_behind(path: Path, group: str) -> None:
    assert "agent.listen" in refused(Listener(str(path), group=group))
    assert not path.exists()


def test_nobody_can_be_meant_by_a_user_that_there_is_none_of() -> None:
    assert users(Listener("/x", users=("root", "7"))) == {0, 7}
    for name in ("no-such-user", "²", ""):
        with pytest.raises(Usage, match="no user of that name"):
            users(Listener("/x", users=(name,)))


def link(path: Path) -> None:
    path.symlink_to(path.with_name("target"))


def link_to_a_socket(path: Path) -> None:
    target = path.with_name("target")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(target))
    path.symlink_to(target)


AT_THE_PATH: dict[str, tuple[Any, str]] = {
    "a symbolic link": (link, "is a symbolic link; remove it if it is yours"),
    "a symbolic link to a socket": (link_to_a_socket, "is a symbolic link"),
    "a regular file": (Path.touch, "is something that is not a socket"),
    "a directory": (Path.mkdir, "is something that is not a socket"),
    "a pipe": (os.mkfifo, "is something that is not a socket"),
}


@pytest.mark.parametrize(("make", "words"), AT_THE_PATH.values(), ids=AT_THE_PATH)
def test_what_is_no_stale_socket_stays_and_is_named(path: Path, make: Any, words: str) -> None:
    make(path)
    before = path.lstat()
    assert words in refused(Listener(str(path)))
    assert path.lstat() == before


def test_a_stale_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    with listening(Listener(str(path))):
        assert connects(path)
    assert not path.exists()


def test_a_socket_that_somebody_listens_on_stays(path: Path) -> None:
    with listening(Listener(str(path))):
        assert "another process listens on" in refused(Listener(str(path)))
        assert connects(path)


def test_a_successors_socket_stays(path: Path) -> None:
    listener = Listener(str(path))
    (first,) = sockets.opened([listener], {})
    made = dict(sockets._made)
    first.close()
    with listening(listener):  # a successor takes the stale socket's place, with the same inode on some file systems
        ours, sockets._made[str(path)] = sockets._made[str(path)], made[str(path)]
        sockets.remove(listener)
        assert connects(path)
        sockets._made[str(path)] = ours


def everybody(directory: Path) -> None:
    directory.chmod(0o777)


def sticky(directory: Path) -> None:
    directory.chmod(0o1777)


def group(directory: Path) -> None:
    directory.chmod(0o770)


def foreign(directory: Path) -> None:
    os.chown(directory, 65534, -1)


DIRECTORIES: dict[str, tuple[Any, str]] = {
    "writable by everybody": (everybody, "may be written to by everybody"),
    "writable by everybody, with a sticky bit": (sticky, "may be written to by everybody"),
    "writable by its group": (group, "may be written to by its group"),
    "another user's": (foreign, "belongs to another user"),
    "not there": (shutil.rmtree, "No such file or directory"),
}


@root
@pytest.mark.parametrize(("make", "words"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_a_directory_in_which_others_could_put_a_socket_is_refused(path: Path, make: Any, words: str) -> None:
    make(path.parent)
    try:
        assert words in refused(Listener(str(path)))
        assert not path.exists()
    finally:
        path.parent.mkdir(exist_ok=True)
        os.chown(path.parent, 0, -1)


def test_an_address_that_is_taken_is_named() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert f"127.0.0.1:{port} cannot be listened on" in refused(Listener(address=("127.0.0.1", port)))


def test_when_one_place_fails_nothing_is_left_of_the_others(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address: tuple[str, int] = taken.getsockname()
        assert "cannot be listened on" in refused(Listener(str(path)), Listener(address=address))
    assert not path.exists()


@pytest.mark.parametrize("listener", ["socket", "address"])
def test_a_process_that_the_agent_starts_does_not_have_its_socket(path: Path, listener: str) -> None:
    wanted = Listener(str(path)) if listener == "socket" else Listener(address=("127.0.0.1", free_port()))
    with listening(wanted) as found:
        assert not any(os.get_inheritable(each.fileno()) for each in found)


@contextlib.contextmanager
def handed(monkeypatch: pytest.MonkeyPatch, made: socket.socket | int, **environ: str) -> Iterator[dict[str, str]]:
    """What systemd sets for a socket, which is duplicated as the first that is handed over."""
    number = os.dup(made if isinstance(made, int) else made.fileno())
    monkeypatch.setattr(sockets, "FIRST", number)
    yield {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", **environ}
    if environ:  # not for this process, so it is not used and not closed
        os.close(number)


@pytest.fixture
def systemd(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        path.chmod(0o660)
        made.listen()
        yield made


def test_a_socket_of_systemd_is_used_and_its_file_stays(
    monkeypatch: pytest.MonkeyPatch, systemd: socket.socket, path: Path
) -> None:
    with handed(monkeypatch, systemd) as environ, listening(Listener(str(path)), environ=environ) as (found,):
        assert found.getsockname() == str(path)
        assert not os.get_inheritable(found.fileno())
        assert connects(path)
    assert path.exists()
    assert connects(path)  # systemd keeps it


def test_an_address_of_systemd_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        address: tuple[str, int] = made.getsockname()
        with handed(monkeypatch, made) as environ, listening(Listener(address=address), environ=environ) as (found,):
            assert found.getsockname() == address


@pytest.mark.parametrize("environ", [{"LISTEN_PID": "1"}, {"LISTEN_PID": ""}, {"LISTEN_FDS": "0"}])
def test_what_was_handed_over_to_another_process_is_not_used(
    monkeypatch: pytest.MonkeyPatch, systemd: socket.socket, path: Path, environ: dict[str, str]
) -> None:
    with handed(monkeypatch, systemd, **environ) as told:
        assert "another process listens" in refused(Listener(str(path)), environ=told)


def test_a_socket_of_systemd_is_open_to_nobody_else_than_the_configuration_says(
    monkeypatch: pytest.MonkeyPatch, systemd: socket.socket, path: Path
) -> None:
    path.chmod(0o666)  # the default of systemd's SocketMode=
    with handed(monkeypatch, systemd) as environ:
        said = refused(Listener(str(path)), environ=environ)
        assert "has the mode 0666, expected 0660; set it in systemd's unit: SocketMode=0660" in said
    with handed(monkeypatch, systemd) as environ, listening(Listener(str(path), mode=0o666), environ=environ):
        assert connects(path)


@root
def test_a_socket_of_systemd_in_an_unsafe_directory_is_refused(
    monkeypatch: pytest.MonkeyPatch, systemd: socket.socket, path: Path
) -> None:
    path.parent.chmod(0o777)
    with handed(monkeypatch, systemd) as environ:
        assert "may be written to by everybody" in refused(Listener(str(path)), environ=environ)


def test_what_is_no_listening_socket_is_refused(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        for each in (made, read):
            with handed(monkeypatch, each) as environ:
                assert "which is no listening socket; use ListenStream=" in refused(
                    Listener(str(path)), environ=environ
                )
    os.close(read)
    os.close(write)


def test_a_socket_that_no_listener_names_is_refused(
    monkeypatch: pytest.MonkeyPatch, systemd: socket.socket, path: Path, directory: Path
) -> None:
    other = directory / "other.sock"
    with handed(monkeypatch, systemd) as environ:
        assert f"systemd handed over {path}, which no agent.listen names" in refused(
            Listener(str(other)), environ=environ
        )
    assert not other.exists()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"\0{directory}")  # an abstract socket has no file, and so no mode
        made.listen()
        with handed(monkeypatch, made) as environ:
            assert "which no agent.listen names" in refused(Listener(str(other)), environ=environ)
