"""The command: its start and end, SIGHUP, systemd, and what others can see of its memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.sinks import NO_TRUST
from tests.support.forks import Forks
from tests.unit.agent.running import AUDIENCE, Place, Process, free_port

TOKEN = '[agent.clients.billing]\ntoken = "env:CALLER"'
LIMITED = '[agent.clients.billing]\naudiences = ["https://other"]'


def at(path: Path, mode: str = "0660") -> str:
    return f'socket = "{path}"\nmode = "{mode}"'


@contextlib.contextmanager
def caller(path: Path) -> Iterator[httpx.Client]:
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(path), verify=NO_TRUST),
        base_url="http://agent",
        timeout=30,
        verify=NO_TRUST,
    ) as http:
        yield http


def asked(place: Place, path: Path, **fields: str) -> httpx.Response:
    with caller(path) as http:
        return http.post("/oauth/token", data=place.ask(**fields))


def refuses(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as found:
        try:
            found.connect(str(path))
        except ConnectionRefusedError:
            return True
        return False


class Under:
    """A token request that is under way: Auth0 holds it until `release`. `answer` waits for its end."""

    def __init__(self, place: Place, path: Path) -> None:
        self._free = threading.Event()
        self._answers: list[httpx.Response] = []
        arrived = threading.Event()

        def hold(_nth: int) -> None:
            arrived.set()
            self._free.wait(30)

        place.auth0 = hold
        self._thread = threading.Thread(target=lambda: self._answers.append(asked(place, path, scope="write:x")))
        self._thread.start()
        assert arrived.wait(20)
        place.auth0 = lambda _nth: None

    def answer(self) -> httpx.Response:
        self._free.set()
        self._thread.join()
        return self._answers[0]


@pytest.fixture
def told(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd hears of the agent's state (sd_notify(3))."""
    path = place.path()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(path))
        made.settimeout(20)
        yield made


def test_it_serves_until_sigterm_and_ends_the_request_that_is_under_way(
    place: Place, forks: Forks, told: socket.socket
) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), NOTIFY_SOCKET=told.getsockname()) as agent:
        assert told.recv(99) == b"READY=1"
        assert f"listening on {path}" in agent.until("listening on").text
        assert asked(place, path, scope="read:x").status_code == 200
        under = Under(place, path)
        with caller(path) as idle:
            assert idle.get("/healthz").status_code == 200
            agent.signal(signal.SIGTERM)
            assert told.recv(99) == b"STOPPING=1"
            while not refuses(path):
                time.sleep(0.02)
            assert under.answer().status_code == 200
        assert agent.ended() == 0
        assert not path.exists()
        assert "Traceback" not in agent.text


def test_ctrl_c_ends_it_the_same(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path))) as agent:
        agent.until("listening on")
        while asked(place, path).status_code != 200:
            time.sleep(0.05)
        agent.signal(signal.SIGINT)
        assert agent.ended() == 0
        assert "Traceback" not in agent.text


def test_a_second_agent_at_one_path_is_refused_and_the_first_is_unharmed(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path))) as first:
        first.until("listening on")
        with Process(place, forks, place.text(at(path))) as second:
            assert second.ended() == 2
            assert f"another process listens on {path}" in second.text
        assert asked(place, path).status_code == 200


def test_a_killed_agent_leaves_a_socket_that_the_next_replaces(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path))) as first:
        first.until("listening on")
    assert path.exists()
    with Process(place, forks, place.text(at(path))) as second:
        second.until("listening on")
        assert asked(place, path).status_code == 200


def reloaded(agent: Process, told: socket.socket, text: str) -> None:
    """Have the agent read this file, and wait until it did."""
    agent.file.write_text(text, "utf-8")
    agent.signal(signal.SIGHUP)
    assert told.recv(99).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert told.recv(99) == b"READY=1"


