"""`watch` as a process that goes on. It is apart, because its world has the machine's own clock."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.command import MAIN, environ
from tests.e2e.sinks import NO_TRUST
from tests.e2e.test_several_clients import write
from tests.e2e.test_watch import LOGS, in_dashboard
from tests.e2e.world import MakeWorld, World
from tests.unit.agent.running import free_port


def test_it_follows_the_log_until_it_is_asked_to_stop(make_live: MakeWorld, tmp_path: Path) -> None:
    world = make_live(scopes=LOGS)
    world.fill()
    world.adopt()
    options = ["watch", world.client_id, "--interval", "2", *(word for uri in world.uris for word in ("--sink", uri))]
    command = [sys.executable, "-c", MAIN, *options]
    process = subprocess.Popen(command, env=environ(world, tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        threading.Timer(3, lambda: in_dashboard(world)).start()
        line = process.stdout.readline()
        assert line.startswith(f"{world.client_id}  drift: changed outside the bridge")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.communicate()


def sent(url: str, token: str, world: World) -> int:
    """Send what Auth0's log stream sends of the last change, until the watch takes it. Return the status."""
    entry = world.tenant.logs()[-1]
    batch = [{"log_id": entry["log_id"], "data": entry}]
    for _ in range(100):
        try:
            answer = httpx.post(url, json=batch, headers={"Authorization": token}, verify=NO_TRUST, trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return answer.status_code
    return 0


def test_what_a_log_stream_sends_is_looked_at_at_once(make_live: MakeWorld, tmp_path: Path) -> None:
    world = make_live(scopes=LOGS)
    world.fill()
    world.adopt()
    port, token = free_port(), tmp_path / "stream"
    token.write_text("s" * 40, "utf-8")
    token.chmod(0o600)
    write(tmp_path, {"billing": world})
    with (tmp_path / "bridge.toml").open("a", encoding="utf-8") as file:
        file.write(f'[watch]\naddress = "127.0.0.1:{port}"\n[watch.streams]\nlocal = "file:{token}"\n')
    options = ["watch", "--verbose", "--interval", "3600", "--every", "1440"]
    process = subprocess.Popen([sys.executable, "-c", MAIN, *options], env=environ(world, tmp_path), cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    url = f"http://127.0.0.1:{port}/v1/logs/local"
    try:
        assert process.stdout
        assert process.stderr
        in_dashboard(world)
        assert sent(url, "x" * 40, world) == 401, process.poll() and process.stderr.read()
        assert sent(url, "s" * 40, world) == 200
        assert process.stdout.readline().startswith("billing  drift: changed outside the bridge")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        assert "s" * 40 not in process.stderr.read()
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=NO_TRUST, trust_env=False)
    finally:
        process.kill()
        process.communicate()