def test_sighup_reads_the_file_again_and_takes_nothing_that_is_wrong(
    place: Place, forks: Forks, told: socket.socket
) -> None:
    path, port = place.path(), free_port()
    good = place.text(at(path))
    with Process(place, forks, good, NOTIFY_SOCKET=told.getsockname()) as agent:
        assert told.recv(99) == b"READY=1"
        assert asked(place, path).status_code == 200
        under = Under(place, path)
        reloaded(agent, told, place.text(at(path), served=LIMITED))
        agent.until("reloaded; clients: 1")
        assert asked(place, path).status_code == 403
        assert under.answer().status_code == 200  # who asked before is answered as before

        faulty = place.text('socket = "x"\nmode = "rw"', agent='max_age = "often"')
        reloaded(agent, told, faulty)
        for fault in ("agent.listen[0].socket", "agent.listen[0].mode", "agent.max_age"):
            assert fault in agent.until(fault).text
        assert "not reloaded, everything stays as it was" in agent.text
        assert asked(place, path).status_code == 403

        for text in (
            place.text(at(place.path())), place.text(at(path), at(place.path())), place.text(at(path, "0600")),
            place.text(f'address = "127.0.0.1:{port}"', served=TOKEN), "", "clients = 7",
            place.text(at(path), served='[agent.clients.billing]\ntoken = "env:NO_SUCH_VARIABLE"'),
            place.text(f'{at(path)}\nusers = ["no-such-user"]'),
            place.text(at(path), path="apps/nothing-is-there"),
            place.text(at(path), vault="http://127.0.0.1:9"),
        ):  # fmt: skip
            before = agent.text.count("not reloaded")
            reloaded(agent, told, text)
            assert agent.until("not reloaded", before + 1).text.count("not reloaded") == before + 1, text
            assert asked(place, path).status_code == 403

        agent.file.unlink()
        agent.signal(signal.SIGHUP)
        assert told.recv(99).startswith(b"RELOADING=1")
        assert told.recv(99) == b"READY=1"
        reloaded(agent, told, good)
        assert asked(place, path).status_code == 200
        assert "Traceback" not in agent.text


def test_a_reload_while_the_vault_is_away_keeps_the_values(place: Place, forks: Forks, told: socket.socket) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), NOTIFY_SOCKET=told.getsockname()) as agent:
        assert told.recv(99) == b"READY=1"
        assert asked(place, path).status_code == 200
        place.vault_away = True
        reloaded(agent, told, place.text(at(path), served=LIMITED))
        agent.until("not reloaded, everything stays as it was: clients.billing: could not read")
        assert asked(place, path, scope="read:x").status_code == 200
        with caller(path) as http:
            assert http.get("/readyz").status_code == 200


def test_a_listener_that_the_file_no_longer_names_gives_nothing_away(
    place: Place, forks: Forks, told: socket.socket
) -> None:
    path, port = place.path(), free_port()
    both = place.text(at(path), f'address = "127.0.0.1:{port}"', served=TOKEN)
    with Process(place, forks, both, NOTIFY_SOCKET=told.getsockname()) as agent:
        assert told.recv(99) == b"READY=1"
        reloaded(agent, told, place.text(at(path)))  # the address is gone, and so is the need for a token
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=NO_TRUST, trust_env=False) as http:
            assert http.post("/oauth/token", data=place.ask()).status_code == 401
        agent.until("its places, modes and groups change with a restart only")


def test_two_reloads_at_once_follow_each_other(place: Place, forks: Forks, told: socket.socket) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), NOTIFY_SOCKET=told.getsockname()) as agent:
        assert told.recv(99) == b"READY=1"
        for served in (LIMITED, "", LIMITED, ""):
            agent.file.write_text(place.text(at(path), served=served), "utf-8")
            agent.signal(signal.SIGHUP)
            time.sleep(0.02)
        states = []
        while states.count(b"READY=1") < 2 or states[-1] != b"READY=1":
            states.append(told.recv(99).split(b"\n")[0])
            told.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while True:
                states.append(told.recv(99).split(b"\n")[0])
        assert states == [b"RELOADING=1", b"READY=1"] * (len(states) // 2)
        assert asked(place, path).status_code == 200


def test_a_vault_is_read_again_without_a_caller(place: Place, forks: Forks) -> None:
    path = place.path()
    code = "import bridge.agent.run as r; r.LOOK = 0.2"
    with Process(place, forks, place.text(at(path), agent='max_age = "1s"\nmax_stale = "2s"'), code=code) as agent:
        agent.until("listening on")
        end = time.monotonic() + 20
        while place.read < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
        with caller(path) as http:
            assert http.get("/readyz").status_code == 200


def test_check_reads_each_secret_once_and_ends(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), "--check") as agent:
        assert agent.ended() == 0
        assert "billing: ready" in agent.text
    place.vault_away = True
    with Process(place, forks, place.text(at(path)), "--check") as agent:
        assert agent.ended() == 5
        assert "billing: not ready: could not read" in agent.text
    assert not path.exists()


@pytest.mark.parametrize(("text", "words"), [
    ("", "agent: missing in the configuration"),
    ('[[agent.listen]]\nsocket = "/x/y.sock"\n', "clients: missing in the configuration"),
])  # fmt: skip
def test_a_file_without_an_agent_or_clients_says_so(place: Place, forks: Forks, text: str, words: str) -> None:
    with Process(place, forks, text) as agent:
        assert agent.ended() == 2
        assert words in agent.text


HANDED = """
import os, socket
made = socket.socket(socket.AF_UNIX)
made.bind({path!r})
os.chmod({path!r}, 0o660)
made.listen()
os.dup2(made.fileno(), 3)
os.environ |= {{"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}}
"""


def test_a_socket_of_systemd_outlives_the_agent(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), code=HANDED.format(path=str(path))) as agent:
        agent.until("listening on")
        assert asked(place, path).status_code == 200
        agent.signal(signal.SIGTERM)
        assert agent.ended() == 0
    assert path.exists()


CHILD = """
import bridge.agent.run, subprocess
real = bridge.agent.run._serve
async def serve(*args):
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    print(f"child {child.pid};", flush=True)
    await real(*args)
bridge.agent.run._serve = serve
"""


def test_a_process_that_it_started_does_not_serve(place: Place, forks: Forks) -> None:
    path, port = place.path(), free_port()
    text = place.text(f'address = "127.0.0.1:{port}"', at(path), served=TOKEN)
    with Process(place, forks, text, code=CHILD) as agent:
        child = int(agent.until(";").text.partition("child ")[2].partition(";")[0])
        try:
            agent.until("listening on")
            agent.signal(signal.SIGKILL)
            while True:  # the kernel closes what the agent had
                try:
                    socket.create_connection(("127.0.0.1", port), 5).close()
                except ConnectionRefusedError:
                    break
                time.sleep(0.02)
            assert Path(f"/proc/{child}").exists()
            assert not [fd for fd in Path(f"/proc/{child}/fd").iterdir() if str(fd.readlink()).startswith("socket:")]
        finally:
            os.kill(child, signal.SIGKILL)
            agent.ended()


LOOKING = """
import ctypes, os, resource, sys
from bridge.agent import run

if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1)  # as a program that this user started: setuid(2) alone hides the memory, too
if sys.argv[1] == "hardened":
    run.harden()
print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, flush=True)
if os.fork():
    os.wait()
    sys.exit()
for what in ("environ", "mem", "maps"):
    try:
        with open(f"/proc/{os.getppid()}/{what}", "rb") as file:
            print(what, "shown", b"PATH=" in file.read(1 if what == "mem" else 100000))
    except PermissionError:
        print(what, "refused")
    except OSError:
        print(what, "opened")
"""


@pytest.mark.parametrize(("how", "seen"), [
    ("hardened", ["0 True", "environ refused", "mem refused", "maps refused"]),
    ("plain", ["environ shown True", "mem opened", "maps shown False"]),
])  # fmt: skip
def test_the_same_user_cannot_read_its_environment_or_memory(
    forks: Forks, tmp_path: Path, how: str, seen: list[str]
) -> None:
    out, err, _ = forks.start(LOOKING, [how], {}, tmp_path).communicate("", 60)
    lines = out.splitlines()
    assert lines[-len(seen) :] == seen, out + err
    assert lines[0].startswith("0" if how == "hardened" else "1")


def test_the_command_hardens_itself_before_it_listens(place: Place, forks: Forks) -> None:
    path = place.path()
    with Process(place, forks, place.text(at(path)), code='import os; os.environ["CANARY"] = "x"') as agent:
        agent.until("listening on")
        limits = Path(f"/proc/{agent.pid}/limits").read_text("utf-8")
        assert next(line for line in limits.splitlines() if "core file" in line).split()[4:6] == ["0", "0"]
        assert not Path(f"/proc/{agent.pid}/environ").read_bytes().strip(b"\0")
        assert AUDIENCE not in agent.text
